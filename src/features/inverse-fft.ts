/**
 * The inverse discrete Fourier transform for real signals, of lengths that are a power of two times a small odd number.
 *
 * fft.js knows powers of two. A length m * P with odd m is m transforms of length P over every m-th bin, and a sum of m
 * terms for each sample.
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
  const smallest = oddFactor === 1 ? 2 : 4;
  if (powerOfTwo < smallest || oddFactor > largestOddFactor || !Number.isSafeInteger(length)) {
    throw new RangeError(
      `"fftLength" expected a power of two, or one times an odd number up to ${largestOddFactor}, got ${length}`,
    );
  }
  return oddFactor === 1 ? new FFT(length) : new MixedInverseFft(powerOfTwo / 2, oddFactor);
}

/** Length 2 * m * P: as m transforms of length P of half as many complex numbers, whose parts are the signal by turns. */
class MixedInverseFft implements InverseFft {
  readonly #fft: FFT;
  readonly #powerOfTwo: number;
  readonly #oddFactor: number;
  /** Bins of the folded spectrum, every m-th, and their transforms one behind the other. */
  readonly #bins: Float64Array;
  readonly #part: Float64Array;
  readonly #parts: Float64Array;
  /** e^(2 pi i n / length) as pairs. */
  readonly #turns: Float64Array;

  constructor(powerOfTwo: number, oddFactor: number) {
    const length = 2 * powerOfTwo * oddFactor;
    this.#fft = new FFT(powerOfTwo);
    this.#powerOfTwo = powerOfTwo;
    this.#oddFactor = oddFactor;
    this.#bins = new Float64Array(2 * powerOfTwo);
    this.#part = new Float64Array(2 * powerOfTwo);
    this.#parts = new Float64Array(length);
    this.#turns = new Float64Array(2 * length);
    for (let n = 0; n < length; n++) {
      this.#turns[2 * n] = Math.cos((2 * Math.PI * n) / length);
      this.#turns[2 * n + 1] = Math.sin((2 * Math.PI * n) / length);
    }
  }

  inverseTransform(out: Float64Array, spectrum: Float64Array): void {
    for (let first = 0; first < this.#oddFactor; first++) {
      this.#fold(spectrum, first);
      this.#fft.inverseTransform(this.#part, this.#bins);
      this.#parts.set(this.#part, 2 * first * this.#powerOfTwo);
    }
    this.#join(out);
  }

  /** Bins `first`, `first + m` ... of the complex signal that has even samples as real parts and odd ones as imaginary. */
  #fold(spectrum: Float64Array, first: number): void {
    const bins = this.#bins;
    const turns = this.#turns;
    const oddFactor = this.#oddFactor;
    const numBins = this.#powerOfTwo * oddFactor;
    for (let bin = first, at = 0; bin < numBins; bin += oddFactor, at += 2) {
      const real = spectrum[2 * bin] as number;
      const imaginary = spectrum[2 * bin + 1] as number;
      const otherReal = spectrum[2 * (numBins - bin)] as number;
      const otherImaginary = -(spectrum[2 * (numBins - bin) + 1] as number);
      const cosine = turns[2 * bin] as number;
      const sine = turns[2 * bin + 1] as number;
      bins[at] = real + otherReal - (real - otherReal) * sine - (imaginary - otherImaginary) * cosine;
      bins[at + 1] = imaginary + otherImaginary + (real - otherReal) * cosine - (imaginary - otherImaginary) * sine;
    }
  }

  /** Sums the m transforms, each turned by its first bin. */
  #join(out: Float64Array): void {
    const parts = this.#parts;
    const turns = this.#turns;
    const powerOfTwo = this.#powerOfTwo;
    const length = powerOfTwo * this.#oddFactor;
    const scale = 0.5 / this.#oddFactor;
    for (let n = 0; n < length; n++) {
      let real = 0;
      let imaginary = 0;
      let angle = 0;
      for (let at = 2 * (n % powerOfTwo); at < 2 * length; at += 2 * powerOfTwo) {
        const cosine = turns[angle] as number;
        const sine = turns[angle + 1] as number;
        const partReal = parts[at] as number;
        const partImaginary = parts[at + 1] as number;
        real += partReal * cosine - partImaginary * sine;
        imaginary += partReal * sine + partImaginary * cosine;
        // Two samples further for every bin, around the circle.
        angle += 4 * n;
        if (angle >= 4 * length) angle -= 4 * length;
      }
      out[4 * n] = scale * real;
      out[4 * n + 2] = scale * imaginary;
    }
  }
}
