/**
 * Residual vector quantization, latents [F, D] -> tokens [F, K] and back: the boundary in front of the kernels. Input is
 * checked here, once, and the kernels are bare.
 *
 * Source: Zeghidour et al. 2021, "SoundStream: An End-to-End Neural Audio Codec", section III-C and Algorithm 1, for one
 * path; LeBlanc et al. 1993, "Efficient search and design procedures for robust multi-stage VQ of LPC parameters for 4
 * kb/s speech coding", for several.
 */
import { ModelError, TokenError } from "../errors";
import { createRvqKernel, dequantizeInto } from "../kernels/rvq";
import { MAX_BEAM_WIDTH, type RvqKernel, type RvqVariant } from "../kernels/rvq-kernel";
import { assertCodebooks, type Codebooks } from "./codebook";

export type { RvqVariant } from "../kernels/rvq-kernel";

/** How a `ResidualQuantizer` searches. */
export interface ResidualQuantizerOptions {
  /**
   * Which kernel searches the codebooks. `auto` (default) takes WebAssembly SIMD where the platform has it and plain
   * TypeScript elsewhere; the tokens are the same.
   */
  readonly kernel?: "auto" | RvqVariant;
  /**
   * Paths that a frame's search keeps from stage to stage, 1 to 64. More leave a smaller error on average and take time in
   * proportion. Default 1: each stage takes the codeword nearest to what the stages before it left over.
   */
  readonly beamWidth?: number;
}

/**
 * Turns latents into tokens and tokens into quantized latents, with as many stages as the call asks for.
 *
 * A frame's tokens depend on its latents alone: not on how many frames come in a call, nor on the kernel or machine.
 */
export class ResidualQuantizer {
  readonly codebooks: Codebooks;
  readonly beamWidth: number;
  readonly #kernel: RvqKernel;

  /**
   * Prepares codebooks for searching.
   *
   * Memory   keeps `codebooks.codewords`, which must not change any more, and a copy arranged for the kernel
   * @throws {RangeError} when the codebooks are not what they say, `kernel` is `wasm` on a platform without its SIMD, or
   *   `beamWidth` is out of range
   */
  constructor(codebooks: Codebooks, { kernel = "auto", beamWidth = 1 }: ResidualQuantizerOptions = {}) {
    assertCodebooks(codebooks);
    assertBeamWidth(beamWidth);
    this.codebooks = codebooks;
    this.beamWidth = beamWidth;
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
   * Quantizes frames, by a beam of `beamWidth` unless told otherwise.
   *
   * Shapes   latents [F, D], result [F, activeCodebooks], both row-major
   * Memory   reads `latents`; writes and returns `out`, or a fresh array
   * Numerics exact: distances are float64, from a float32 residual; on equal distance the better path wins, then the
   *          lower index
   * @param activeCodebooks  stages to use, 1 to numCodebooks
   * @param out  room for the tokens, at least F * activeCodebooks long; the result is a view of its start
   * @param beamWidth  in place of the quantizer's own
   * @throws {RangeError} when a length, `activeCodebooks` or `beamWidth` does not fit
   * @throws {ModelError} `non-finite-latents` when a component is NaN or infinite
   */
  quantize(
    latents: Float32Array,
    activeCodebooks: number,
    out?: Uint16Array,
    beamWidth: number = this.beamWidth,
  ): Uint16Array {
    const { codebookDim } = this.codebooks;
    this.#assertActiveCodebooks(activeCodebooks);
    assertBeamWidth(beamWidth);
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
    this.#kernel.quantizeInto(latents, numFrames, activeCodebooks, tokens, beamWidth);
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

/** @throws {RangeError} when a search cannot keep so many paths */
export function assertBeamWidth(beamWidth: number): void {
  if (!Number.isInteger(beamWidth) || beamWidth < 1 || beamWidth > MAX_BEAM_WIDTH) {
    throw new RangeError(`"beamWidth" expected an integer from 1 to ${MAX_BEAM_WIDTH}, got ${beamWidth}`);
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
