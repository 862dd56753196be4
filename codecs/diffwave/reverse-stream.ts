/**
 * One diffusion step over a signal of any length: noisy samples -> samples with less noise, as they come.
 *
 * The denoiser's noise is late by what it looks ahead, so the noisy samples wait here as long. What follows in the chain
 * of steps gets exactly the signal, neither what lies before its start nor behind its end.
 */
import { concatFloats } from "../../src/kernels/concat";
import type { NetworkSession, NetworkStream, Tensors } from "../../src/runtime/network-session";
import { outputData } from "../../src/runtime/output-data";
import type { Tensor } from "../../src/runtime/runtime";
import type { NoiseSource } from "../../src/sampling/gaussian";
import { SignalMarks } from "../../src/vocoder/signal-marks";
import type { ReverseStep } from "./noise-schedule";

/** Samples on their way through the steps, and the row of features that each is conditioned on. */
export interface Stretch {
  /** [T] */
  readonly samples: Float32Array;
  /** [T, M]; empty where no features go in */
  readonly condition: Float32Array;
}

/** One step of the chain: what it runs on. */
export interface ReverseStreamConfig {
  readonly session: NetworkSession;
  readonly step: ReverseStep;
  /** Of this diffusion step, [1, numLayers, C]. */
  readonly offsets: Tensor;
  /** Width of the features of a sample, 0 for none. */
  readonly conditionDim: number;
  /** What the whole signal is conditioned on, [1, 1, classDim]. */
  readonly label: Tensor | undefined;
  /** Samples by which the denoiser is late. */
  readonly delay: number;
  /** Full scale: no sample leaves the step above it. */
  readonly limit: number;
  readonly noise: NoiseSource;
}

/** Samples of a signal's end that are pushed through at once. */
const flushSamples = 1024;

/** One signal on its way through one diffusion step. */
export class ReverseStream {
  readonly #config: ReverseStreamConfig;
  readonly #stream: NetworkStream;
  readonly #marks: SignalMarks;
  /** The last `delay` samples, with their features. */
  #samples: Float32Array;
  #condition: Float32Array;

  constructor(config: ReverseStreamConfig) {
    const { session, delay, conditionDim } = config;
    this.#config = config;
    this.#stream = session.openStream();
    this.#samples = new Float32Array(delay);
    this.#condition = new Float32Array(delay * conditionDim);
    this.#marks = new SignalMarks(delay);
  }

  /**
   * Takes the next samples and gives those that are `delay` before them, with less noise.
   *
   * Memory   keeps no reference; the result is fresh
   */
  async push(stretch: Stretch): Promise<Stretch> {
    if (stretch.samples.length === 0) return stretch;
    return this.#run(stretch, true);
  }

  /** Gives the last samples in portions. No samples may follow. */
  async *flush(): AsyncGenerator<Stretch, void> {
    const { delay, conditionDim } = this.#config;
    for (let done = 0; done < delay; done += flushSamples) {
      const length = Math.min(flushSamples, delay - done);
      yield this.#run({ samples: new Float32Array(length), condition: new Float32Array(length * conditionDim) }, false);
    }
  }

  async #run({ samples, condition }: Stretch, isInside: boolean): Promise<Stretch> {
    const { length } = samples;
    const { conditionDim } = this.#config;
    const joined = concatFloats([this.#samples, samples]);
    const conditions = concatFloats([this.#condition, condition]);
    const noise = await this.#noiseIn(samples, conditions, this.#marks.next(length, isInside));
    this.#samples = joined.slice(length);
    this.#condition = conditions.slice(length * conditionDim);
    const begin = this.#marks.takeBefore(length);
    return {
      samples: this.#denoise(joined.subarray(begin, length), noise.subarray(begin)),
      condition: conditions.subarray(begin * conditionDim, length * conditionDim),
    };
  }

  async #noiseIn(samples: Float32Array, condition: Float32Array, inside: Tensor): Promise<Float32Array> {
    const { session, offsets, conditionDim, label } = this.#config;
    const inputs: Record<string, Tensor> = {
      samples: { data: samples, shape: [1, samples.length, 1] },
      inside,
      offsets,
    };
    if (conditionDim > 0)
      inputs.condition = { data: condition, shape: [1, condition.length / conditionDim, conditionDim] };
    if (label !== undefined) inputs.condition = label;
    const outputs: Tensors = await this.#stream.run(inputs);
    return outputData(session, outputs, "noise");
  }

  #denoise(samples: Float32Array, noise: Float32Array): Float32Array {
    const { limit, step } = this.#config;
    const { scale, noiseGain, deviation } = step;
    const fresh = deviation === 0 ? undefined : this.#config.noise.take(samples.length);
    return samples.map((sample, n) => {
      const value = scale * (sample - noiseGain * (noise[n] ?? 0)) + deviation * (fresh?.[n] ?? 0);
      return Math.min(limit, Math.max(-limit, value));
    });
  }
}
