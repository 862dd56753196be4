/**
 * A speech model that stands alone: text -> audio, and where it can, a recording -> the same words in another voice.
 *
 * What is common to all of them is here: checks, sentences, noise from a seed, progress, cancelling. What each does with
 * a sentence is its engine's.
 */
import { assertPcmAudio, concatAudio, numSamples, type PcmAudio } from "../audio/pcm-audio";
import { ModelError, TextError } from "../errors";
import { type ChunkSource, type JobOptions, progressReporter } from "../runtime/job";
import { untilAborted } from "../runtime/until-aborted";
import { GaussianSource, type NoiseSource } from "../sampling/gaussian";
import { splitSentences } from "./sentences";
import { convertChunks, sliceRecording, type VoiceStream } from "./voice-stream";

/** What `synthesize` and `synthesizeStream` take beside the text. */
export interface SynthesizeOptions extends JobOptions {
  /** Where the noise begins: equal seeds give equal audio. Default 0. */
  readonly seed?: number;
  /** Which voice, counted from 0. Default 0. */
  readonly speaker?: number;
  /** 2 is twice as fast as 1. Default: the model's own. */
  readonly speakingRate?: number;
  /** How much chance there is in the sound; 0 for none. Default: the model's own. */
  readonly noiseScale?: number;
  /** How much chance there is in the rhythm; 0 for none. Default: the model's own. */
  readonly durationNoiseScale?: number;
  /** Silence between sentences. Default 0.2 s. */
  readonly pauseSeconds?: number;
  /** Called for each sentence with letters and digits that the model does not know and leaves out. */
  readonly onUnknown?: (symbols: readonly string[]) => void;
}

/** What `convertVoice` and `convertVoiceStream` take beside the audio. */
export interface ConvertOptions extends JobOptions {
  /** Whose voice goes in, counted from 0. */
  readonly from: number;
  /** Whose voice comes out. */
  readonly to: number;
  /** Where the noise begins: equal seeds give equal audio. Default 0. */
  readonly seed?: number;
  /** How much chance there is in the sound. Default 1, as it was trained. */
  readonly noiseScale?: number;
}

/** What a sentence is spoken with. */
export interface SpeakOptions {
  readonly speaker: number;
  readonly speakingRate: number | undefined;
  readonly noiseScale: number | undefined;
  readonly durationNoiseScale: number | undefined;
  readonly noise: NoiseSource;
  readonly signal: AbortSignal | undefined;
}

/** One sentence as an engine speaks it. */
export interface SpokenSentence {
  /** Samples as they come, in chunks; none for a sentence with nothing that the model knows. */
  readonly chunks: AsyncIterable<Float32Array>;
  /** Letters and digits that were left out. */
  readonly unknown: readonly string[];
  /** Whether there is anything to say. */
  readonly isEmpty: boolean;
}

/** What a model does. Each system of `codecs/` that speaks makes one. */
export interface SpeechEngine {
  /** Such as `vits`. */
  readonly name: string;
  /** Of the audio, in Hz. */
  readonly sampleRate: number;
  readonly numSpeakers: number;
  /**
   * Writes out what the model's language abbreviates, before the text is cut where its sentences end. Absent where text is
   * read as it stands.
   */
  spellOut?(text: string): string;
  /** Prepares one sentence; the sound is computed when the chunks are taken. */
  speak(sentence: string, options: SpeakOptions): Promise<SpokenSentence>;
  /** Starts on a recording; absent in models that convert no voices. */
  openConversion?(options: Omit<SpeakOptions, "speaker"> & { from: number; to: number }): Promise<VoiceStream>;
  dispose(): Promise<void>;
}

const defaultPauseSeconds = 0.2;

/**
 * A speech model with its weights.
 *
 * It may run several jobs at once. `dispose` it, or hold it by `await using`, when it is no longer needed.
 */
export class SpeechModel implements AsyncDisposable {
  readonly #engine: SpeechEngine;

  constructor(engine: SpeechEngine) {
    this.#engine = engine;
  }

  get name(): string {
    return this.#engine.name;
  }

  /** Of the audio that comes out, in Hz. */
  get sampleRate(): number {
    return this.#engine.sampleRate;
  }

  /** Voices to choose from. */
  get numSpeakers(): number {
    return this.#engine.numSpeakers;
  }

  /**
   * Speaks a text.
   *
   * @returns one channel; no samples for a text without letters or digits
   * @throws {TypeError | RangeError} when the text is none or an option is out of range
   * @throws {TextError} code `nothing-to-say` when the model knows nothing of a text that has letters or digits
   * @example
   * const audio = await model.synthesize("Sound is a wave.", { seed: 1 });
   */
  async synthesize(text: string, options: SynthesizeOptions = {}): Promise<PcmAudio> {
    const pieces: PcmAudio[] = [];
    for await (const piece of this.synthesizeStream(text, options)) pieces.push(piece);
    return concatAudio(pieces, 1, this.sampleRate);
  }

  /**
   * Speaks a text as it is computed: the first chunk comes before its sentence is finished, later ones are longer. The
   * samples are those of `synthesize`. Memory does not grow with the text, but for the text.
   *
   * @example
   * for await (const { channels } of model.synthesizeStream(text)) speaker.write(channels[0]);
   */
  async *synthesizeStream(text: string, options: SynthesizeOptions = {}): AsyncGenerator<PcmAudio, void> {
    this.#checkOptions(text, options);
    const { seed = 0, speaker = 0, pauseSeconds = defaultPauseSeconds, signal, onUnknown } = options;
    const { speakingRate, noiseScale, durationNoiseScale } = options;
    const noise = new GaussianSource(seed);
    const report = progressReporter(options, undefined);
    let hasSpoken = false;
    for (const sentence of splitSentences(this.#engine.spellOut?.(text) ?? text)) {
      signal?.throwIfAborted();
      const rates = { speakingRate, noiseScale, durationNoiseScale };
      const spoken = await this.#engine.speak(sentence, { speaker, ...rates, noise, signal });
      if (spoken.unknown.length > 0) onUnknown?.(spoken.unknown);
      if (spoken.isEmpty) continue;
      if (hasSpoken && pauseSeconds > 0)
        yield this.#chunk(new Float32Array(Math.round(pauseSeconds * this.sampleRate)));
      hasSpoken = true;
      for await (const samples of untilAborted(spoken.chunks, signal)) {
        if (samples.length === 0) continue;
        report(samples.length / this.sampleRate);
        yield this.#chunk(samples);
      }
    }
    if (!hasSpoken && /[\p{L}\p{N}]/u.test(text)) throw nothingToSay(text);
  }

  /**
   * Says what a recording says in another of the model's voices.
   *
   * @param audio  of any sample rate; channels are averaged into one
   * @returns as much audio as went in, down to whole frames of the model
   * @throws {ModelError} code `no-voice-conversion` when the model has one voice
   * @throws {TypeError | RangeError} when the audio or an option is malformed
   * @throws {AudioFormatError} code `corrupt-audio` when the audio holds NaN or infinities
   */
  async convertVoice(audio: PcmAudio, options: ConvertOptions): Promise<PcmAudio> {
    assertPcmAudio(audio);
    const totalSeconds = numSamples(audio) / audio.sampleRate;
    const pieces: PcmAudio[] = [];
    for await (const piece of this.#convert(sliceRecording(audio), options, totalSeconds)) pieces.push(piece);
    return concatAudio(pieces, 1, this.sampleRate);
  }

  /** Converts chunks as they come: the same samples as `convertVoice` gives for all of them. */
  convertVoiceStream(chunks: ChunkSource<PcmAudio>, options: ConvertOptions): AsyncGenerator<PcmAudio, void> {
    return this.#convert(chunks, options, undefined);
  }

  /** Frees the networks' memory. The model cannot be used afterwards. */
  async dispose(): Promise<void> {
    await this.#engine.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  async *#convert(
    chunks: ChunkSource<PcmAudio>,
    options: ConvertOptions,
    totalSeconds: number | undefined,
  ): AsyncGenerator<PcmAudio, void> {
    const stream = await this.#openConversion(options);
    const report = progressReporter(options, totalSeconds);
    for await (const { samples, seconds } of convertChunks(
      stream,
      untilAborted(chunks, options.signal),
      this.sampleRate,
    )) {
      report(seconds);
      if (samples.length > 0) yield this.#chunk(samples);
    }
  }

  #openConversion({ from, to, seed = 0, noiseScale, signal }: ConvertOptions): Promise<VoiceStream> {
    const { name, numSpeakers, openConversion } = this.#engine;
    if (openConversion === undefined || numSpeakers < 2) {
      const message = `"${name}" has one voice, with these weights; give a model of several speakers`;
      throw new ModelError("no-voice-conversion", message, { model: name });
    }
    this.#checkSpeaker("from", from);
    this.#checkSpeaker("to", to);
    checkNumber("noiseScale", noiseScale, { isZeroFine: true });
    const noise = new GaussianSource(seed);
    const rates = { speakingRate: undefined, durationNoiseScale: undefined, noiseScale };
    return openConversion.call(this.#engine, { from, to, ...rates, noise, signal });
  }

  #chunk(samples: Float32Array): PcmAudio {
    return { channels: [samples], sampleRate: this.sampleRate };
  }

  #checkOptions(text: string, options: SynthesizeOptions): void {
    if (typeof text !== "string") throw new TypeError(`"text" expected a string, got ${typeof text}`);
    this.#checkSpeaker("speaker", options.speaker ?? 0);
    checkNumber("speakingRate", options.speakingRate, { isZeroFine: false });
    for (const name of ["noiseScale", "durationNoiseScale", "pauseSeconds"] as const) {
      checkNumber(name, options[name], { isZeroFine: true });
    }
  }

  #checkSpeaker(name: string, speaker: number): void {
    const { numSpeakers } = this.#engine;
    if (Number.isSafeInteger(speaker) && speaker >= 0 && speaker < numSpeakers) return;
    throw new RangeError(`"${name}" expected a whole number from 0 to ${numSpeakers - 1}, got ${speaker}`);
  }
}

function checkNumber(name: string, value: number | undefined, { isZeroFine }: { isZeroFine: boolean }): void {
  if (value === undefined || (Number.isFinite(value) && (value > 0 || (isZeroFine && value === 0)))) return;
  throw new RangeError(`"${name}" expected a number ${isZeroFine ? "of at least 0" : "above 0"}, got ${value}`);
}

function nothingToSay(text: string): TextError {
  const quoted = text.trim().slice(0, 60);
  const message = `the model knows no letter of "${quoted}"; give text in its language and script`;
  return new TextError("nothing-to-say", message, { text: quoted });
}
