/** A loaded codec: `encode`, `decode`, and both as streams. The stages that they run are in pipeline.ts. */
import { assertPcmAudio, concatAudio, numSamples, type PcmAudio } from "./audio/pcm-audio";
import { type Denoise, denoiseByFrame } from "./encoder/denoising";
import { noiseDetectorFor } from "./encoder/noise-detector";
import type { CodecIdentity, CodecStages } from "./pipeline";
import { type ChunkSource, type JobOptions, progressReporter } from "./runtime/job";
import { LazyResource } from "./runtime/lazy-resource";
import { untilAborted } from "./runtime/until-aborted";
import { activeCodebooksFor } from "./rvq/bitrate";
import { decodeBatch } from "./streaming/batch-decoder";
import { encodeBatch } from "./streaming/batch-encoder";
import { SegmentDecoder } from "./streaming/segment-decoder";
import { SegmentEncoder } from "./streaming/segment-encoder";
import { sliceAudio, sliceTokens } from "./streaming/slices";
import { assertTokensOf } from "./streaming/token-checks";
import { TokenDecoder } from "./streaming/token-decoder";
import { TokenEncoder, type TokenEncoderConfig } from "./streaming/token-encoder";
import { withBeamWidth } from "./streaming/with-beam-width";
import { withVocoder } from "./streaming/with-vocoder";
import { concatTokenFrames } from "./tokens/concat-token-frames";
import { assertTokenFrames, type TokenFrames } from "./tokens/token-frames";
import type { NeuralVocoder } from "./vocoder/neural-vocoder";

/** Frames that one network call takes at most. Longer blocks gain no speed and cost memory (bench/pipeline). */
const BLOCK_FRAMES = 50;

/** Frames that the signals of a batch have together in one network call. */
const BATCH_FRAMES = 800;

export interface EncodeOptions extends JobOptions {
  /** Rate to stay at or below, in bits per second before entropy coding. Default: all codebooks. */
  readonly bitsPerSecond?: number;
  /** Residual stages to use, instead of a rate. */
  readonly numCodebooks?: number;
  /**
   * Paths that the search for a frame's tokens keeps from stage to stage, 1 to 64: more give better sound at the same rate,
   * and take time in proportion. The decoder need not know. Default: the codec's own, `speech-16k` 8, all others 1, which
   * is the greedy search of their reference implementations.
   */
  readonly beamWidth?: number;
  /**
   * `mix` (default) makes the channels that the codec takes: the mean of all, in each, unless there are just as many.
   * `separate` codes each by itself at the rate given, with codecs that take one.
   */
  readonly channels?: "mix" | "separate";
  /**
   * Takes noise away, where `identity.denoising` is `encoder`. A function is asked for each frame, by the second that it
   * begins at.
   */
  readonly denoise?: Denoise;
  /**
   * Discontinuous transmission, for codecs whose decoder makes comfort noise: frames of nothing but background noise are
   * marked in `lostFrames` of the tokens, and need not be sent. Files cannot keep the marks and are refused. Default: false.
   */
  readonly dtx?: boolean;
}

export interface DecodeOptions extends JobOptions {
  /** The same where `identity.denoising` is `decoder`. */
  readonly denoise?: Denoise;
  /**
   * Makes the samples in place of the codec's own vocoder, from features that the codec's decoder has for it. A name is
   * loaded on the codec's device by the first call that gives it, and kept until the codec is disposed: a short one such
   * as `hifigan` where one was made for this codec, or what `loadVocoder` knows.
   */
  readonly vocoder?: NeuralVocoder | string;
}

/** Loads the vocoder that a codec means by a name. */
export type VocoderLoader = (name: string) => Promise<NeuralVocoder>;

/**
 * A codec with its weights.
 *
 * It may run several jobs at once: each call has its own state, the networks are shared. `dispose` it, or hold it by
 * `await using`, when it is no longer needed.
 */
export class Codec implements AsyncDisposable {
  readonly #stages: CodecStages;
  readonly #loadVocoder: VocoderLoader;
  /** Those that were asked for by name. */
  readonly #vocoders = new Map<string, LazyResource<NeuralVocoder>>();

  /** @param loadVocoder  for codecs that can be told a vocoder by name */
  constructor(stages: CodecStages, loadVocoder: VocoderLoader = refuseName) {
    this.#stages = stages;
    this.#loadVocoder = loadVocoder;
  }

  get identity(): CodecIdentity {
    return this.#stages.identity;
  }

  /**
   * Turns audio into tokens.
   *
   * Any sample rate and number of channels goes in; the tokens count samples at the codec's own rate.
   *
   * Memory   reads `audio`, keeps no reference; the networks' memory does not grow with its length
   * @throws {TypeError | RangeError} when the audio or an option is malformed
   * @throws {AudioFormatError} code `corrupt-audio` when the audio holds NaN or infinities
   */
  async encode(audio: PcmAudio, options: EncodeOptions = {}): Promise<TokenFrames> {
    assertPcmAudio(audio);
    const totalSeconds = numSamples(audio) / audio.sampleRate;
    const pieces = this.#encodePieces(sliceAudio(audio), options, totalSeconds);
    return concatTokenFrames(await collect(pieces));
  }

  /**
   * Turns tokens back into audio of the codec's sample rate, as many samples as were encoded.
   *
   * @throws {TypeError} when `tokens` is nothing of the kind
   * @throws {RangeError} when an option is malformed
   * @throws {TokenError} when the tokens are of another codec or revision, or out of range
   * @throws {ModelError} `features-mismatch` when `options.vocoder` takes other features than the codec has,
   *   `unknown-vocoder` and `missing-weights` for names
   */
  async decode(tokens: TokenFrames, options: DecodeOptions = {}): Promise<PcmAudio> {
    assertTokenFrames(tokens);
    const totalSeconds = tokens.numSamples / tokens.sampleRate;
    const slices = sliceTokens(tokens, this.identity.hopLength);
    const pieces = await collect(this.#decodePieces(slices, options, totalSeconds));
    const numChannels = tokens.numChannels * (this.identity.jointChannels ?? 1);
    return concatAudio(pieces, numChannels, this.identity.sampleRate);
  }

  /**
   * Encodes several signals of any length, each to the tokens that `encode` gives it. Networks run them side by side where
   * they can; each signal is held whole, and progress is told at the end.
   *
   * @throws as `encode`
   */
  async encodeBatch(audios: readonly PcmAudio[], options: EncodeOptions = {}): Promise<TokenFrames[]> {
    assertList("audios", audios);
    for (const audio of audios) assertPcmAudio(audio);
    const config = this.#encoderConfig(options);
    const stages = this.#encodingStages(options);
    const encoder = await stages.encoder();
    const isPlain = options.denoise === undefined && config.openNoiseDetector === undefined;
    if (takesBatches(encoder) && audios.length > 1 && isPlain) {
      const tokens = await encodeBatch(stages, encoder, audios, { ...config, maxFrames: BATCH_FRAMES });
      reportAll(options, tokens);
      return tokens;
    }
    return inTurn(audios, (audio) => this.encode(audio, options));
  }

  /**
   * Decodes the tokens of several signals, each to the audio that `decode` gives it.
   *
   * @throws as `decode`
   */
  async decodeBatch(signals: readonly TokenFrames[], options: DecodeOptions = {}): Promise<PcmAudio[]> {
    assertList("signals", signals);
    for (const tokens of signals) assertTokensOf(this.identity, tokens);
    const decoder = await this.#stages.decoder();
    const isPassedOn = decoder.delaySamples === 0 && this.#stages.vocoder.featureDim === 1;
    const isAlike = signals.every((tokens) => tokens.numCodebooks === signals[0]?.numCodebooks);
    const isWhole = signals.every((tokens) => tokens.lostFrames === undefined);
    const isPlain = options.denoise === undefined && options.vocoder === undefined;
    if (takesBatches(decoder) && signals.length > 1 && isPassedOn && isAlike && isWhole && isPlain) {
      const config = { blockFrames: BLOCK_FRAMES, maxFrames: BATCH_FRAMES, signal: options.signal };
      const audios = await decodeBatch(this.#stages, decoder, signals, config);
      reportAll(options, signals);
      return audios;
    }
    return inTurn(signals, (tokens) => this.decode(tokens, options));
  }

  /**
   * Encodes chunks as they come: each chunk gives the tokens of the frames that it completes, the same tokens whatever
   * the chunking. Pieces that hold no frame are left out.
   */
  encodeStream(chunks: ChunkSource<PcmAudio>, options: EncodeOptions = {}): AsyncGenerator<TokenFrames, void> {
    return withFrames(this.#encodePieces(chunks, options, undefined));
  }

  /** Decodes pieces as they come. Chunks of audio follow the tokens by the decoder's delay; empty ones are left out. */
  decodeStream(pieces: ChunkSource<TokenFrames>, options: DecodeOptions = {}): AsyncGenerator<PcmAudio, void> {
    return withSamples(this.#decodePieces(pieces, options, undefined));
  }

  /** The same as `encodeStream`, for piping Web Streams through. */
  encodeTransform(options: EncodeOptions = {}): TransformStream<PcmAudio, TokenFrames> {
    const encoder = this.#tokenEncoder(options);
    const report = progressReporter(options, undefined);
    return new TransformStream({
      async transform(chunk, controller) {
        enqueueFrames(controller, await encoder.push(chunk));
        report(numSamples(chunk) / chunk.sampleRate);
      },
      flush: async (controller) => enqueueFrames(controller, await encoder.flush()),
    });
  }

  /** The same as `decodeStream`, for piping Web Streams through. */
  decodeTransform(options: DecodeOptions = {}): TransformStream<TokenFrames, PcmAudio> {
    const opening = this.#tokenDecoder(options);
    const report = progressReporter(options, undefined);
    return new TransformStream({
      async start() {
        await opening;
      },
      async transform(piece, controller) {
        enqueueSamples(controller, await (await opening).push(piece));
        report(piece.numSamples / piece.sampleRate);
      },
      flush: async (controller) => enqueueSamples(controller, await (await opening).flush()),
    });
  }

  /** Frees the networks' memory. The codec cannot be used afterwards. */
  async dispose(): Promise<void> {
    for (const vocoder of this.#vocoders.values()) await vocoder.dispose();
    await this.#stages.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  async *#encodePieces(
    chunks: ChunkSource<PcmAudio>,
    options: EncodeOptions,
    totalSeconds: number | undefined,
  ): AsyncGenerator<TokenFrames, void> {
    const encoder = this.#tokenEncoder(options);
    const report = progressReporter(options, totalSeconds);
    for await (const chunk of untilAborted(chunks, options.signal)) {
      yield await encoder.push(chunk);
      report(numSamples(chunk) / chunk.sampleRate);
    }
    yield await encoder.flush();
  }

  #tokenEncoder(options: EncodeOptions): TokenEncoder | SegmentEncoder {
    const { segmentation } = this.identity;
    const config = this.#encoderConfig(options);
    const stages = this.#encodingStages(options);
    return segmentation === undefined
      ? new TokenEncoder(stages, config)
      : new SegmentEncoder(stages, segmentation, config);
  }

  #encodingStages({ beamWidth }: EncodeOptions): CodecStages {
    return beamWidth === undefined ? this.#stages : withBeamWidth(this.#stages, beamWidth);
  }

  #encoderConfig(options: EncodeOptions): TokenEncoderConfig {
    const { channels = "mix", signal } = options;
    const { jointChannels = 1, name } = this.identity;
    const denoise = denoiseByFrame(options.denoise, "encoder", this.identity);
    if (channels !== "mix" && channels !== "separate") {
      throw new RangeError(`"channels" expected "mix" or "separate", got ${JSON.stringify(channels)}`);
    }
    if (channels === "separate" && jointChannels > 1) {
      throw new RangeError(
        `"channels" expected "mix" for ${name}, which codes ${jointChannels} together, got "separate"`,
      );
    }
    const activeCodebooks = activeCodebooksFor(this.identity, options);
    const openNoiseDetector = noiseDetectorFor(options.dtx, this.#stages);
    return { activeCodebooks, channels, blockFrames: BLOCK_FRAMES, signal, denoise, openNoiseDetector };
  }

  async #tokenDecoder({ signal, denoise, vocoder: given }: DecodeOptions): Promise<TokenDecoder | SegmentDecoder> {
    const { segmentation } = this.identity;
    const vocoder = typeof given === "string" ? await this.#namedVocoder(given) : given;
    const stages = vocoder === undefined ? this.#stages : withVocoder(this.#stages, vocoder, signal);
    const config = {
      blockFrames: BLOCK_FRAMES,
      signal,
      denoise: denoiseByFrame(denoise, "decoder", this.identity),
    };
    return segmentation === undefined
      ? new TokenDecoder(stages, config)
      : new SegmentDecoder(stages, segmentation, config);
  }

  #namedVocoder(name: string): Promise<NeuralVocoder> {
    const resource = this.#vocoders.get(name) ?? new LazyResource(() => this.#loadVocoder(name));
    this.#vocoders.set(name, resource);
    return resource.get();
  }

  async *#decodePieces(
    pieces: ChunkSource<TokenFrames>,
    options: DecodeOptions,
    totalSeconds: number | undefined,
  ): AsyncGenerator<PcmAudio, void> {
    const decoder = await this.#tokenDecoder(options);
    const report = progressReporter(options, totalSeconds);
    for await (const piece of untilAborted(pieces, options.signal)) {
      yield await decoder.push(piece);
      report(piece.numSamples / piece.sampleRate);
    }
    yield await decoder.flush();
  }
}

function refuseName(name: string): Promise<NeuralVocoder> {
  return Promise.reject(new TypeError(`"vocoder" expected one that was loaded, got the name "${name}"`));
}

function assertList(name: string, list: unknown): void {
  if (Array.isArray(list)) return;
  throw new TypeError(`"${name}" expected an array, got ${Object.prototype.toString.call(list)}`);
}

/** Whether a network runs signals side by side. */
function takesBatches<T extends { openBatch?: unknown }>(network: T): network is T & Required<Pick<T, "openBatch">> {
  return network.openBatch !== undefined;
}

/** A batch is one slice of work: its end is all that there is to tell. */
function reportAll(options: JobOptions, signals: readonly TokenFrames[]): void {
  const seconds = signals.reduce((sum, tokens) => sum + tokens.numSamples / tokens.sampleRate, 0);
  progressReporter(options, seconds)(seconds);
}

/** One after the other: each job's memory is free before the next one starts. */
async function inTurn<T, R>(items: readonly T[], run: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await run(item));
  return results;
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

async function* withFrames(pieces: AsyncIterable<TokenFrames>): AsyncGenerator<TokenFrames, void> {
  for await (const piece of pieces) if (piece.codes.length > 0) yield piece;
}

async function* withSamples(chunks: AsyncIterable<PcmAudio>): AsyncGenerator<PcmAudio, void> {
  for await (const chunk of chunks) if (numSamples(chunk) > 0) yield chunk;
}

function enqueueFrames(controller: TransformStreamDefaultController<TokenFrames>, piece: TokenFrames): void {
  if (piece.codes.length > 0) controller.enqueue(piece);
}

function enqueueSamples(controller: TransformStreamDefaultController<PcmAudio>, chunk: PcmAudio): void {
  if (numSamples(chunk) > 0) controller.enqueue(chunk);
}
