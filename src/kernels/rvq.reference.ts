/** The slow twin of residual vector quantization, latents [F, D] -> tokens [F, K]: what every variant must return. */
import { squaredDistance } from "./nearest-codeword.reference";
import type { Codebooks, RvqKernel } from "./rvq-kernel";

/** Codewords chosen so far, one a stage, and what they leave over of the latents. */
interface Path {
  readonly tokens: readonly number[];
  readonly residual: Float32Array;
}

/**
 * Quantizes by sorting all extensions of all paths by their float64 distances.
 *
 * Source   Zeghidour et al. 2021 (SoundStream), Algorithm 1, which keeps one path; LeBlanc et al. 1993, "Efficient search
 *          and design procedures for robust multi-stage VQ of LPC parameters for 4 kb/s speech coding", for several
 */
export class RvqReference implements RvqKernel {
  readonly variant = "reference";
  readonly #codebooks: Codebooks;

  constructor(codebooks: Codebooks) {
    this.#codebooks = codebooks;
  }

  quantizeInto(
    latents: Float32Array,
    numFrames: number,
    activeCodebooks: number,
    tokens: Uint16Array,
    beamWidth = 1,
  ): void {
    const { codebookDim } = this.#codebooks;
    for (let f = 0; f < numFrames; f++) {
      let paths: Path[] = [{ tokens: [], residual: latents.slice(f * codebookDim, (f + 1) * codebookDim) }];
      for (let q = 0; q < activeCodebooks; q++) paths = this.#extend(paths, q, beamWidth);
      tokens.set(paths[0].tokens, f * activeCodebooks);
    }
  }

  #extend(paths: readonly Path[], q: number, beamWidth: number): Path[] {
    const { codebookSize, codebookDim, codewords } = this.#codebooks;
    const extensions = paths.flatMap((path) => {
      return Array.from({ length: codebookSize }, (_, token) => {
        const at = (q * codebookSize + token) * codebookDim;
        return { path, token, at, distance: squaredDistance(path.residual, 0, codewords, at, codebookDim) };
      });
    });
    // Sorting keeps the order of equals: by path, then by token. Distances can be infinite, so their difference says nothing.
    extensions.sort((a, b) => (a.distance < b.distance ? -1 : a.distance > b.distance ? 1 : 0));
    return extensions.slice(0, beamWidth).map(({ path, token, at }) => ({
      tokens: [...path.tokens, token],
      residual: path.residual.map((component, d) => component - codewords[at + d]),
    }));
  }
}
