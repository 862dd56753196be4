/** Codebooks and latents made from numbers. */
import type { Codebooks } from "../../src/kernels/rvq-kernel";
import { seededRandom } from "./synth-audio";

/** Normal numbers of mean 0 and variance 1 (Box-Muller). */
export function gaussian(length: number, seed: number, deviation = 1): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length }, () => {
    return deviation * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  });
}

/** K x N x D codebooks of given codewords, by default normal numbers. */
export function makeCodebooks(
  [numCodebooks, codebookSize, codebookDim]: readonly [number, number, number],
  codewords = gaussian(numCodebooks * codebookSize * codebookDim, 1),
): Codebooks {
  return { numCodebooks, codebookSize, codebookDim, codewords };
}

/**
 * Codebooks as training leaves them: each stage finer than the one before, a few dimensions carrying most of the
 * energy, and codewords of very different norms.
 */
export function residualLikeCodebooks(shape: readonly [number, number, number], seed: number): Codebooks {
  const [numCodebooks, codebookSize, codebookDim] = shape;
  const codewords = gaussian(numCodebooks * codebookSize * codebookDim, seed);
  const norms = gaussian(numCodebooks * codebookSize, seed + 1, 0.6).map(Math.exp);
  for (let i = 0; i < codewords.length; i++) {
    const word = Math.floor(i / codebookDim);
    const stage = Math.floor(word / codebookSize);
    codewords[i] = (codewords[i] ?? 0) * (norms[word] ?? 0) * dimensionDeviation(i % codebookDim) * 0.75 ** stage;
  }
  return makeCodebooks(shape, codewords);
}

/** Latents that `residualLikeCodebooks` would have been trained on: sums of codewords, and noise of the last stage. */
export function residualLikeLatents(codebooks: Codebooks, numFrames: number, seed: number): Float32Array {
  const { numCodebooks, codebookSize, codebookDim, codewords } = codebooks;
  const random = seededRandom(seed);
  const latents = gaussian(numFrames * codebookDim, seed + 1, 0.5 * 0.75 ** numCodebooks);
  for (let f = 0; f < numFrames; f++) {
    for (let q = 0; q < numCodebooks; q++) {
      const from = (q * codebookSize + Math.floor(random() * codebookSize)) * codebookDim;
      for (let d = 0; d < codebookDim; d++) {
        latents[f * codebookDim + d] = (latents[f * codebookDim + d] ?? 0) + (codewords[from + d] ?? 0);
      }
    }
  }
  return latents;
}

function dimensionDeviation(d: number): number {
  return Math.exp(-d / 24);
}
