/** DiffWave without a mel: audio of a class, or of whatever it was trained on. */
import type { PcmAudio } from "../../src/audio/pcm-audio";
import { type Checkpoint, openCheckpoint } from "../../src/checkpoints/open-checkpoint";
import { requireTensor } from "../../src/checkpoints/state-dict";
import type { AssembleOptions, CodecSource } from "../../src/codec-definition";
import { concatFloats } from "../../src/kernels/concat";
import { type JobOptions, progressReporter } from "../../src/runtime/job";
import { LazyResource } from "../../src/runtime/lazy-resource";
import type { Tensor } from "../../src/runtime/runtime";
import { badConfig } from "../config-schema";
import { type DiffwaveConfig, parseDiffwaveConfig } from "./config";
import { type DiffwaveNetworks, loadNetworks } from "./networks";
import { Sampler, seededNoise } from "./sampler";

/** Samples that go through the steps at a time. */
const blockSamples = 1024;

/** What `generate` takes. */
export interface GenerateOptions extends JobOptions {
  readonly numSamples: number;
  /** The class, for a network that was trained with classes. */
  readonly label?: number;
  /** Equal seeds give equal audio. Default 0. */
  readonly seed?: number;
}

/** How a generator is loaded. */
export interface GeneratorOptions extends AssembleOptions {
  /** Whether the few steps of the config's fast schedule are taken instead of all. Default: they are not. */
  readonly isFast?: boolean;
}

/** A DiffWave that takes a class or nothing. Made by `loadDiffwaveGenerator`; the caller disposes it. */
export class DiffwaveGenerator implements AsyncDisposable {
  readonly #config: DiffwaveConfig;
  readonly #checkpoint: Checkpoint;
  readonly #networks: LazyResource<DiffwaveNetworks>;

  constructor(config: DiffwaveConfig, checkpoint: Checkpoint, options: GeneratorOptions) {
    this.#config = config;
    this.#checkpoint = checkpoint;
    this.#networks = new LazyResource(() => {
      return loadNetworks(config, checkpoint.tensors, options.isFast ?? false, options);
    });
  }

  /** Of the audio that comes out, in Hz. */
  get sampleRate(): number {
    return this.#config.sampleRate;
  }

  /**
   * Makes audio from noise.
   *
   * @throws {RangeError} when there is no such class, or the number of samples or the seed is out of range
   */
  async generate(options: GenerateOptions): Promise<PcmAudio> {
    const { numSamples, seed = 0, signal } = options;
    if (!Number.isSafeInteger(numSamples) || numSamples < 0) {
      throw new RangeError(`"numSamples" expected a whole number of at least 0, got ${numSamples}`);
    }
    const label = this.#embeddingOf(options.label);
    const noise = seededNoise(seed);
    const sampler = new Sampler(this.#config, await this.#networks.get(), { noise, label, signal });
    const report = progressReporter(options, numSamples / this.sampleRate);
    const pieces: Float32Array[] = [];
    for (let begin = 0; begin < numSamples; begin += blockSamples) {
      const length = Math.min(blockSamples, numSamples - begin);
      pieces.push(await sampler.push(length, new Float32Array(0)));
      report(length / this.sampleRate);
    }
    for await (const piece of sampler.flush()) pieces.push(piece);
    return { channels: [concatFloats(pieces)], sampleRate: this.sampleRate };
  }

  /** Frees the networks' memory. The generator cannot be used afterwards. */
  async dispose(): Promise<void> {
    await this.#networks.dispose();
    this.#checkpoint.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  #embeddingOf(label: number | undefined): Tensor | undefined {
    const { conditioning, numClasses = 0, classDim = 0 } = this.#config;
    if (conditioning === "none" && label === undefined) return undefined;
    if (label === undefined || !Number.isSafeInteger(label) || label < 0 || label >= numClasses) {
      const expected = numClasses === 0 ? "nothing, as there are no classes" : `a class below ${numClasses}`;
      throw new RangeError(`"label" expected ${expected}, got ${label}`);
    }
    const { data } = requireTensor(this.#checkpoint.tensors, "class_embedding.weight", [numClasses, classDim]);
    return { data: data.slice(label * classDim, (label + 1) * classDim), shape: [1, 1, classDim] };
  }
}

/**
 * Loads a DiffWave that was trained with classes or with nothing but sound.
 *
 * @param source  a config whose `conditioning` is `label` or `none`, and its weights
 * @throws {ModelError} when the config is malformed or for a vocoder
 * @throws {CheckpointError} when the weights cannot be had or read
 * @example
 * await using generator = await loadDiffwaveGenerator({ config, weights: "sc09.pt" });
 * const audio = await generator.generate({ numSamples: 16000, label: 3 });
 */
export async function loadDiffwaveGenerator(
  source: CodecSource,
  options: GeneratorOptions = {},
): Promise<DiffwaveGenerator> {
  const config = parseDiffwaveConfig(source.config);
  if (config.conditioning === "mel") throw badConfig("conditioning", '"label" or "none" for a generator', "mel");
  return new DiffwaveGenerator(config, await openCheckpoint(source.weights, options), options);
}
