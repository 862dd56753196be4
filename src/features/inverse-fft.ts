/**
 * The inverse discrete Fourier transform for real signals, of lengths that are a power of two times a small odd number.
 *
 * fft.js knows powers of two. A length m * P with odd m is m transforms of length P over every m-th bin, and a sum of m
 * terms for each sample: for m = 5 that is about half the work of the transforms themselves.
 *
 * Source   Cooley & Tukey 1965, with decimation in frequency
 */
import FFT from "fft.js";

/** Odd factors up to this are worth a plain sum. */
const largestOddFactor = 15;

/** Transforms interleaved (real, imaginary) pairs. */
export interface InverseFft {
  /** Writes the real parts of the signal to the even places of `out`; what is at odd places then means nothing. */
  inverseTransform(out: Float64Array, spectrum: Float64Array): void;
}

/**
 * Makes the transform.
 *
 * @throws {RangeError} for a length that is no power of two times an odd number up to 15
 */
export function inverseFft(length: number): InverseFft {
  let powerOfTwo = 1;
  while (length % (2 * powerOfTwo) === 0 && powerOfTwo < length) powerOfTwo *= 2;
  const oddFactor = length / powerOfTwo;
  if (powerOfTwo < 2 || oddFactor > largestOddFactor || !Number.isSafeInteger(length)) {
    throw new RangeError(
      `"fftLength" expected a power of two, or one times an odd number up to ${largestOddFactor}, got ${length}`,
    );
  }
  return oddFactor === 1 ? new FFT(length) : new MixedInverseFft(powerOfTwo, oddFactor);
}

class MixedInverseFft implements InverseFft {
  readonly #fft: FFT;
  readonly #powerOfTwo: number;
  readonly #oddFactor: number;
  /** Every m-th bin, and its transform. */
  readonly #bins: Float64Array;
  readonly #part: Float64Array;
  readonly #cosines: Float64Array;
  readonly #sines: Float64Array;

  constructor(powerOfTwo: number, oddFactor: number) {
    const length = powerOfTwo * oddFactor;
    this.#fft = new FFT(powerOfTwo);
    this.#powerOfTwo = powerOfTwo;
    this.#oddFactor = oddFactor;
    this.#bins = new Float64Array(2 * powerOfTwo);
    this.#part = new Float64Array(2 * powerOfTwo);
    this.#cosines = Float64Array.from({ length }, (_, n) => Math.cos((2 * Math.PI * n) / length) / oddFactor);
    this.#sines = Float64Array.from({ length }, (_, n) => Math.sin((2 * Math.PI * n) / length) / oddFactor);
  }

  inverseTransform(out: Float64Array, spectrum: Float64Array): void {
    out.fill(0);
    for (let first = 0; first < this.#oddFactor; first++) {
      for (let index = 0; index < this.#powerOfTwo; index++) {
        const bin = first + index * this.#oddFactor;
        this.#bins[2 * index] = spectrum[2 * bin] ?? 0;
        this.#bins[2 * index + 1] = spectrum[2 * bin + 1] ?? 0;
      }
      this.#fft.inverseTransform(this.#part, this.#bins);
      this.#addPart(out, first);
    }
  }

  /** Adds the real part of the transform of bins `first`, `first + m` ..., turned by e^(2 pi i first n / length). */
  #addPart(out: Float64Array, first: number): void {
    const length = this.#cosines.length;
    for (let n = 0, angle = 0; n < length; n++, angle = (angle + first) % length) {
      const at = 2 * (n % this.#powerOfTwo);
      const real = (this.#part[at] ?? 0) * (this.#cosines[angle] ?? 0);
      out[2 * n] = (out[2 * n] ?? 0) + real - (this.#part[at + 1] ?? 0) * (this.#sines[angle] ?? 0);
    }
  }
}
