/** Residual vector quantization in plain TypeScript, for platforms without WebAssembly SIMD: latents -> tokens [F, K]. */
import { BeamSearch } from "./beam-search";
import { NearestCodeword } from "./nearest-codeword";
import type { Codebooks, RvqKernel } from "./rvq-kernel";

/** Frames that go through a stage together: their residuals and the tile at work stay in the first-level cache. */
const FRAMES_PER_BLOCK = 32;

/** Quantizes by the searches of `NearestCodeword`, one prepared for each stage. */
export class RvqTypedArray implements RvqKernel {
  readonly variant = "typed-array";
  readonly #codebooks: Codebooks;
  readonly #stages: readonly NearestCodeword[];
  readonly #residuals: Float32Array;
  readonly #beamSearch: BeamSearch;

  constructor(codebooks: Codebooks) {
    const { numCodebooks, codebookSize, codebookDim, codewords } = codebooks;
    this.#codebooks = codebooks;
    this.#stages = Array.from({ length: numCodebooks }, (_, q) => {
      return new NearestCodeword(codewords, q * codebookSize * codebookDim, codebookSize, codebookDim);
    });
    this.#residuals = new Float32Array(FRAMES_PER_BLOCK * codebookDim);
    this.#beamSearch = new BeamSearch(codebooks, this.#stages);
  }

  quantizeInto(
    latents: Float32Array,
    numFrames: number,
    activeCodebooks: number,
    tokens: Uint16Array,
    beamWidth = 1,
  ): void {
    const dim = this.#codebooks.codebookDim;
    if (beamWidth > 1) {
      for (let f = 0; f < numFrames; f++) {
        const latent = latents.subarray(f * dim, (f + 1) * dim);
        this.#beamSearch.quantizeInto(latent, activeCodebooks, tokens, f * activeCodebooks, beamWidth);
      }
      return;
    }
    for (let start = 0; start < numFrames; start += FRAMES_PER_BLOCK) {
      const count = Math.min(FRAMES_PER_BLOCK, numFrames - start);
      this.#residuals.set(latents.subarray(start * dim, (start + count) * dim));
      for (let q = 0; q < activeCodebooks; q++) {
        const offset = start * activeCodebooks + q;
        this.#stages[q].findInto(this.#residuals, count, tokens, offset, activeCodebooks);
        this.#subtract(q, count, tokens, offset, activeCodebooks);
      }
    }
  }

  #subtract(q: number, count: number, tokens: Uint16Array, tokenOffset: number, tokenStride: number): void {
    const { codebookSize, codebookDim, codewords } = this.#codebooks;
    const residuals = this.#residuals;
    for (let f = 0; f < count; f++) {
      const from = (q * codebookSize + tokens[f * tokenStride + tokenOffset]) * codebookDim;
      for (let d = 0; d < codebookDim; d++) residuals[f * codebookDim + d] -= codewords[from + d];
    }
  }
}
