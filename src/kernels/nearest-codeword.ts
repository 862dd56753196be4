/**
 * Exact nearest-codeword search in plain TypeScript, for platforms without WebAssembly SIMD: vectors [F, D] -> tokens.
 *
 * The ladder, frames per second at 8 × 1024 × 128, one frame a call │ many, one thread of a busy AMD EPYC (Zen 5), Node
 * 20.20, 2026-11-21; bench/kernels measures it again:
 *
 *   every distance in full            600 │    600   nearest-codeword.reference.ts does this
 *   half norms, tile of 4           1,900 │  1,900   kept for a vector by itself
 *   tile of 2 × 4                         │  2,100   kept for pairs
 *   the same, [a0, a1 …] = [0, 0 …]       │  1,400   destructured sums are not kept in registers
 */
import type { BestPaths } from "./best-paths";
import { squaredDistance } from "./nearest-codeword.reference";

/** Codewords of a tile: with two vectors, eight running sums, which V8 keeps in registers. */
const CODEWORDS_PER_TILE = 4;
/** What float64 rounding can do to a score or a distance, relative to the squares in it, for each dimension added. */
const ROUNDING_PER_DIM = 2 ** -50;

/**
 * Exact nearest-codeword search over one codebook in plain TypeScript: vectors [F, D] -> tokens [F].
 *
 * Scores every codeword by half its squared norm minus its dot product with the vector, two vectors at a time, and
 * settles what is too close to call by `squaredDistance`.
 *
 *   packed   tile of 4 codewords:  c0d0 c1d0 c2d0 c3d0 │ c0d1 c1d1 c2d1 c3d1 │ …  one read position for the whole tile
 *
 * Memory   keeps `codewords` and a float64 copy of one codebook: twice its bytes. Reading float32 instead costs a
 *          conversion for every product
 */
export class NearestCodeword {
  readonly #codewords: Float32Array;
  readonly #offset: number;
  readonly #codebookSize: number;
  readonly #codebookDim: number;
  readonly #packed: Float64Array;
  readonly #halfNorms: Float64Array;
  readonly #maxHalfNorm: number;
  readonly #scores: readonly [Float64Array, Float64Array];

  /** Prepares the codebook [N, D] that starts at `offset` of `codewords`. */
  constructor(codewords: Float32Array, offset: number, codebookSize: number, codebookDim: number) {
    this.#codewords = codewords;
    this.#offset = offset;
    this.#codebookSize = codebookSize;
    this.#codebookDim = codebookDim;
    const paddedSize = Math.ceil(codebookSize / CODEWORDS_PER_TILE) * CODEWORDS_PER_TILE;
    this.#packed = new Float64Array(paddedSize * codebookDim);
    this.#halfNorms = new Float64Array(paddedSize);
    this.#scores = [new Float64Array(paddedSize), new Float64Array(paddedSize)];
    this.#maxHalfNorm = this.#pack();
  }

  /**
   * Finds the nearest codeword of each vector.
   *
   * Shapes   vectors [F, D]; token f goes to `tokens[f * tokenStride + tokenOffset]`
   * Numerics the token of `nearestCodewordReference`, always
   * Cost     O(F * N * D), no allocation
   */
  findInto(
    vectors: Float32Array,
    numVectors: number,
    tokens: Uint16Array,
    tokenOffset: number,
    tokenStride: number,
  ): void {
    const dim = this.#codebookDim;
    const [scoresA, scoresB] = this.#scores;
    let f = 0;
    for (; f + 1 < numVectors; f += 2) {
      this.#scoreTwo(vectors, f * dim);
      tokens[f * tokenStride + tokenOffset] = this.#choose(vectors, f * dim, scoresA);
      tokens[(f + 1) * tokenStride + tokenOffset] = this.#choose(vectors, (f + 1) * dim, scoresB);
    }
    if (f < numVectors) {
      this.#scoreOne(vectors, f * dim);
      tokens[f * tokenStride + tokenOffset] = this.#choose(vectors, f * dim, scoresA);
    }
  }

  /**
   * Offers the codewords as extensions of a path, those that can still be among the best, in the order of their indices.
   *
   * Shapes   residuals [M, D], the path's at `offset`
   * Numerics distances are those of `squaredDistance`; only codewords that it would put beyond the limit are left out
   */
  offerTo(best: BestPaths, residuals: Float32Array, offset: number, path: number): void {
    const dim = this.#codebookDim;
    const scores = this.#scores[0];
    this.#scoreOne(residuals, offset);
    const halfNorm = halfNormOf(residuals, offset, dim);
    const margin = dim * ROUNDING_PER_DIM * (halfNorm + this.#maxHalfNorm);
    for (let n = 0; n < this.#codebookSize; n++) {
      if (halfNorm + scores[n] - 2 * margin > best.limit / 2) continue;
      best.offer(squaredDistance(residuals, offset, this.#codewords, this.#offset + n * dim, dim), path, n);
    }
  }

  /** Fills the tiles and the half norms, and returns the largest half norm. Padding is zeros and never looked at. */
  #pack(): number {
    let largest = 0;
    for (let n = 0; n < this.#codebookSize; n++) {
      const from = this.#offset + n * this.#codebookDim;
      const to = (n - (n % CODEWORDS_PER_TILE)) * this.#codebookDim + (n % CODEWORDS_PER_TILE);
      let square = 0;
      for (let d = 0; d < this.#codebookDim; d++) {
        const value = this.#codewords[from + d];
        this.#packed[to + d * CODEWORDS_PER_TILE] = value;
        square += value * value;
      }
      this.#halfNorms[n] = square / 2;
      largest = Math.max(largest, square / 2);
    }
    return largest;
  }

  #scoreTwo(vectors: Float32Array, offset: number): void {
    const dim = this.#codebookDim;
    const packed = this.#packed;
    const halfNorms = this.#halfNorms;
    const [scoresA, scoresB] = this.#scores;
    for (let n = 0, at = 0; n < halfNorms.length; n += CODEWORDS_PER_TILE) {
      let a0 = 0;
      let a1 = 0;
      let a2 = 0;
      let a3 = 0;
      let b0 = 0;
      let b1 = 0;
      let b2 = 0;
      let b3 = 0;
      for (let d = offset; d < offset + dim; d++, at += CODEWORDS_PER_TILE) {
        const a = vectors[d];
        const b = vectors[d + dim];
        const c0 = packed[at];
        const c1 = packed[at + 1];
        const c2 = packed[at + 2];
        const c3 = packed[at + 3];
        a0 += a * c0;
        a1 += a * c1;
        a2 += a * c2;
        a3 += a * c3;
        b0 += b * c0;
        b1 += b * c1;
        b2 += b * c2;
        b3 += b * c3;
      }
      scoresA[n] = halfNorms[n] - a0;
      scoresA[n + 1] = halfNorms[n + 1] - a1;
      scoresA[n + 2] = halfNorms[n + 2] - a2;
      scoresA[n + 3] = halfNorms[n + 3] - a3;
      scoresB[n] = halfNorms[n] - b0;
      scoresB[n + 1] = halfNorms[n + 1] - b1;
      scoresB[n + 2] = halfNorms[n + 2] - b2;
      scoresB[n + 3] = halfNorms[n + 3] - b3;
    }
  }

  #scoreOne(vectors: Float32Array, offset: number): void {
    const dim = this.#codebookDim;
    const packed = this.#packed;
    const halfNorms = this.#halfNorms;
    const scores = this.#scores[0];
    for (let n = 0, at = 0; n < halfNorms.length; n += CODEWORDS_PER_TILE) {
      let a0 = 0;
      let a1 = 0;
      let a2 = 0;
      let a3 = 0;
      for (let d = offset; d < offset + dim; d++, at += CODEWORDS_PER_TILE) {
        const a = vectors[d];
        a0 += a * packed[at];
        a1 += a * packed[at + 1];
        a2 += a * packed[at + 2];
        a3 += a * packed[at + 3];
      }
      scores[n] = halfNorms[n] - a0;
      scores[n + 1] = halfNorms[n + 1] - a1;
      scores[n + 2] = halfNorms[n + 2] - a2;
      scores[n + 3] = halfNorms[n + 3] - a3;
    }
  }

  /** The nearest codeword by its scores; distances decide among those within twice the error that a score can have. */
  #choose(vectors: Float32Array, offset: number, scores: Float64Array): number {
    const dim = this.#codebookDim;
    const margin = dim * ROUNDING_PER_DIM * (halfNormOf(vectors, offset, dim) + this.#maxHalfNorm);

    let lowest = Number.POSITIVE_INFINITY;
    let nearest = 0;
    for (let n = 0; n < this.#codebookSize; n++) {
      if (scores[n] < lowest) {
        lowest = scores[n];
        nearest = n;
      }
    }
    const limit = lowest + 2 * margin;
    let smallest = Number.POSITIVE_INFINITY;
    for (let n = 0; n < this.#codebookSize; n++) {
      if (scores[n] > limit) continue;
      const distance = squaredDistance(vectors, offset, this.#codewords, this.#offset + n * dim, dim);
      if (distance < smallest) {
        smallest = distance;
        nearest = n;
      }
    }
    return nearest;
  }
}

function halfNormOf(vectors: Float32Array, offset: number, dim: number): number {
  let halfNorm = 0;
  for (let d = offset; d < offset + dim; d++) halfNorm += (vectors[d] * vectors[d]) / 2;
  return halfNorm;
}
