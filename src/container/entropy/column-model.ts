/**
 * Adaptive probabilities for one column of tokens: the tokens of one channel and stage of a packet, frame after frame.
 *
 * A token is coded as a walk down a binary tree, most significant bit first; `node` is 1 at the root and
 * 2 * node + bit one level down, so that it names the bits so far. Each node has two pairs of counts:
 *
 *     plain      how often 0 and 1 came at this node in this column
 *     following  the same, only after the token that the last frame had here
 *
 * The plain counts, started with `PLAIN_PRIOR` imaginary ones of each kind, give a first probability; it enters the
 * second as `FOLLOWING_PRIOR` imaginary observations. A column that repeats itself is soon predicted by what followed, a
 * stationary one by its plain counts, and one without structure stays near one half. Whole numbers only.
 * Source   backing off by imaginary counts: MacKay and Peto 1995, hierarchical Dirichlet model, with two symbols
 */
import { bitsPerToken } from "../limits";
import { PROBABILITY_SCALE } from "./range-coder";

/** Imaginary observations of each bit in the plain counts: low enough to learn within a packet of a few seconds. */
const PLAIN_PRIOR = 2;
/** Weight of the plain probability against the counts of what followed. */
const FOLLOWING_PRIOR = 4;
/** Probabilities stay this far from 0 and 1. */
const MIN_PROBABILITY = 32;
/** A pair of counts is halved when one of them would pass this: bytes hold them, and the recent past weighs more. */
const MAX_COUNT = 255;
/**
 * The tables have eight to sixteen pairs for each decision of a full packet, up to 65536: so many that decisions rarely
 * share one by accident, and so few that clearing them for every column takes less time than coding it.
 */
const SPARE_TABLE_BITS = 3;
const MAX_TABLE_BITS = 16;
/** 2^32 divided by the golden ratio: consecutive keys land far apart (Knuth 6.4). */
const HASH_MULTIPLIER = 0x9e37_79b1;

/** Counts of one column. Reset it before each column. */
export class ColumnModel {
  readonly numBits: number;
  readonly #tableBits: number;
  readonly #plain: Uint8Array;
  readonly #following: Uint8Array;
  #plainAt = 0;
  #followingAt = 0;

  constructor(codebookSize: number, framesPerPacket: number) {
    this.numBits = bitsPerToken(codebookSize);
    const decisionBits = 32 - Math.clz32(framesPerPacket * this.numBits - 1);
    this.#tableBits = Math.min(decisionBits + SPARE_TABLE_BITS, MAX_TABLE_BITS);
    this.#plain = new Uint8Array(2 << Math.min(this.numBits, this.#tableBits));
    this.#following = new Uint8Array(2 << this.#tableBits);
  }

  /** Forgets everything. */
  reset(): void {
    this.#plain.fill(0);
    this.#following.fill(0);
  }

  /**
   * The probability that the next bit is 1, of 65536.
   *
   * @param node  bits of this token so far, after a leading 1
   * @param previous  the token of the last frame in this column, 0 for the first frame
   */
  predict(node: number, previous: number): number {
    const plain = this.#plain;
    const following = this.#following;
    this.#plainAt = 2 * (node & ((1 << this.#tableBits) - 1));
    const key = Math.imul((previous << this.numBits) | node, HASH_MULTIPLIER);
    this.#followingAt = 2 * (key >>> (32 - this.#tableBits));
    const zeros = plain[this.#plainAt] ?? 0;
    const ones = plain[this.#plainAt + 1] ?? 0;
    const first = Math.floor(((ones + PLAIN_PRIOR) * PROBABILITY_SCALE) / (zeros + ones + 2 * PLAIN_PRIOR));
    const zerosAfter = following[this.#followingAt] ?? 0;
    const onesAfter = following[this.#followingAt + 1] ?? 0;
    const second = Math.floor(
      (onesAfter * PROBABILITY_SCALE + FOLLOWING_PRIOR * first) / (zerosAfter + onesAfter + FOLLOWING_PRIOR),
    );
    return Math.min(Math.max(second, MIN_PROBABILITY), PROBABILITY_SCALE - MIN_PROBABILITY);
  }

  /** Counts the bit that came at the node predicted last. */
  update(bit: number): void {
    count(this.#plain, this.#plainAt, bit);
    count(this.#following, this.#followingAt, bit);
  }
}

function count(counts: Uint8Array, pair: number, bit: number): void {
  if (counts[pair + bit] === MAX_COUNT) {
    counts[pair] = (counts[pair] ?? 0) >>> 1;
    counts[pair + 1] = (counts[pair + 1] ?? 0) >>> 1;
  }
  counts[pair + bit] = (counts[pair + bit] ?? 0) + 1;
}
