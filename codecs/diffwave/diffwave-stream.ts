/** log-mel [F, M] -> audio: DiffWave as a vocoder. */

import type { MelConfig } from "../../src/features/mel-spectrogram";
import { concatFloats } from "../../src/kernels/concat";
import type { NetworkSession } from "../../src/runtime/network-session";
import { outputData } from "../../src/runtime/output-data";
import type { FeatureStream } from "../../src/vocoder/neural-vocoder";
import { AdaptivePrior } from "./adaptive-prior";
import type { DiffwaveConfig } from "./config";
import type { Sampler } from "./sampler";

/** The config of a network that takes a mel. */
export type MelDiffwaveConfig = DiffwaveConfig & { readonly mel: MelConfig };

/**
 * Samples that go through the denoiser at a time: enough that a call's fixed cost does not count, few enough that its
 * tensors stay in the processor's cache. Seconds for a second of audio and step, at full size: 0.72 at 256, 0.53 at 512,
 * 0.42 at 1024, 0.44 at 2048 (AMD EPYC, one thread, November 2026).
 */
const blockSamples = 1024;

/** One signal on its way from mel frames to samples. */
export class DiffwaveStream implements FeatureStream {
  readonly #mel: MelConfig;
  readonly #conditioner: NetworkSession;
  readonly #sampler: Sampler;
  readonly #blockFrames: number;
  /** Frames from the one before the next block on. */
  #frames = new Float32Array(0);
  /** How many of them, 0 or 1, are done and only there for those behind them. */
  #numBefore = 0;
  readonly #prior: AdaptivePrior | undefined;
  /** Levels of the samples that are on their way through the steps. */
  #levels = new Float32Array(0);

  constructor({ mel, adaptivePrior }: MelDiffwaveConfig, conditioner: NetworkSession, sampler: Sampler) {
    this.#mel = mel;
    this.#prior = adaptivePrior && new AdaptivePrior(mel, adaptivePrior);
    this.#conditioner = conditioner;
    this.#sampler = sampler;
    this.#blockFrames = Math.max(1, Math.round(blockSamples / mel.hopLength));
  }

  async push(features: Float32Array): Promise<Float32Array> {
    this.#frames = concatFloats([this.#frames, features]);
    const pieces: Float32Array[] = [];
    // A frame's samples depend on the frame behind it, too.
    while (this.#numWaiting > this.#blockFrames) pieces.push(await this.#vocode(this.#blockFrames));
    return concatFloats(pieces);
  }

  async flush(): Promise<Float32Array> {
    const pieces: Float32Array[] = [];
    while (this.#numWaiting > 0) pieces.push(await this.#vocode(Math.min(this.#blockFrames, this.#numWaiting)));
    for await (const piece of this.#sampler.flush()) pieces.push(this.#atLevel(piece));
    return concatFloats(pieces);
  }

  get #numWaiting(): number {
    return this.#frames.length / this.#mel.numMels - this.#numBefore;
  }

  /** Sends the next frames, of which there are enough, on their way. */
  async #vocode(numFrames: number): Promise<Float32Array> {
    const { numMels, hopLength } = this.#mel;
    const numAfter = Math.min(1, this.#numWaiting - numFrames);
    const window = this.#frames.subarray(0, (this.#numBefore + numFrames + numAfter) * numMels);
    const shape = [1, window.length / numMels, numMels];
    const outputs = await this.#conditioner.run({ mel: { data: window, shape } });
    const rowLength = hopLength * numMels;
    const begin = this.#numBefore * rowLength;
    const condition = outputData(this.#conditioner, outputs, "condition").subarray(
      begin,
      begin + numFrames * rowLength,
    );
    if (this.#prior !== undefined) {
      const levels = this.#prior.levels(window, this.#numBefore, this.#numBefore + numFrames);
      this.#levels = concatFloats([this.#levels, levels]);
    }
    this.#frames = this.#frames.slice((this.#numBefore + numFrames - 1) * numMels);
    this.#numBefore = 1;
    return this.#atLevel(await this.#sampler.push(numFrames * hopLength, condition));
  }

  /** Samples that are through all steps, as loud as the mel says. */
  #atLevel(samples: Float32Array): Float32Array {
    if (this.#prior === undefined) return samples;
    const levels = this.#levels;
    this.#levels = levels.slice(samples.length);
    return samples.map((sample, n) => sample * (levels[n] as number));
  }
}
