/**
 * Noise with a given spectrum: log-mel → samples, frame by frame.
 *
 * Source   google/lyra 1.3.2, comfort_noise_generator: magnitudes from the bands, phases by chance
 */
import { InverseStft } from "../../src/features/inverse-stft";
import { hannWindow } from "../../src/features/window";
import { GaussianSource } from "../../src/sampling/gaussian";
import { integerScale, logScale, type NoiseBands } from "./noise-bands";

const seed = 0;

/** One signal's noise, the same for the same estimates. */
export class ComfortNoise {
  readonly #bands: NoiseBands;
  readonly #chance = new GaussianSource(seed);
  readonly #inverse: InverseStft;

  constructor(bands: NoiseBands) {
    const { fftLength, hopLength } = bands;
    const window = hannWindow(fftLength);
    const overlapEnergy = energyOf(window) / hopLength;
    const gain = synthesisGain(bands, overlapEnergy);
    this.#bands = bands;
    // The very first samples, which one frame alone reaches, come up slowly.
    this.#inverse = new InverseStft({ fftLength, hopLength, window, gain, windowSumFloor: overlapEnergy / 4 });
  }

  /**
   * The next frame.
   *
   * Shapes   noise [numMels] as the estimator gives it; result [hopLength], in [-1, 1]
   */
  next(noise: Float32Array): Float32Array {
    const magnitudes = magnitudesOf(noise, this.#bands);
    const spectrum = this.#chance.take(2 * magnitudes.length);
    for (const at of spectrum.keys()) {
      spectrum[at] = (spectrum[at] as number) * (magnitudes[at % magnitudes.length] as number);
    }
    return this.#inverse.push(spectrum).map((sample) => Math.max(-1, Math.min(1, sample)));
  }
}

/** Mean magnitude of each bin [bins] of the estimator's transform: the mean of the bands that it is in, as they weigh it. */
function magnitudesOf(noise: Float32Array, { fftLength, filters }: NoiseBands): Float32Array {
  const sums = new Float32Array(fftLength / 2 + 1);
  const shares = new Float32Array(sums.length);
  for (const [band, { firstBin, weights }] of filters.entries()) {
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    // Bands at the lower end are narrower than a bin, and some have none.
    if (total === 0) continue;
    const magnitude = Math.exp((noise[band] as number) * logScale) / (integerScale * total);
    for (const [index, weight] of weights.entries()) {
      const bin = firstBin + index;
      sums[bin] = (sums[bin] as number) + weight * magnitude;
      shares[bin] = (shares[bin] as number) + weight;
    }
  }
  return sums.map((sum, bin) => (shares[bin] === 0 ? 0 : sum / (shares[bin] as number)));
}

/**
 * From mean magnitudes in the estimator's transform to real and imaginary parts in ours, for the same loudness. White noise
 * of variance 1 has bins there whose root mean square is that of the window's energy, and magnitudes of sqrt(pi / 4) of
 * that; and windowed frames that know nothing of each other add up to 1 / overlapEnergy of the variance of one.
 *
 * @param overlapEnergy  sum of all squared windows at one sample
 */
function synthesisGain({ window, fftLength }: NoiseBands, overlapEnergy: number): number {
  return Math.sqrt((4 / Math.PI) * (overlapEnergy / energyOf(window)) * (fftLength / 2));
}

function energyOf(window: Float32Array): number {
  return window.reduce((sum, w) => sum + w * w, 0);
}
