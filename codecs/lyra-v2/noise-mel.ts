/** The log-mel frames that Lyra tells noise by, and from which it makes comfort noise. */
import { melFilters } from "../../src/features/mel-filters";

/** Samples that a frame of features is worked out from: the newest frame of audio and the one before it. */
export const windowLength = 640;
export const hopLength = 320;
/** The next power of two. */
export const fftLength = 1024;
export const numMels = 160;

/** Samples in [-1, 1] count here as 16-bit integers: the floor below which all is silence is in their unit. */
export const integerScale = 32768;
export const logFloor = 500;
/** Logarithms are divided by this: the estimator's thresholds are meant for the quotients. */
export const logScale = 10;

/** Bands up to just below half the sample rate. Their sums are of magnitudes. */
export const noiseFilters = melFilters({
  sampleRate: 16_000,
  fftLength,
  numMels,
  minFrequencyHz: 0,
  maxFrequencyHz: 0.495 * 16_000,
  melScale: "htk",
  norm: "none",
});
