/**
 * Residual vector quantization that keeps several paths, in plain TypeScript: latents -> tokens [K] of one frame. For
 * platforms without WebAssembly SIMD; assembly/beam-search.ts is the same in SIMD.
 */
import { BestPaths } from "./best-paths";
import type { NearestCodeword } from "./nearest-codeword";
import { type Codebooks, MAX_BEAM_WIDTH } from "./rvq-kernel";

/** Searches by the scores of `NearestCodeword`, one prepared for each stage. */
export class BeamSearch {
  readonly #codebooks: Codebooks;
  readonly #stages: readonly NearestCodeword[];
  readonly #best = new BestPaths(MAX_BEAM_WIDTH);
  /** Residuals of the paths at work and of their extensions [M, D], which change places after each stage. */
  #residuals: Float32Array;
  #extended: Float32Array;
  /** What was kept at each stage [K, M]. */
  readonly #parents: Uint16Array;
  readonly #tokens: Uint16Array;

  constructor(codebooks: Codebooks, stages: readonly NearestCodeword[]) {
    const { numCodebooks, codebookDim } = codebooks;
    this.#codebooks = codebooks;
    this.#stages = stages;
    this.#residuals = new Float32Array(MAX_BEAM_WIDTH * codebookDim);
    this.#extended = new Float32Array(MAX_BEAM_WIDTH * codebookDim);
    this.#parents = new Uint16Array(numCodebooks * MAX_BEAM_WIDTH);
    this.#tokens = new Uint16Array(numCodebooks * MAX_BEAM_WIDTH);
  }

  /**
   * Quantizes one frame.
   *
   * Shapes   latent [D]; the tokens go to `tokens` from `tokenOffset` on
   * Numerics the tokens of `RvqReference`, always
   */
  quantizeInto(
    latent: Float32Array,
    activeCodebooks: number,
    tokens: Uint16Array,
    tokenOffset: number,
    beamWidth: number,
  ): void {
    const best = this.#best;
    const dim = this.#codebooks.codebookDim;
    this.#residuals.set(latent);
    let numPaths = 1;
    for (let q = 0; q < activeCodebooks; q++) {
      const isLast = q + 1 === activeCodebooks;
      // Of the last stage's extensions only the best one is of use.
      best.clear(isLast ? 1 : beamWidth);
      for (let p = 0; p < numPaths; p++) this.#stages[q].offerTo(best, this.#residuals, p * dim, p);
      numPaths = best.count;
      this.#parents.set(best.parents.subarray(0, numPaths), q * MAX_BEAM_WIDTH);
      this.#tokens.set(best.tokens.subarray(0, numPaths), q * MAX_BEAM_WIDTH);
      if (!isLast) this.#extend(q);
    }
    this.#traceBack(activeCodebooks, tokens, tokenOffset);
  }

  #extend(q: number): void {
    const { codebookSize, codebookDim, codewords } = this.#codebooks;
    const { count, parents, tokens } = this.#best;
    for (let m = 0; m < count; m++) {
      const codeword = (q * codebookSize + tokens[m]) * codebookDim;
      const parent = parents[m] * codebookDim;
      for (let d = 0; d < codebookDim; d++) {
        this.#extended[m * codebookDim + d] = this.#residuals[parent + d] - codewords[codeword + d];
      }
    }
    [this.#residuals, this.#extended] = [this.#extended, this.#residuals];
  }

  /** Follows the parents of the best path from its last stage to its first. */
  #traceBack(activeCodebooks: number, tokens: Uint16Array, tokenOffset: number): void {
    let path = 0;
    for (let q = activeCodebooks - 1; q >= 0; q--) {
      tokens[tokenOffset + q] = this.#tokens[q * MAX_BEAM_WIDTH + path];
      path = this.#parents[q * MAX_BEAM_WIDTH + path];
    }
  }
}
