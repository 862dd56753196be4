/** A VITS model that speaks: its networks, and what happens between them. */
import { ModelError } from "../../src/errors";
import { SpectrogramStream } from "../../src/features/spectrogram";
import { concatFloats } from "../../src/kernels/concat";
import { LateStream } from "../../src/runtime/late-stream";
import type { LazyResource } from "../../src/runtime/lazy-resource";
import type { NetworkSession, Tensors } from "../../src/runtime/network-session";
import { outputData } from "../../src/runtime/output-data";
import type { NoiseSource } from "../../src/sampling/gaussian";
import type { SpeakOptions, SpeechEngine, SpokenSentence } from "../../src/synthesis/speech-model";
import type { VoiceStream } from "../../src/synthesis/voice-stream";
import { WindowedStream } from "../../src/vocoder/frame-windows";
import type { VitsConfig } from "./config";
import { decoderReach } from "./decoder-graph";
import { drawPrior, symbolFrames, type TextStatistics } from "./durations";
import { type FlowDirection, flowLookAhead } from "./flow-graph";
import { posteriorLookAhead } from "./posterior-graph";
import type { VitsTokenizer } from "./tokenizer";

/** The networks of one model, built when they are first needed. */
export interface VitsNetworks {
  readonly text: LazyResource<NetworkSession>;
  readonly flow: Readonly<Record<FlowDirection, LazyResource<NetworkSession>>>;
  readonly decoder: LazyResource<NetworkSession>;
  readonly posterior: LazyResource<NetworkSession>;
}

/** Tables that are looked up outside the networks. */
export interface Embeddings {
  /** [numSymbols, H], scaled as the text encoder takes them */
  readonly symbols: Float32Array;
  /** [numSpeakers, G]; empty for one voice */
  readonly speakers: Float32Array;
}

/** Frames of the first chunk: what the first sound waits for beside what the networks look ahead. */
const firstFrames = 8;
/** Every block is twice as long as the one before, up to this: the decoder computes less of its surroundings again. */
const maxBlockFrames = 256;
/** Added to each power of the posterior encoder's spectrogram before the root, as in training. */
const powerOffset = 1e-6;

/** Puts a model together. */
export class VitsEngine implements SpeechEngine {
  readonly name: string;
  readonly #config: VitsConfig;
  readonly #networks: VitsNetworks;
  readonly #embeddings: Embeddings;
  readonly #tokenizer: VitsTokenizer;
  readonly #close: () => void;

  /** @param owner  what the model is called, and what frees its file of weights */
  constructor(
    config: VitsConfig,
    networks: VitsNetworks,
    embeddings: Embeddings,
    tokenizer: VitsTokenizer,
    { name, close }: { readonly name: string; close(): void },
  ) {
    this.name = name;
    this.#config = config;
    this.#networks = networks;
    this.#embeddings = embeddings;
    this.#tokenizer = tokenizer;
    this.#close = close;
  }

  get sampleRate(): number {
    return this.#config.sampleRate;
  }

  get numSpeakers(): number {
    return this.#config.numSpeakers;
  }

  spellOut(text: string): string {
    return this.#tokenizer.spellOut(text);
  }

  async speak(sentence: string, options: SpeakOptions): Promise<SpokenSentence> {
    const { symbols, unknown } = await this.#tokenizer.encode(sentence);
    return { chunks: this.speakSymbols(symbols, options), unknown, isEmpty: symbols.length === 0 };
  }

  /** The sound of symbols, in chunks; none for no symbols. */
  async *speakSymbols(symbols: readonly number[], options: SpeakOptions): AsyncGenerator<Float32Array, void> {
    if (symbols.length === 0) return;
    const { noiseScale = this.#config.noiseScale, speakingRate = this.#config.speakingRate, noise } = options;
    const statistics = await this.textStatistics(symbols, options);
    const durations = symbolFrames(statistics.logDurations, speakingRate);
    const flow = await this.#openFlow("to-sound", options.speaker);
    const decoder = await this.#openDecoder(options.speaker, options.signal);
    const firstBlock = flowLookAhead(this.#config) + decoderReach(this.#config).ahead + firstFrames;
    const blockFrames = (block: number): number =>
      block === 0 ? firstBlock : Math.min(maxBlockFrames, firstFrames * 2 ** block);
    for (const prior of drawPrior(statistics, durations, { noise, noiseScale, blockFrames })) {
      yield await decoder.push(await flow.push(prior));
    }
    yield await decoder.push(await flow.flush());
    yield await decoder.flush();
  }

  /** What the text network says of symbols. Draws the noise of their durations first. */
  async textStatistics(
    symbols: readonly number[],
    { noise, durationNoiseScale = this.#config.durationNoiseScale, speaker }: SpeakOptions,
  ): Promise<TextStatistics> {
    const { hiddenDim, hasDrawnDurations } = this.#config;
    const rows = concatFloats(
      symbols.map((at) => this.#embeddings.symbols.subarray(at * hiddenDim, (at + 1) * hiddenDim)),
    );
    const feeds: Record<string, Tensors[string]> = {
      symbols: { data: rows, shape: [1, symbols.length, hiddenDim] },
      ...this.#speakerFeed(speaker),
    };
    if (hasDrawnDurations) {
      const data = noise.take(2 * symbols.length).map((value) => value * durationNoiseScale);
      feeds.duration_noise = { data, shape: [1, symbols.length, 2] };
    }
    const session = await this.#networks.text.get();
    const outputs = await session.run(feeds);
    const logDurations = outputData(session, outputs, "log_durations");
    assertFiniteDurations(logDurations);
    return {
      means: outputData(session, outputs, "means"),
      logDeviations: outputData(session, outputs, "log_deviations"),
      logDurations,
    };
  }

  async openConversion({
    from,
    to,
    noise,
    noiseScale = 1,
    signal,
  }: Parameters<NonNullable<SpeechEngine["openConversion"]>>[0]): Promise<VoiceStream> {
    const { fftLength, hopLength } = this.#config;
    const lengths = { fftLength, windowLength: fftLength, hopLength };
    const spectrogram = new SpectrogramStream({ ...lengths, padding: "reflect-same", power: 1, powerOffset });
    const posterior = await this.#openPosterior(from);
    const [toText, toSound] = [await this.#openFlow("to-text", from), await this.#openFlow("to-sound", to)];
    const decoder = await this.#openDecoder(to, signal);
    const advance = async (statistics: Record<string, Float32Array>): Promise<Float32Array> =>
      decoder.push(await toSound.push(await toText.push(drawLatents(statistics, noise, noiseScale))));
    return {
      push: async (samples) => advance(await posterior.push(spectrogram.push(samples))),
      async flush() {
        const parts = [
          await advance(await posterior.push(spectrogram.flush())),
          await advance(await posterior.flush()),
        ];
        parts.push(await decoder.push(await toSound.push(await toText.flush())));
        parts.push(await decoder.push(await toSound.flush()), await decoder.flush());
        return concatFloats(parts);
      },
    };
  }

  async dispose(): Promise<void> {
    const { text, flow, decoder, posterior } = this.#networks;
    for (const network of [text, ...Object.values(flow), decoder, posterior]) await network.dispose();
    this.#close();
  }

  async #openFlow(direction: FlowDirection, speaker: number) {
    const session = await this.#networks.flow[direction].get();
    const input = { name: "latents", width: this.#config.latentDim };
    const lookAhead = flowLookAhead(this.#config);
    const stream = new LateStream({ session, input, lookAhead, fixed: this.#speakerFeed(speaker) });
    const flowed = (outputs: Record<string, Float32Array>): Float32Array => outputs.flowed ?? new Float32Array();
    return {
      push: async (latents: Float32Array) => flowed(await stream.push(latents)),
      flush: async () => flowed(await stream.flush()),
    };
  }

  async #openPosterior(speaker: number): Promise<LateStream> {
    const session = await this.#networks.posterior.get();
    const input = { name: "magnitudes", width: this.#config.fftLength / 2 + 1 };
    const lookAhead = posteriorLookAhead(this.#config);
    return new LateStream({ session, input, lookAhead, fixed: this.#speakerFeed(speaker) });
  }

  async #openDecoder(speaker: number, signal: AbortSignal | undefined): Promise<WindowedStream> {
    const session = await this.#networks.decoder.get();
    const { latentDim: featureDim } = this.#config;
    const fixed = this.#speakerFeed(speaker);
    const run = async (latents: Float32Array): Promise<Float32Array> => {
      const shape = [1, latents.length / featureDim, featureDim];
      return outputData(session, await session.run({ latents: { data: latents, shape }, ...fixed }), "waveform");
    };
    const sizes = { featureDim, ...decoderReach(this.#config), minFrames: firstFrames, maxFrames: maxBlockFrames };
    return new WindowedStream(sizes, run, signal);
  }

  #speakerFeed(speaker: number): Tensors {
    const { speakerDim } = this.#config;
    if (speakerDim === 0) return {};
    const data = this.#embeddings.speakers.subarray(speaker * speakerDim, (speaker + 1) * speakerDim);
    return { speaker: { data, shape: [speakerDim] } };
  }
}

/** Draws latents from their distribution. All [F, D]. */
function drawLatents(
  { means, log_deviations: logDeviations }: Record<string, Float32Array>,
  noise: NoiseSource,
  noiseScale: number,
): Float32Array {
  const latents = noise.take(means?.length ?? 0);
  return latents.map((value, at) => (means?.[at] ?? 0) + value * Math.exp(logDeviations?.[at] ?? 0) * noiseScale);
}

function assertFiniteDurations(logDurations: Float32Array): void {
  if (logDurations.every(Number.isFinite)) return;
  const message = "the model predicts durations that are no finite numbers; give undamaged weights";
  throw new ModelError("non-finite-latents", message, { model: "vits" });
}
