/**
 * log-mel [F, M] -> the level of the noise that a waveform begins from, [F * hop].
 *
 * Noise as loud as the speech is loud here, in place of one level for all: the diffusion runs on the waveform over this
 * level, in noise of level one.
 *
 * Source   Lee et al. 2022, "PriorGrad", section 4; the twin in training/quantone_training/diffwave/prior.py
 */
import { melFilters } from "../../src/features/mel-filters";
import type { MelConfig } from "../../src/features/mel-spectrogram";

/** The level is `scale` times the root of the power over all bands, at least `floor`. */
export interface AdaptivePriorConfig {
  readonly scale: number;
  readonly floor: number;
  /** Samples over their level are clipped at this after each step. */
  readonly limit: number;
}

/** The levels of one kind of log-mel, to the base of e. */
export class AdaptivePrior {
  readonly #mel: MelConfig;
  readonly #config: AdaptivePriorConfig;
  /** A filter of the area one is as high as it is narrow: over its height, squared magnitudes count by bandwidth. */
  readonly #heights: Float64Array;

  constructor(mel: MelConfig, config: AdaptivePriorConfig) {
    this.#mel = mel;
    this.#config = config;
    this.#heights = Float64Array.from(melFilters(mel), ({ weights }) => Math.max(...weights) || 1);
  }

  /**
   * The level of every sample of some frames, on straight lines between the frames' middles.
   *
   * Shapes   frames [F, M], with one before and one behind where the signal has them; result [(end - begin) * hop]
   */
  levels(frames: Float32Array, begin: number, end: number): Float32Array {
    const { hopLength, numMels } = this.#mel;
    const numFrames = frames.length / numMels;
    const ofFrames = Float64Array.from({ length: numFrames }, (_, frame) =>
      this.#levelOf(frames.subarray(frame * numMels, (frame + 1) * numMels)),
    );
    return Float32Array.from({ length: (end - begin) * hopLength }, (_, sample) => {
      const position = Math.max(0, (begin * hopLength + sample + 0.5) / hopLength - 0.5);
      const before = Math.floor(position);
      const level = ofFrames[before] as number;
      return level + ((ofFrames[Math.min(before + 1, numFrames - 1)] as number) - level) * (position - before);
    });
  }

  #levelOf(frame: Float32Array): number {
    let power = 0;
    for (const [band, logMagnitude] of frame.entries()) {
      power += Math.exp(2 * logMagnitude) / (this.#heights[band] as number);
    }
    return Math.max(this.#config.floor, this.#config.scale * Math.sqrt(power));
  }
}
