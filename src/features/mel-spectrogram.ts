/**
 * Log-mel features: samples [T] -> [F, M], at once or as the samples come. What vocoders take, and each its own kind of.
 *
 * Source   the config says which: Kong et al. 2020 (HiFi-GAN) in its code's convention, torchaudio's and librosa's
 */
import { type MelFilter, type MelFilterConfig, melFilters } from "./mel-filters";
import { collectRows, numBins, type RowStream, type SpectrogramConfig, SpectrogramStream } from "./spectrogram";

/** How magnitudes become what a network takes: `clamp(scale * log(max(mel, floor)) + offset, ...range)`. */
export interface MelCompression {
  /** To the base of e, or of 10. */
  readonly log: "natural" | "decimal";
  /** Smaller magnitudes (powers) count as this. */
  readonly floor: number;
  /** Default 1. */
  readonly scale?: number;
  /** Default 0. */
  readonly offset?: number;
  /** Default: no bounds. */
  readonly range?: readonly [number, number];
}

/** Everything that decides what a log-mel is. Two that differ anywhere are different features. */
export interface MelConfig extends SpectrogramConfig, MelFilterConfig {
  readonly compression: MelCompression;
}

/**
 * Works out the log-mel of a whole signal.
 *
 * Shapes   samples [T] at `config.sampleRate`, in [-1, 1]; result [F, M] row-major. F is floor(T / hopLength), and one
 *          more where frames stand on samples (`padding: "reflect-center"`)
 * Memory   reads `samples`; the result is fresh
 * Numerics transform and logarithm in double precision, filters and result in single
 * @throws {RangeError} when the config's lengths are out of range
 * @throws {TypeError} when `samples` is no Float32Array
 * @example
 * const mel = melSpectrogram(samples, vocoder.mel);
 */
export function melSpectrogram(samples: Float32Array, config: MelConfig): Float32Array {
  if (!(samples instanceof Float32Array)) {
    throw new TypeError(`"samples" expected a Float32Array of one channel, got ${typeof samples}`);
  }
  return collectRows(samples, new MelSpectrogramStream(config));
}

/** One signal on its way to log-mel frames. Its memory does not grow with the signal. */
export class MelSpectrogramStream implements RowStream {
  readonly #config: MelConfig;
  readonly #filters: readonly MelFilter[];
  readonly #spectrogram: SpectrogramStream;

  /** @throws {RangeError} when the config's lengths are out of range */
  constructor(config: MelConfig) {
    this.#config = config;
    this.#filters = melFilters(config);
    this.#spectrogram = new SpectrogramStream(config);
  }

  /**
   * Takes the next samples and gives the frames that they complete: the same whatever the chunks.
   *
   * Shapes   samples [T]; result [F, M]
   */
  push(samples: Float32Array): Float32Array {
    return this.#compress(this.#spectrogram.push(samples));
  }

  /** Gives the last frames, which reach over the end. */
  flush(): Float32Array {
    return this.#compress(this.#spectrogram.flush());
  }

  #compress(spectra: Float32Array): Float32Array {
    const { numMels } = this.#config;
    const width = numBins(this.#config);
    const numFrames = spectra.length / width;
    const mel = new Float32Array(numFrames * numMels);
    for (let frame = 0; frame < numFrames; frame++) {
      for (const [band, { firstBin, weights }] of this.#filters.entries()) {
        const begin = frame * width + firstBin;
        let sum = 0;
        for (let index = 0; index < weights.length; index++)
          sum += (spectra[begin + index] ?? 0) * (weights[index] ?? 0);
        mel[frame * numMels + band] = compress(sum, this.#config.compression);
      }
    }
    return mel;
  }
}

function compress(value: number, { log, floor, scale = 1, offset = 0, range }: MelCompression): number {
  const clamped = Math.max(value, floor);
  const scaled = scale * (log === "natural" ? Math.log(clamped) : Math.log10(clamped)) + offset;
  return range === undefined ? scaled : Math.min(range[1], Math.max(range[0], scaled));
}

/** A field in which two kinds of log-mel differ, with both values as text. */
export interface MelDifference {
  readonly field: string;
  readonly left: string;
  readonly right: string;
}

/** The first field in which two configs differ; `undefined` when features of the one are features of the other. */
export function melDifference(left: MelConfig, right: MelConfig): MelDifference | undefined {
  const others = new Map(factsOf(right));
  for (const [field, value] of factsOf(left)) {
    const other = others.get(field);
    if (other !== value) return { field, left: value, right: other ?? "nothing" };
  }
  return undefined;
}

/** All fields as texts, with defaults in place of what is left out. */
function factsOf(config: MelConfig): [string, string][] {
  const { powerOffset = 0, isWindowNormalized = false, compression } = config;
  const { log, floor, scale = 1, offset = 0, range = "none" } = compression;
  const { sampleRate, hopLength, numMels, fftLength, windowLength, minFrequencyHz, maxFrequencyHz } = config;
  const { melScale, norm, power, padding } = config;
  // What tells most comes first: it is what a caller is told of.
  const numbers = { sampleRate, hopLength, numMels, fftLength, windowLength, minFrequencyHz, maxFrequencyHz };
  const kinds = { melScale, norm, power, padding, powerOffset, isWindowNormalized };
  const curve = { log, floor, scale, offset, range };
  return [
    ...Object.entries({ ...numbers, ...kinds }),
    ...Object.entries(curve).map(([field, value]) => [`compression.${field}`, value] as const),
  ].map(([field, value]) => [field, String(value)]);
}
