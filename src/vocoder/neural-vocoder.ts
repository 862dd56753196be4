/**
 * A vocoder that stands alone: features [F, M] -> audio, loaded by name with weights of its own.
 *
 * What is common to all of them is here: checks, slices, progress, cancelling. What each does with its frames is its
 * engine's.
 */
import type { PcmAudio } from "../audio/pcm-audio";
import { ModelError } from "../errors";
import { type MelConfig, melDifference } from "../features/mel-spectrogram";
import { concatFloats } from "../kernels/concat";
import { type ChunkSource, type JobOptions, progressReporter } from "../runtime/job";
import { untilAborted } from "../runtime/until-aborted";
import { assertSeed } from "../sampling/gaussian";

/** What `vocode` and `vocodeStream` take beside the features. */
export interface VocodeOptions extends JobOptions {
  /** Where the noise of vocoders that draw some begins: equal seeds give equal audio. Default 0. */
  readonly seed?: number;
  /** Rate that the features were quantized at, for vocoders that know several apart. */
  readonly bitsPerSecond?: number;
}

/** What an engine hears of a call. */
export interface StreamOptions extends VocodeOptions {
  /** Whether the caller waits for the end anyway: then fewer, longer calls of the network save work. Default: not. */
  readonly isPatient?: boolean;
}

/** What a vocoder takes in and how it goes about it. Each system of `codecs/` that is a vocoder makes one. */
export interface VocoderEngine {
  /** Such as `hifigan-v1`. */
  readonly name: string;
  /** Of the audio, in Hz. */
  readonly sampleRate: number;
  /** The name of what it takes: `log_mel` for log-mel features, which `mel` then describes. */
  readonly features: string;
  /** Values of one feature frame, M. */
  readonly featureDim: number;
  /** Samples that one feature frame becomes. */
  readonly hopLength: number;
  /** Which log-mel it was trained on. */
  readonly mel?: MelConfig;
  /** Starts on a new signal. Options are those of the call; the signal is for work that takes long inside a push. */
  openStream(options: StreamOptions): Promise<FeatureStream>;
  dispose(): Promise<void>;
}

/** One signal on its way through an engine. */
export interface FeatureStream {
  /**
   * Takes frames and gives the samples that they complete, perhaps none.
   *
   * Shapes   features [F, M], F >= 0; result: what is final by now
   */
  push(features: Float32Array): Promise<Float32Array>;
  /** Gives what is left: pushes and flush together give F * hopLength samples for all F frames. */
  flush(): Promise<Float32Array>;
}

/** Features that are in memory go through in slices of so many seconds: progress and cancelling come this often. */
const SLICE_SECONDS = 5;

/**
 * A vocoder with its weights.
 *
 * It may run several jobs at once. `dispose` it, or hold it by `await using`, when it is no longer needed.
 */
export class NeuralVocoder implements AsyncDisposable {
  readonly #engine: VocoderEngine;

  constructor(engine: VocoderEngine) {
    this.#engine = engine;
  }

  get name(): string {
    return this.#engine.name;
  }

  /** Of the audio that comes out, in Hz. */
  get sampleRate(): number {
    return this.#engine.sampleRate;
  }

  /** The name of the features that go in. */
  get features(): string {
    return this.#engine.features;
  }

  /** Values of one feature frame, M. */
  get featureDim(): number {
    return this.#engine.featureDim;
  }

  /** Samples that one feature frame becomes. */
  get hopLength(): number {
    return this.#engine.hopLength;
  }

  /**
   * The log-mel that goes in: what `melSpectrogram` takes.
   *
   * @throws {ModelError} `features-mismatch` when this vocoder takes other features
   */
  get mel(): MelConfig {
    const { mel, name, features } = this.#engine;
    if (mel !== undefined) return mel;
    const message = `"${name}" takes "${features}" and no log-mel; choose a vocoder of mel features`;
    throw new ModelError("features-mismatch", message, { model: name });
  }

  /**
   * Turns features into audio.
   *
   * Shapes   features [F, M] row-major; F * hopLength samples come out
   * Memory   reads `features`, keeps no reference; the networks' memory does not grow with F
   * @throws {TypeError | RangeError} when the features are no whole number of frames, or hold no finite numbers
   */
  async vocode(features: Float32Array, options: VocodeOptions = {}): Promise<PcmAudio> {
    this.#checkFeatures(features);
    const { featureDim, hopLength, sampleRate } = this.#engine;
    const numFrames = features.length / featureDim;
    const pieces: Float32Array[] = [];
    const slices = this.#slices(features);
    const patient = { ...options, isPatient: true };
    for await (const piece of this.#run(slices, patient, (numFrames * hopLength) / sampleRate)) pieces.push(piece);
    return { channels: [concatFloats(pieces)], sampleRate };
  }

  /**
   * Turns features into audio as they come: the same samples as `vocode` gives for all of them. Chunks of audio follow
   * the frames by what the system looks ahead; empty ones are left out.
   *
   * Shapes   chunks [F, M] row-major, any F
   */
  async *vocodeStream(
    chunks: ChunkSource<Float32Array>,
    options: VocodeOptions = {},
  ): AsyncGenerator<Float32Array, void> {
    for await (const piece of this.#run(chunks, options, undefined)) if (piece.length > 0) yield piece;
  }

  /** Starts on a signal whose frames the caller pushes. For those who have no iterable of frames to give. */
  async openStream(options: StreamOptions = {}): Promise<FeatureStream> {
    // Also of vocoders that draw no noise: what one refuses, all refuse.
    assertSeed(options.seed ?? 0);
    return this.#engine.openStream(options);
  }

  /** Frees the networks' memory. The vocoder cannot be used afterwards. */
  async dispose(): Promise<void> {
    await this.#engine.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  async *#run(
    chunks: ChunkSource<Float32Array>,
    options: StreamOptions,
    totalSeconds: number | undefined,
  ): AsyncGenerator<Float32Array, void> {
    const { featureDim, hopLength, sampleRate } = this.#engine;
    const report = progressReporter(options, totalSeconds);
    const stream = await this.openStream(options);
    for await (const chunk of untilAborted(chunks, options.signal)) {
      this.#checkFeatures(chunk);
      yield await stream.push(chunk);
      report(((chunk.length / featureDim) * hopLength) / sampleRate);
    }
    yield await stream.flush();
  }

  *#slices(features: Float32Array): Generator<Float32Array> {
    const { featureDim, hopLength, sampleRate } = this.#engine;
    const length = Math.ceil((SLICE_SECONDS * sampleRate) / hopLength) * featureDim;
    for (let begin = 0; begin < features.length; begin += length) yield features.subarray(begin, begin + length);
  }

  #checkFeatures(features: Float32Array): void {
    const { featureDim } = this.#engine;
    if (!(features instanceof Float32Array)) {
      throw new TypeError(`"features" expected a Float32Array of frames, got ${typeof features}`);
    }
    if (features.length % featureDim !== 0) {
      throw new RangeError(`"features" expected whole frames of ${featureDim} values, got ${features.length} values`);
    }
    const bad = features.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) throw new RangeError(`"features" expected finite values, got ${features[bad]} at ${bad}`);
  }
}

/** One side of a comparison of features: who gives or takes them. */
export interface MelSide {
  /** Such as `speech-16k`. */
  readonly name: string;
  readonly mel: MelConfig;
}

/**
 * Checks that features of the one side are features of the other.
 *
 * @throws {ModelError} `features-mismatch`, naming both sides and the field
 */
export function assertSameMel(given: MelSide, taken: MelSide): void {
  const difference = melDifference(given.mel, taken.mel);
  if (difference === undefined) return;
  const { field, left, right } = difference;
  const sides = `"${given.name}" gives log-mel with ${field} ${left}, "${taken.name}" takes ${field} ${right}`;
  throw new ModelError("features-mismatch", `${sides}; choose a vocoder that was trained on the same features`, {
    model: taken.name,
  });
}
