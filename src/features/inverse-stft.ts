/**
 * Inverse short-time Fourier transform by windowed overlap-add: spectrum [F', 2 * bins] → samples.
 *
 * It keeps its overlap between calls, so frames may come in portions of any size and the samples are the same to the
 * bit: every frame is added to the same places in the same order.
 *
 * Source   Griffin & Lim 1984, equation 6 (window-weighted overlap-add divided by the sum of squared windows)
 */
import { type InverseFft, inverseFft } from "./inverse-fft";

export interface InverseStftConfig {
  /** Transform and window length in samples: a power of two, or one times an odd number up to 15. */
  readonly fftLength: number;
  /** Samples from one frame to the next. */
  readonly hopLength: number;
  /** Synthesis window, [fftLength]. */
  readonly window: Float32Array;
  /** Factor that every spectrum is multiplied by. */
  readonly gain: number;
  /** The sum of squared windows is kept at or above this, so that the first samples are not blown up. */
  readonly windowSumFloor: number;
}

/** One signal's running overlap-add. Its first sample is the first sample of the first frame's window. */
export class InverseStft {
  readonly #config: InverseStftConfig;
  readonly #fft: InverseFft;
  /** Spectrum and time signal as interleaved (real, imaginary) pairs, which is what the transform works on. */
  readonly #spectrum: Float64Array;
  readonly #signal: Float64Array;
  readonly #scaledWindow: Float32Array;
  readonly #overlap: Float32Array;
  readonly #windowSum: Float32Array;

  /** @throws {RangeError} when no transform has `fftLength` or the window has another length */
  constructor(config: InverseStftConfig) {
    this.#fft = inverseFft(config.fftLength);
    if (config.window.length !== config.fftLength) {
      throw new RangeError(`"window" expected ${config.fftLength} samples, got ${config.window.length}`);
    }
    this.#config = config;
    this.#spectrum = new Float64Array(2 * config.fftLength);
    this.#signal = new Float64Array(2 * config.fftLength);
    this.#scaledWindow = config.window.map((w) => w * config.gain);
    this.#overlap = new Float32Array(config.fftLength);
    this.#windowSum = new Float32Array(config.fftLength);
  }

  /** Values of one spectrum frame: the real parts of all bins, then the imaginary parts. */
  get frameLength(): number {
    return this.#config.fftLength + 2;
  }

  /**
   * Adds frames and gives the samples that no later frame can change.
   *
   * Shapes   `frames` [F', fftLength + 2] row-major; result [F' * hopLength]
   * @throws {RangeError} when `frames` is no whole number of frames
   */
  push(frames: Float32Array): Float32Array {
    const { hopLength } = this.#config;
    if (frames.length % this.frameLength !== 0) {
      throw new RangeError(`"frames" expected a multiple of ${this.frameLength} values, got ${frames.length}`);
    }
    const numFrames = frames.length / this.frameLength;
    const samples = new Float32Array(numFrames * hopLength);
    for (let frame = 0; frame < numFrames; frame++) {
      this.#addFrame(frames.subarray(frame * this.frameLength, (frame + 1) * this.frameLength));
      this.#take(hopLength, samples, frame * hopLength);
    }
    return samples;
  }

  /**
   * Gives the samples that the last frames reach into, without adding a frame.
   *
   * Shapes   result [count], count ≤ fftLength - hopLength hold signal; beyond it is silence
   */
  flush(count: number): Float32Array {
    const samples = new Float32Array(count);
    for (let offset = 0; offset < count; offset += this.#config.hopLength) {
      this.#take(Math.min(this.#config.hopLength, count - offset), samples, offset);
    }
    return samples;
  }

  #addFrame(frame: Float32Array): void {
    const { fftLength, window } = this.#config;
    this.#mirror(frame);
    this.#fft.inverseTransform(this.#signal, this.#spectrum);
    for (let n = 0; n < fftLength; n++) {
      const w = window[n] ?? 0;
      this.#overlap[n] = (this.#overlap[n] ?? 0) + (this.#signal[2 * n] ?? 0) * (this.#scaledWindow[n] ?? 0);
      this.#windowSum[n] = (this.#windowSum[n] ?? 0) + w * w;
    }
  }

  /** Lays out one frame as the conjugate-symmetric spectrum of a real signal. */
  #mirror(frame: Float32Array): void {
    const { fftLength } = this.#config;
    const numBins = fftLength / 2 + 1;
    const spectrum = this.#spectrum;
    for (let bin = 0; bin < numBins; bin++) {
      const real = frame[bin] ?? 0;
      // The imaginary parts of the first and last bin have no place in a real signal: they are dropped, as irfft does.
      const imaginary = bin === 0 || bin === numBins - 1 ? 0 : (frame[numBins + bin] ?? 0);
      spectrum[2 * bin] = real;
      spectrum[2 * bin + 1] = imaginary;
      if (bin > 0) {
        spectrum[2 * (fftLength - bin)] = real;
        spectrum[2 * (fftLength - bin) + 1] = -imaginary;
      }
    }
  }

  /** Moves `count` finished samples out, and the overlap on by as many. */
  #take(count: number, out: Float32Array, offset: number): void {
    const { windowSumFloor } = this.#config;
    for (let n = 0; n < count; n++) {
      out[offset + n] = (this.#overlap[n] ?? 0) / Math.max(this.#windowSum[n] ?? 0, windowSumFloor);
    }
    for (const buffer of [this.#overlap, this.#windowSum]) {
      buffer.copyWithin(0, count);
      buffer.fill(0, buffer.length - count);
    }
  }
}
