/**
 * Short-time Fourier transform: samples [T] -> magnitudes or powers [F, bins], at once or as the samples come.
 *
 * Source   the conventions of torch.stft: a periodic Hann window, centred in the transform when it is shorter
 */
import FFT from "fft.js";
import { concatFloats } from "../kernels/concat";
import { hannWindow } from "./window";

export interface SpectrogramConfig {
  /** Samples of one transform, a power of two. */
  readonly fftLength: number;
  /** Samples under the window, at most `fftLength`. */
  readonly windowLength: number;
  /** Samples from one frame to the next. */
  readonly hopLength: number;
  /**
   * How the ends are mirrored, without their outermost sample. `reflect-same`: by (fftLength - hopLength) / 2, which
   * gives floor(T / hopLength) frames, frame f in the middle of its own hop. `reflect-center`: by fftLength / 2, which
   * gives one frame more, frame f on sample f * hopLength.
   */
  readonly padding: "reflect-same" | "reflect-center";
  /** 1 for magnitudes, 2 for powers. */
  readonly power: 1 | 2;
  /** Added to each power, before the root where there is one: keeps roots away from zero. Default 0. */
  readonly powerOffset?: number;
  /** Whether the spectrum is divided by the root of the window's energy. Default: it is not. */
  readonly isWindowNormalized?: boolean;
}

/** Samples of a long signal that are handed on at once: bounds the copy that mirroring and framing need. */
const sliceSamples = 2 ** 16;

/** Values of one frame. */
export function numBins({ fftLength }: Pick<SpectrogramConfig, "fftLength">): number {
  return fftLength / 2 + 1;
}

/**
 * Transforms a whole signal.
 *
 * Shapes   samples [T]; result [F, bins] row-major, F as the padding says
 * Memory   reads `samples`; the result is fresh
 */
export function spectrogram(samples: Float32Array, config: SpectrogramConfig): Float32Array {
  const stream = new SpectrogramStream(config);
  return collectRows(samples, stream);
}

/** What takes samples and gives rows. */
export interface RowStream {
  push(samples: Float32Array): Float32Array;
  flush(): Float32Array;
}

/** Runs a signal that is in memory through a stream, in slices, and joins what comes out. */
export function collectRows(samples: Float32Array, stream: RowStream): Float32Array {
  const parts: Float32Array[] = [];
  for (let begin = 0; begin < samples.length; begin += sliceSamples) {
    parts.push(stream.push(samples.subarray(begin, begin + sliceSamples)));
  }
  parts.push(stream.flush());
  return concatFloats(parts);
}

/** One signal on its way through the transform. Its memory does not grow with the signal. */
export class SpectrogramStream implements RowStream {
  readonly #config: SpectrogramConfig;
  readonly #fft: FFT;
  readonly #window: Float32Array;
  readonly #frame: Float64Array;
  readonly #spectrum: Float64Array;
  /** Samples mirrored at each end. */
  readonly #edge: number;
  /** Before the start: all samples so far. After it: what the next frame begins with. */
  #pending = new Float32Array(0);
  /** The last `edge + 1` samples, which the end is mirrored from. */
  #recent = new Float32Array(0);
  #hasStarted = false;

  /** @throws {RangeError} when a length is not what the transform can work with */
  constructor(config: SpectrogramConfig) {
    checkLengths(config);
    const { fftLength, hopLength, windowLength, isWindowNormalized, padding } = config;
    this.#config = config;
    this.#fft = new FFT(fftLength);
    this.#frame = new Float64Array(fftLength);
    this.#spectrum = new Float64Array(2 * fftLength);
    this.#edge = padding === "reflect-center" ? fftLength / 2 : Math.floor((fftLength - hopLength) / 2);
    const window = hannWindow(windowLength);
    const gain = isWindowNormalized === true ? 1 / Math.sqrt(window.reduce((sum, w) => sum + w * w, 0)) : 1;
    this.#window = window.map((w) => w * gain);
  }

  /**
   * Takes the next samples and gives the frames that they complete.
   *
   * Shapes   samples [T]; result [F, bins]
   * Memory   keeps copies
   */
  push(samples: Float32Array): Float32Array {
    this.#remember(samples);
    this.#pending = concatFloats([this.#pending, samples]);
    if (!this.#hasStarted) {
      // The mirror image of the start needs one sample more than its length.
      if (this.#pending.length <= this.#edge) return new Float32Array(0);
      this.#start();
    }
    return this.#takeFrames();
  }

  /** Mirrors the end and gives the last frames. A signal shorter than the mirror image is mirrored again and again. */
  flush(): Float32Array {
    if (this.#recent.length === 0) return new Float32Array(0);
    if (!this.#hasStarted) this.#start();
    const end = mirror(this.#recent, this.#edge, (n) => this.#recent.length + n);
    this.#pending = concatFloats([this.#pending, end]);
    return this.#takeFrames();
  }

  #start(): void {
    const start = mirror(this.#pending, this.#edge, (n) => n - this.#edge);
    this.#pending = concatFloats([start, this.#pending]);
    this.#hasStarted = true;
  }

  #remember(samples: Float32Array): void {
    const length = this.#edge + 1;
    const joined = samples.length >= length ? samples : concatFloats([this.#recent, samples]);
    this.#recent = joined.slice(Math.max(0, joined.length - length));
  }

  #takeFrames(): Float32Array {
    const { fftLength, hopLength } = this.#config;
    const numFrames = Math.max(0, Math.floor((this.#pending.length - fftLength) / hopLength) + 1);
    const width = numBins(this.#config);
    const rows = new Float32Array(numFrames * width);
    for (let frame = 0; frame < numFrames; frame++) {
      this.#transform(frame * hopLength, rows.subarray(frame * width, (frame + 1) * width));
    }
    this.#pending = this.#pending.slice(numFrames * hopLength);
    return rows;
  }

  #transform(offset: number, into: Float32Array): void {
    const { fftLength, windowLength, power, powerOffset = 0 } = this.#config;
    const begin = Math.floor((fftLength - windowLength) / 2);
    for (let n = 0; n < windowLength; n++) {
      this.#frame[begin + n] = (this.#pending[offset + begin + n] ?? 0) * (this.#window[n] ?? 0);
    }
    this.#fft.realTransform(this.#spectrum, this.#frame);
    for (let bin = 0; bin < into.length; bin++) {
      const [real, imaginary] = [this.#spectrum[2 * bin] ?? 0, this.#spectrum[2 * bin + 1] ?? 0];
      const value = real * real + imaginary * imaginary + powerOffset;
      into[bin] = power === 1 ? Math.sqrt(value) : value;
    }
  }
}

/** `length` samples of the endless mirror image of `signal` (period 2 (T - 1)), at the places that `placeOf` tells. */
function mirror(signal: Float32Array, length: number, placeOf: (index: number) => number): Float32Array {
  const period = Math.max(1, 2 * (signal.length - 1));
  return Float32Array.from({ length }, (_, index) => {
    const place = Math.abs(placeOf(index)) % period;
    return signal[Math.min(place, period - place)] ?? 0;
  });
}

function checkLengths({ fftLength, windowLength, hopLength }: SpectrogramConfig): void {
  if (!Number.isSafeInteger(fftLength) || fftLength < 2 || (fftLength & (fftLength - 1)) !== 0) {
    throw new RangeError(`"fftLength" expected a power of two, got ${fftLength}`);
  }
  for (const [name, length] of Object.entries({ windowLength, hopLength })) {
    if (!Number.isSafeInteger(length) || length < 1 || length > fftLength) {
      throw new RangeError(`"${name}" expected 1 to ${fftLength} samples, the length of the transform, got ${length}`);
    }
  }
}
