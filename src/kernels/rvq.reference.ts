/** The slow twin of residual vector quantization, latents [F, D] -> tokens [F, K]: what every variant must return. */
import { nearestCodewordReference } from "./nearest-codeword.reference";
import type { Codebooks, RvqKernel } from "./rvq-kernel";

/**
 * Quantizes by searching every codeword in float64.
 *
 * Source   Zeghidour et al. 2021 (SoundStream), Algorithm 1
 */
export class RvqReference implements RvqKernel {
  readonly variant = "reference";
  readonly #codebooks: Codebooks;

  constructor(codebooks: Codebooks) {
    this.#codebooks = codebooks;
  }

  quantizeInto(latents: Float32Array, numFrames: number, activeCodebooks: number, tokens: Uint16Array): void {
    const { codebookSize, codebookDim, codewords } = this.#codebooks;
    for (let f = 0; f < numFrames; f++) {
      const residual = latents.slice(f * codebookDim, (f + 1) * codebookDim);
      for (let q = 0; q < activeCodebooks; q++) {
        const stage = q * codebookSize * codebookDim;
        const token = nearestCodewordReference(residual, 0, codewords, stage, codebookSize, codebookDim);
        tokens[f * activeCodebooks + q] = token;
        for (let d = 0; d < codebookDim; d++) residual[d] -= codewords[stage + token * codebookDim + d];
      }
    }
  }
}
