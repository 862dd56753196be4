/**
 * Residual vector quantization, latents [F, D] -> tokens [F, K] and back: the boundary in front of the kernels. Input is
 * checked here, once, and the kernels are bare.
 *
 * Source: Zeghidour et al. 2021, "SoundStream: An End-to-End Neural Audio Codec", section III-C and Algorithm 1.
 */
import { ModelError, TokenError } from "../errors";
import { createRvqKernel, dequantizeInto } from "../kernels/rvq";
import type { RvqKernel, RvqVariant } from "../kernels/rvq-kernel";
import { assertCodebooks, type Codebooks } from "./codebook";

export type { RvqVariant } from "../kernels/rvq-kernel";

/** How a `ResidualQuantizer` searches. */
export interface ResidualQuantizerOptions {
  /**
   * Which kernel searches the codebooks. `auto` (default) takes WebAssembly SIMD where the platform has it and plain
   * TypeScript elsewhere; the tokens are the same.
   */
  readonly kernel?: "auto" | RvqVariant;
}

/**
 * Turns latents into tokens and tokens into quantized latents, with as many stages as the call asks for.
 *
 * A frame's tokens depend on its latents alone: not on how many frames come in a call, nor on the kernel or machine.
 */
export class ResidualQuantizer {
  readonly codebooks: Codebooks;
  readonly #kernel: RvqKernel;

  /**
   * Prepares codebooks for searching.
   *
   * Memory   keeps `codebooks.codewords`, which must not change any more, and a copy arranged for the kernel
   * @throws {RangeError} when the codebooks are not what they say, or `kernel` is `wasm` on a platform without its SIMD
   */
  constructor(codebooks: Codebooks, { kernel = "auto" }: ResidualQuantizerOptions = {}) {
    assertCodebooks(codebooks);
    this.codebooks = codebooks;
    const created = createRvqKernel(codebooks, kernel);
    if (created === undefined) {
      throw new RangeError(`"kernel" expected one that this platform can run, such as "auto", got "${kernel}"`);
    }
    this.#kernel = created;
  }

  /** Which kernel searches. */
  get kernel(): RvqVariant {
    return this.#kernel.variant;
  }

  /**
   * Quantizes frames, each stage taking the codeword nearest to what the stages before it left over.
   *
   * Shapes   latents [F, D], result [F, activeCodebooks], both row-major
   * Memory   reads `latents`; writes and returns `out`, or a fresh array
   * Numerics exact nearest codeword by float64 distance from a float32 residual; the lower index wins ties
   * @param activeCodebooks  stages to use, 1 to numCodebooks
   * @param out  room for the tokens, at least F * activeCodebooks long; the result is a view of its start
   * @throws {RangeError} when a length or `activeCodebooks` does not fit
   * @throws {ModelError} `non-finite-latents` when a component is NaN or infinite
   */
  quantize(latents: Float32Array, activeCodebooks: number, out?: Uint16Array): Uint16Array {
    const { codebookDim } = this.codebooks;
    this.#assertActiveCodebooks(activeCodebooks);
    if (latents.length % codebookDim !== 0) {
      throw new RangeError(`"latents" expected a multiple of ${codebookDim} numbers, got ${latents.length}`);
    }
    assertFinite(latents, codebookDim);
    const numFrames = latents.length / codebookDim;
    const numTokens = numFrames * activeCodebooks;
    const tokens = out ?? new Uint16Array(numTokens);
    if (tokens.length < numTokens) {
      throw new RangeError(`"out" expected room for ${numTokens} tokens, got ${tokens.length}`);
    }
    this.#kernel.quantizeInto(latents, numFrames, activeCodebooks, tokens);
    return tokens.length === numTokens ? tokens : tokens.subarray(0, numTokens);
  }

  /**
   * Adds up the codewords that tokens stand for.
   *
   * Shapes   codes [F, activeCodebooks], result [F, D], both row-major
   * Memory   reads `codes`; the result is a fresh array
   * Numerics float32, stage 0 first, so a frame's sum does not depend on the frames beside it
   * @param activeCodebooks  stages that the tokens were made with, 1 to numCodebooks
   * @throws {RangeError} when a length or `activeCodebooks` does not fit
   * @throws {TokenError} `token-out-of-range` when a token is not below codebookSize
   */
  dequantize(codes: Uint16Array, activeCodebooks: number): Float32Array {
    this.#assertActiveCodebooks(activeCodebooks);
    if (codes.length % activeCodebooks !== 0) {
      throw new RangeError(`"codes" expected a multiple of ${activeCodebooks} tokens, got ${codes.length}`);
    }
    assertTokens(codes, activeCodebooks, this.codebooks.codebookSize);
    const quantized = new Float32Array((codes.length / activeCodebooks) * this.codebooks.codebookDim);
    dequantizeInto(this.codebooks, codes, activeCodebooks, quantized);
    return quantized;
  }

  #assertActiveCodebooks(activeCodebooks: number): void {
    const { numCodebooks } = this.codebooks;
    if (!Number.isInteger(activeCodebooks) || activeCodebooks < 1 || activeCodebooks > numCodebooks) {
      throw new RangeError(`"activeCodebooks" expected an integer from 1 to ${numCodebooks}, got ${activeCodebooks}`);
    }
  }
}

function assertFinite(latents: Float32Array, codebookDim: number): void {
  // Zero times a number is zero unless the number is NaN or infinite: one sum instead of a branch for each component.
  let probe = 0;
  for (const component of latents) probe += component * 0;
  if (probe === 0) return;
  const index = latents.findIndex((component) => !Number.isFinite(component));
  const where = `frame ${Math.floor(index / codebookDim)}, component ${index % codebookDim}`;
  throw new ModelError(
    "non-finite-latents",
    `"latents" expected finite numbers, got ${latents[index]} at ${where}; check the audio and the encoder's weights`,
  );
}

function assertTokens(codes: Uint16Array, activeCodebooks: number, codebookSize: number): void {
  if (codebookSize === 65536) return;
  const index = codes.findIndex((code) => code >= codebookSize);
  if (index < 0) return;
  const [frame, stage] = [Math.floor(index / activeCodebooks), index % activeCodebooks];
  const actual = codes[index] ?? Number.NaN;
  throw new TokenError(
    "token-out-of-range",
    `token of frame ${frame}, stage ${stage} expected below ${codebookSize}, got ${actual}; ` +
      "decode with the codec that made the tokens",
    { expected: codebookSize - 1, actual, frame, stage },
  );
}
