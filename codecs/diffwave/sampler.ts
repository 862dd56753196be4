/**
 * noise -> audio: the chain of diffusion steps over a signal of any length.
 *
 * Each step is a stream of its own on the same network, and one feeds the next: while the last step works on a stretch,
 * the first is ahead of it by what all steps together look ahead. So a signal needs memory for that stretch and no more,
 * and every sample goes through every step once. Overlapping windows would have to compute what all steps look ahead anew
 * in each window; keeping a whole signal and going over it step by step would take memory for all of it.
 *
 * Source   Kong et al. 2020 (DiffWave), algorithm 2
 */

import type { Tensor } from "../../src/runtime/runtime";
import { assertSeed, GaussianSource, type NoiseSource } from "../../src/sampling/gaussian";
import type { DiffwaveConfig } from "./config";
import { lookAhead } from "./config";
import type { DiffwaveNetworks } from "./networks";
import { ReverseStream, type Stretch } from "./reverse-stream";

/** The sources of noise of one signal: 0 is where the signal starts, n is what the n-th step adds. */
export type NoiseSources = (index: number) => NoiseSource;

/** What one signal is made with. */
export interface SamplerOptions {
  readonly noise: NoiseSources;
  /** What the whole signal is conditioned on, [1, 1, classDim]. */
  readonly label?: Tensor | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One signal on its way through all steps. */
export class Sampler {
  readonly #steps: readonly ReverseStream[];
  readonly #start: NoiseSource;
  readonly #signal: AbortSignal | undefined;

  constructor(config: DiffwaveConfig, networks: DiffwaveNetworks, { noise, label, signal }: SamplerOptions) {
    const delay = lookAhead(config);
    const conditionDim = config.mel?.numMels ?? 0;
    const limit = config.adaptivePrior?.limit ?? 1;
    this.#start = noise(0);
    this.#signal = signal;
    this.#steps = networks.steps.map((step, index) => {
      const { offsets } = step;
      const shared = { session: networks.denoiser, conditionDim, label, delay, limit };
      return new ReverseStream({ ...shared, step, offsets, noise: noise(index + 1) });
    });
  }

  /**
   * Makes the next samples, from noise that it draws.
   *
   * @param condition  the features of each sample [T, M]; empty where none go in
   * @returns samples that are through all steps; at the start fewer than go in, or none
   * @throws the signal's reason
   */
  async push(length: number, condition: Float32Array): Promise<Float32Array> {
    return this.#pass({ samples: this.#start.take(length), condition }, 0);
  }

  /** Gives the rest, in portions. */
  async *flush(): AsyncGenerator<Float32Array, void> {
    for (const [index, step] of this.#steps.entries()) {
      for await (const stretch of step.flush()) yield await this.#pass(stretch, index + 1);
    }
  }

  /** Takes a stretch through the steps from one on. */
  async #pass(stretch: Stretch, from: number): Promise<Float32Array> {
    let passing = stretch;
    for (const step of this.#steps.slice(from)) {
      this.#signal?.throwIfAborted();
      passing = await step.push(passing);
    }
    return passing.samples;
  }
}

/**
 * Independent sources of normal noise (see `GaussianSource`), one for each step: how a signal comes in portions does not
 * matter, because every source is drawn from in the order of the samples.
 *
 * @throws {RangeError} when the seed is out of range
 */
export function seededNoise(seed: number): NoiseSources {
  assertSeed(seed);
  return (index) => new GaussianSource(seed, index);
}
