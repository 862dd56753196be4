/** What the variants of residual vector quantization have in common: latents [F, D] -> tokens [F, K]. */

/** The codebooks of a residual vector quantizer, one a stage, all of one shape. */
export interface Codebooks {
  /** Stages, K. */
  readonly numCodebooks: number;
  /** Codewords of a stage, N: at most 65536, so that a token fits 16 bits. */
  readonly codebookSize: number;
  /** Width of a codeword, D. */
  readonly codebookDim: number;
  /** Shapes   [K, N, D] row-major, finite */
  readonly codewords: Float32Array;
}

/**
 * Names of the variants: `wasm` is 128-bit WebAssembly SIMD, `typed-array` plain TypeScript, `reference` the slow twin.
 * All three return the same tokens for the same latents, to the bit.
 */
export type RvqVariant = "wasm" | "typed-array" | "reference";

/** Widest beam: kernels have room for so many paths. */
export const MAX_BEAM_WIDTH = 64;

/** Codebooks made ready for searching. Not for two callers at once: scratch memory belongs to the kernel. */
export interface RvqKernel {
  readonly variant: RvqVariant;
  /**
   * Quantizes frames. Each stage extends every path by every codeword and keeps the `beamWidth` extensions that leave the
   * smallest residuals; the best path of the last stage gives the tokens. With a width of 1, each stage chooses the codeword
   * nearest to what the stages before it left over.
   *
   * Shapes   latents [F, D], tokens [F, activeCodebooks], both row-major
   * Memory   reads `latents`, writes the first F * activeCodebooks entries of `tokens`, keeps neither
   * Numerics the residual is float32, one subtraction a stage, so tokens of a frame do not depend on the frames beside
   *          it; smallest means `squaredDistance` in float64, on equal distance the extension of the better path, then
   *          the lower index
   * @param beamWidth  1 to MAX_BEAM_WIDTH, default 1
   */
  quantizeInto(
    latents: Float32Array,
    numFrames: number,
    activeCodebooks: number,
    tokens: Uint16Array,
    beamWidth?: number,
  ): void;
}
