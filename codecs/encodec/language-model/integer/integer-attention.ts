/** Attention of one layer over the frames of the context, in whole numbers. */
import { createInt16Products } from "../../../../src/kernels/int16-matrices";
import type { Int16Products, MatrixPlace } from "../../../../src/kernels/int16-products";
import type { LanguageModelConfig } from "../config";
import { divideDown } from "./exact-math";
import { ACTIVATION_BITS, clampInt16, exponentialsInto, SHARE_BITS, shiftDown } from "./fixed-point";

const MAX_SHARE = 32767;

/**
 * Keys and values of one segment, as matrices: a query times the keys of a head [rows, E] gives scores, and the values
 * [E, rows] times the shares that come of them what is attended to.
 *
 * Frames lie in rings, so that none is ever moved: sums of whole numbers come out the same in any order. Before the first
 * frame there is one row of zeros, as upstream has it.
 */
export class IntegerAttention {
  readonly #headDim: number;
  readonly #numHeads: number;
  /** Rows that there can be, the current one included. */
  readonly #maxRows: number;
  /** Keys of head h at 2 h, values at 2 h + 1. */
  readonly #products: Int16Products;
  /** Rows in use, and where the next one goes. */
  #numRows = 1;
  #nextRow = 1;
  readonly #exponentials: Float64Array;
  readonly #shares: Int16Array;

  constructor({ dim, numHeads, contextFrames }: LanguageModelConfig, variant: Int16Products["variant"]) {
    this.#headDim = dim / numHeads;
    this.#numHeads = numHeads;
    this.#maxRows = contextFrames + 1;
    const zeros = (numRows: number, numColumns: number) => ({
      numRows,
      numColumns,
      values: new Int16Array(numRows * numColumns),
    });
    const matrices = Array.from({ length: numHeads }, () => [
      zeros(this.#maxRows, this.#headDim),
      zeros(this.#headDim, this.#maxRows),
    ]);
    this.#products = createInt16Products(matrices.flat(), variant) as Int16Products;
    this.#exponentials = new Float64Array(this.#maxRows);
    this.#shares = new Int16Array(this.#maxRows);
  }

  /**
   * Goes on by a frame.
   *
   * Shapes   query, key, value and result [D]
   * Memory   copies key and value; result is a fresh copy
   */
  next(query: Int16Array, key: Int16Array, value: Int16Array): Int16Array {
    const row = this.#nextRow;
    this.#nextRow = (row + 1) % this.#maxRows;
    this.#numRows = Math.min(this.#numRows + 1, this.#maxRows);
    const mixed = new Int16Array(query.length);
    for (let head = 0; head < this.#numHeads; head++) {
      const begin = head * this.#headDim;
      const end = begin + this.#headDim;
      const keys = this.#products.place(2 * head);
      keys.values.set(key.subarray(begin, end), row * keys.stride);
      writeColumn(this.#products.place(2 * head + 1), row, value.subarray(begin, end));
      mixed.set(this.#attend(head, query.subarray(begin, end)), begin);
    }
    return mixed;
  }

  /** One head: query [E] -> what it attends to [E]. */
  #attend(head: number, query: Int16Array): Int16Array {
    const scores = this.#products.multiply(2 * head, query);
    const total = exponentialsInto(this.#exponentials, scores, this.#numRows, 2 * ACTIVATION_BITS);
    for (let row = 0; row < this.#numRows; row++) {
      const doubled = (this.#exponentials[row] as number) * 2 ** (SHARE_BITS + 1);
      this.#shares[row] = Math.min(MAX_SHARE, divideDown(doubled + total, 2 * total));
    }
    const sums = this.#products.multiply(2 * head + 1, this.#shares);
    return Int16Array.from(sums, (sum) => clampInt16(shiftDown(sum, SHARE_BITS)));
  }
}

function writeColumn({ values, stride }: MatrixPlace, column: number, numbers: Int16Array): void {
  for (const [row, number] of numbers.entries()) values[row * stride + column] = number;
}
