/**
 * Follows the noise in speech: samples, frame by frame → log-mel of the noise alone.
 *
 * The power of each band is smoothed, the more the less it moves, and the lowest of it within the last one to two seconds
 * is taken for the noise: speech has pauses, noise has none.
 *
 * Source   google/lyra 1.3.2, noise_estimator; Martin 2001, "Noise Power Spectral Density Estimation Based on Optimal
 *          Smoothing and Minimum Statistics"
 */
import FFT from "fft.js";
import { integerScale, logFloor, logScale, type NoiseBands, numMels } from "./noise-bands";

/** Frames after which a minimum is old. */
const updateFrames = 50;
/** Of the smoothed power, what is kept at most from frame to frame: half after 0.7 s. */
const maxSmoothing = 0.5 ** (0.02 / 0.7);
/** By how much a bound shrinks with each frame of noise: by half in a second. */
const boundDecay = 0.5 ** 0.02;
/** A difference of this size, of logarithms over `logScale`, is that of speech. */
const speechDifference = 0.3;
const boundFactor = 0.9;

/** One signal's noise. */
export class NoiseEstimator {
  readonly #bands: NoiseBands;
  readonly #fft: FFT;
  readonly #recent: Float32Array;
  readonly #padded: Float64Array;
  readonly #spectrum: Float64Array;
  readonly #noise = new Float32Array(numMels);
  readonly #bound = new Float32Array(numMels);
  /** What the next minimum may be, once the one in use is old. */
  #nextNoise = new Float32Array(numMels);
  #smoothed: Float32Array | undefined;
  #smoothedSquares = new Float32Array(numMels);
  #frame = 0;

  constructor(bands: NoiseBands) {
    const { fftLength, window } = bands;
    this.#bands = bands;
    this.#fft = new FFT(fftLength);
    this.#recent = new Float32Array(window.length);
    this.#padded = new Float64Array(fftLength);
    this.#spectrum = new Float64Array(2 * fftLength);
  }

  /** The noise so far: natural logarithms of band magnitudes over `logScale` [numMels]. */
  get noise(): Float32Array {
    return this.#noise;
  }

  /**
   * Hears a frame and tells whether it is nothing but noise.
   *
   * Shapes   samples [hopLength], in [-1, 1]
   */
  push(samples: Float32Array): boolean {
    const features = this.#features(samples);
    const isNoise = features.every((value, band) => Math.abs(value - at(this.#noise, band)) <= at(this.#bound, band));
    // Bounds that are too wide would take everything for noise forever.
    if (isNoise)
      this.#bound.forEach((value, band) => {
        this.#bound[band] = value * boundDecay;
      });
    else this.#follow(features);
    return isNoise;
  }

  #features(samples: Float32Array): Float32Array {
    const { hopLength, window, filters } = this.#bands;
    this.#recent.copyWithin(0, hopLength);
    this.#recent.set(samples, hopLength);
    for (const [n, weight] of window.entries()) this.#padded[n] = at(this.#recent, n) * weight * integerScale;
    this.#fft.realTransform(this.#spectrum, this.#padded);
    return Float32Array.from(filters, ({ firstBin, weights }) => {
      let sum = 0;
      for (const [index, weight] of weights.entries()) {
        const bin = 2 * (firstBin + index);
        sum += weight * Math.hypot(this.#spectrum[bin] ?? 0, this.#spectrum[bin + 1] ?? 0);
      }
      return Math.log(Math.max(sum, logFloor)) / logScale;
    });
  }

  #follow(features: Float32Array): void {
    if (this.#smoothed === undefined) {
      this.#smoothed = features.slice();
      this.#smoothedSquares = features.map((value) => value * value);
      this.#nextNoise = features.slice();
    }
    const smoothed = this.#smoothed;
    const level = closeness(mean(smoothed), mean(features));
    for (const [band, value] of features.entries()) {
      const keep = maxSmoothing * level * closeness(at(smoothed, band), at(this.#noise, band));
      smoothed[band] = keep * at(smoothed, band) + (1 - keep) * value;
      this.#smoothedSquares[band] = keep * at(this.#smoothedSquares, band) + (1 - keep) * value * value;
      const lowest = Math.min(at(this.#nextNoise, band), at(smoothed, band));
      this.#noise[band] = this.#frame === 0 ? lowest : Math.min(at(this.#noise, band), at(smoothed, band));
      this.#nextNoise[band] = this.#frame === 0 ? at(smoothed, band) : lowest;
      const variance = Math.max(0, at(this.#smoothedSquares, band) - at(smoothed, band) ** 2);
      this.#bound[band] = boundFactor * Math.sqrt(variance * Math.log(numMels));
    }
    this.#frame = (this.#frame + 1) % updateFrames;
  }
}

/** 1 for equal numbers, near 0 for those of noise and speech. */
function closeness(left: number, right: number): number {
  return Math.exp(-(((left - right) / speechDifference) ** 2));
}

function mean(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function at(values: Float32Array, index: number): number {
  return values[index] as number;
}
