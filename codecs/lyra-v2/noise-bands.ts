/** The mel bands in which Lyra follows noise, and of which it makes comfort noise. */
import { type MelFilter, melFilters } from "../../src/features/mel-filters";
import { hannWindow } from "../../src/features/window";

/** Bands, and the transform that they gather. */
export interface NoiseBands {
  /** Samples of a frame. */
  readonly hopLength: number;
  /** Over the newest frame and the one before it. */
  readonly window: Float32Array;
  /** The next power of two. */
  readonly fftLength: number;
  /** Sums of magnitudes, up to just below half the sample rate. */
  readonly filters: readonly MelFilter[];
}

export const numMels = 160;
/** Samples in [-1, 1] count here as 16-bit integers: the floor below which all is silence is in their unit. */
export const integerScale = 32768;
export const logFloor = 500;
/** Natural logarithms are divided by this: the estimator's thresholds are meant for the quotients. */
export const logScale = 10;

/** The bands for frames of a length. */
export function noiseBands({ sampleRate, hopLength }: { sampleRate: number; hopLength: number }): NoiseBands {
  const fftLength = 2 ** Math.ceil(Math.log2(2 * hopLength));
  const [minFrequencyHz, maxFrequencyHz] = [0, 0.495 * sampleRate];
  const shape = { numMels, minFrequencyHz, maxFrequencyHz, melScale: "htk", norm: "none", slopes: "mel" } as const;
  const filters = melFilters({ sampleRate, fftLength, ...shape });
  return { hopLength, window: hannWindow(2 * hopLength), fftLength, filters };
}
