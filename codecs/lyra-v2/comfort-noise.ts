/**
 * Noise with a given spectrum: log-mel → samples, frame by frame.
 *
 * Source   google/lyra 1.3.2, comfort_noise_generator: magnitudes from the bands, phases by chance
 */
import { InverseStft } from "../../src/features/inverse-stft";
import { hannWindow } from "../../src/features/window";
import { GaussianSource } from "../../src/sampling/gaussian";
import { fftLength, hopLength, integerScale, logScale, noiseFilters, windowLength } from "./noise-mel";

const numBins = fftLength / 2 + 1;
const seed = 0;

/** Sums of squared windows: of the estimator's, and of ours at any one sample. */
const analysisEnergy = energyOf(hannWindow(windowLength));
const overlapEnergy = energyOf(hannWindow(fftLength)) / hopLength;

/**
 * From mean magnitudes in the estimator's transform to real and imaginary parts in ours, for the same loudness. White noise
 * of variance 1 has bins of root mean square sqrt(analysisEnergy) there, and magnitudes of sqrt(pi / 4) of that; and
 * windowed frames that know nothing of each other add up to 1 / overlapEnergy of the variance of one.
 */
const synthesisGain = Math.sqrt((4 / Math.PI) * (overlapEnergy / analysisEnergy) * (fftLength / 2));

function energyOf(window: Float32Array): number {
  return window.reduce((sum, w) => sum + w * w, 0);
}

/** One signal's noise, the same for the same estimates. */
export class ComfortNoise {
  readonly #chance = new GaussianSource(seed);
  readonly #inverse = new InverseStft({
    fftLength,
    hopLength,
    window: hannWindow(fftLength),
    gain: synthesisGain,
    // The very first samples, which one frame alone reaches, come up slowly.
    windowSumFloor: overlapEnergy / 4,
  });

  /**
   * The next frame.
   *
   * Shapes   noise [numMels] as the estimator gives it; result [hopLength], in [-1, 1]
   */
  next(noise: Float32Array): Float32Array {
    const magnitudes = magnitudesOf(noise);
    const spectrum = this.#chance.take(2 * numBins);
    // Real and imaginary part of a number whose square is 1 on average.
    for (const at of spectrum.keys()) spectrum[at] = (spectrum[at] as number) * (magnitudes[at % numBins] as number);
    return this.#inverse.push(spectrum).map((sample) => Math.max(-1, Math.min(1, sample)));
  }
}

/** Root mean square of each bin [bins] of the estimator's transform: between the middles of bands as the filters weigh. */
function magnitudesOf(noise: Float32Array): Float32Array {
  const sums = new Float32Array(numBins);
  const shares = new Float32Array(numBins);
  for (const [band, { firstBin, weights }] of noiseFilters.entries()) {
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    // Bands at the lower end are narrower than a bin, and some have none.
    if (total === 0) continue;
    const magnitude = Math.exp((noise[band] as number) * logScale) / (integerScale * total);
    for (const [index, weight] of weights.entries()) {
      sums[firstBin + index] = (sums[firstBin + index] as number) + weight * magnitude;
      shares[firstBin + index] = (shares[firstBin + index] as number) + weight;
    }
  }
  return sums.map((sum, bin) => (shares[bin] === 0 ? 0 : sum / (shares[bin] as number)));
}
