/**
 * Normally distributed noise from a seed: the same numbers for the same seed, in whatever portions they are drawn.
 *
 * Source   sfc32 of Chris Doty-Humphrey's PractRand for the bits; Box and Muller 1958 for the distribution
 */

/** What gives noise, as much as is asked for at a time. */
export interface NoiseSource {
  /** The next numbers, fresh. */
  take(length: number): Float32Array;
}

/** The last seed: a seed is one of the generator's four words. */
export const maxSeed = 2 ** 32 - 1;

/** Whether a number is a seed: everything that draws noise takes the same ones. */
export function isSeed(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= maxSeed;
}

/**
 * Checks a seed that is needed later, or not at all.
 *
 * @throws {RangeError} when it is no whole number from 0 to 2 ** 32 - 1
 */
export function assertSeed(seed: number): void {
  if (!isSeed(seed)) throw new RangeError(`"seed" expected a whole number from 0 to ${maxSeed}, got ${seed}`);
}

/** Numbers that are drawn and thrown away, so that seeds which differ in one bit have nothing left in common. */
const numWarmUpDraws = 15;

/** A stream of independent numbers of mean 0 and variance 1. */
export class GaussianSource implements NoiseSource {
  readonly #state: Uint32Array;
  /** Box and Muller give two numbers at a time: the second, kept for the next call. */
  #spare: number | undefined;

  /**
   * @param seed  a whole number from 0 to 2 ** 32 - 1
   * @param stream  which of the independent streams of that seed, likewise
   * @throws {RangeError} when the seed is none
   */
  constructor(seed: number, stream = 0) {
    assertSeed(seed);
    this.#state = Uint32Array.of(0, seed, stream, 1);
    for (let draw = 0; draw < numWarmUpDraws; draw++) this.#bits();
  }

  /**
   * The next numbers.
   *
   * Shapes   result [length]
   * Numerics the logarithm and the cosine are those of the JavaScript engine, which differ in the last bit at most
   */
  take(length: number): Float32Array {
    const out = new Float32Array(length);
    for (let index = 0; index < length; index++) out[index] = this.#next();
    return out;
  }

  #next(): number {
    const spare = this.#spare;
    this.#spare = undefined;
    if (spare !== undefined) return spare;
    const radius = Math.sqrt(-2 * Math.log(1 - this.#uniform()));
    const angle = 2 * Math.PI * this.#uniform();
    this.#spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  /** A number of [0, 1) with all 53 bits of a double. */
  #uniform(): number {
    const high = this.#bits() >>> 5;
    return (high * 2 ** 26 + (this.#bits() >>> 6)) / 2 ** 53;
  }

  /** 32 random bits. */
  #bits(): number {
    const state = this.#state;
    const [a = 0, b = 0, c = 0, counter = 0] = state;
    const result = (a + b + counter) >>> 0;
    state[0] = b ^ (b >>> 9);
    state[1] = c + (c << 3);
    state[2] = ((c << 21) | (c >>> 11)) + result;
    state[3] = counter + 1;
    return result;
  }
}
