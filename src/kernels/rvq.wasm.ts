/**
 * Residual vector quantization in WebAssembly SIMD, latents [F, D] -> tokens [F, K]: lays out the memory that
 * assembly/rvq.ts and assembly/beam-search.ts work in, and carries frames in and tokens out, a block at a time.
 *
 * Why the int8 search is exact. In units scaled by a power of two, a codeword is c = step·k + e with k int8 and a step
 * of its own, a residual is x = unit·v + u with v int16, and by Cauchy-Schwarz
 *
 *   | x·c − unit·step·(v·k) |  =  | x·e + u·(c − e) |  ≤  |x|·|e| + |u|·|c − e|  ≤  |x|·slack
 *
 * for |u| ≤ |x|·½√D/levels. So ½|c|² − unit·step·(v·k) ∓ |x|·slack bound ½|c|² − x·c, by which the nearest codeword is
 * lowest. No codeword is nearest whose lower bound exceeds another's upper bound; distances decide among the rest.
 */
import { wasmBase64 as beamSearchBase64 } from "./beam-search.generated";
import { wasmBase64 } from "./rvq.generated";
import { type Codebooks, MAX_BEAM_WIDTH, type RvqKernel } from "./rvq-kernel";
import { compileWasm, MemoryLayout, roundUp } from "./wasm-module";

/** Frames that go through the stages together: 64 of 128 dimensions are 32 KiB, beside one stage of int8 in L2. */
const FRAMES_PER_BLOCK = 64;
/** Paths of all frames that go through the stages together. */
const PATHS_PER_BLOCK = 512;
const QUERIES_PER_TILE = 4;
const CODEWORDS_PER_TILE = 16;
/** Multiple of dimensions that the assembly reads at once. */
const DIM_ALIGNMENT = 8;
/** Three addresses and a float; see `Stage` in the assembly. */
const STAGE_BYTES = 16;
/** Bytes of the words of a query, and what that leaves for dimensions; see `WORDS` in the assembly. */
const WORDS_BYTES = 4160;
const MAX_CODEBOOK_DIM = WORDS_BYTES / 2;
/** Three floats and four lanes; see `Query` in the assembly. */
const QUERY_BYTES = 32;
/** What sixteen float32 roundings can do to a half norm; fewer are made. */
const ROUNDING = 2 ** -20;

/** What both modules export first: the sizes, and where what they share lies. */
interface Screening {
  configure(
    codebookSize: number,
    paddedDim: number,
    levels: number,
    stages: number,
    residuals: number,
    words: number,
    queries: number,
    bounds: number,
    tokens: number,
  ): void;
}

interface SinglePath extends Screening {
  quantize(numFrames: number, activeCodebooks: number): void;
}

interface BeamSearch extends Screening {
  configureBeam(distances: number, kept: number, extended: number, choices: number): void;
  quantizeByBeam(numFrames: number, activeCodebooks: number, beamWidth: number): void;
}

/** Of one path, and of several. */
type Modules = readonly [WebAssembly.Module, WebAssembly.Module];

/** Compiled once for all kernels; `null` where the platform cannot take them. */
let compiled: Modules | null | undefined;

function compileModules(): Modules | null {
  const [singlePath, beamSearch] = [compileWasm(wasmBase64), compileWasm(beamSearchBase64)];
  return singlePath === null || beamSearch === null ? null : [singlePath, beamSearch];
}

/** Quantizes in WebAssembly. Get one from `create`, which knows whether the platform can. */
export class RvqWasm implements RvqKernel {
  readonly variant = "wasm";
  readonly #singlePath: SinglePath;
  readonly #beamSearch: BeamSearch;
  readonly #codebookDim: number;
  readonly #paddedDim: number;
  /** Views of the memory that both work in. */
  readonly #residuals: Float32Array;
  readonly #tokens: Uint16Array;

  /**
   * Prepares the codebooks, copied into 5 bytes a component. Returns `undefined` without WebAssembly SIMD, and for
   * codewords of more than 2080 dimensions, for which there is no room.
   */
  static create(codebooks: Codebooks): RvqWasm | undefined {
    if (compiled === undefined) compiled = compileModules();
    return compiled === null || codebooks.codebookDim > MAX_CODEBOOK_DIM ? undefined : new RvqWasm(codebooks, compiled);
  }

  private constructor(codebooks: Codebooks, modules: Modules) {
    const { numCodebooks, codebookSize, codebookDim } = codebooks;
    const paddedDim = roundUp(codebookDim, DIM_ALIGNMENT);
    const paddedSize = roundUp(codebookSize, CODEWORDS_PER_TILE);
    const layout = new MemoryLayout();
    const stagesAt = layout.take(numCodebooks * STAGE_BYTES);
    const queriesAt = layout.take(QUERIES_PER_TILE * QUERY_BYTES);
    const wordsAt = layout.take(QUERIES_PER_TILE * WORDS_BYTES);
    const boundsAt = layout.take(QUERIES_PER_TILE * paddedSize * 4);
    const residualsAt = layout.take(PATHS_PER_BLOCK * paddedDim * 4);
    const tokensAt = layout.take(FRAMES_PER_BLOCK * numCodebooks * 2);
    const distancesAt = layout.take(MAX_BEAM_WIDTH * 8);
    const keptAt = layout.take(MAX_BEAM_WIDTH * 4);
    const extendedAt = layout.take(MAX_BEAM_WIDTH * paddedDim * 4);
    const choicesAt = layout.take(numCodebooks * PATHS_PER_BLOCK * 4);
    const stages = Array.from({ length: numCodebooks }, () => ({
      packedAt: layout.take(paddedSize * paddedDim),
      termsAt: layout.take(paddedSize * 16),
      codewordsAt: layout.take(codebookSize * paddedDim * 4),
    }));

    const memory = layout.createMemory();
    const [singlePath, beamSearch] = modules.map(
      (module) => new WebAssembly.Instance(module, { env: { memory } }).exports,
    );
    this.#singlePath = singlePath as unknown as SinglePath;
    this.#beamSearch = beamSearch as unknown as BeamSearch;
    this.#codebookDim = codebookDim;
    this.#paddedDim = paddedDim;
    this.#residuals = new Float32Array(memory.buffer, residualsAt, PATHS_PER_BLOCK * paddedDim);
    this.#tokens = new Uint16Array(memory.buffer, tokensAt, FRAMES_PER_BLOCK * numCodebooks);
    // The largest query level for which D products with ±127 stay inside int32.
    const levels = Math.min(32767, Math.floor((2 ** 31 - 1) / (127 * paddedDim)));
    for (const [q, stage] of stages.entries()) {
      writeStage(memory.buffer, stagesAt + q * STAGE_BYTES, stage, codebooks, q, paddedDim, levels);
    }
    for (const assembly of [this.#singlePath, this.#beamSearch]) {
      assembly.configure(
        codebookSize,
        paddedDim,
        levels,
        stagesAt,
        residualsAt,
        wordsAt,
        queriesAt,
        boundsAt,
        tokensAt,
      );
    }
    this.#beamSearch.configureBeam(distancesAt, keptAt, extendedAt, choicesAt);
  }

  quantizeInto(
    latents: Float32Array,
    numFrames: number,
    activeCodebooks: number,
    tokens: Uint16Array,
    beamWidth = 1,
  ): void {
    const framesPerBlock = Math.min(FRAMES_PER_BLOCK, Math.floor(PATHS_PER_BLOCK / beamWidth));
    for (let start = 0; start < numFrames; start += framesPerBlock) {
      const count = Math.min(framesPerBlock, numFrames - start);
      this.#writeResiduals(latents, start, count, beamWidth);
      if (beamWidth === 1) this.#singlePath.quantize(count, activeCodebooks);
      else this.#beamSearch.quantizeByBeam(count, activeCodebooks, beamWidth);
      tokens.set(this.#tokens.subarray(0, count * activeCodebooks), start * activeCodebooks);
    }
  }

  /**
   * Copies frames in, `beamWidth` rows from one to the next; the zeros that pad each row stay zero, for codewords are
   * padded with zeros too.
   */
  #writeResiduals(latents: Float32Array, start: number, count: number, beamWidth: number): void {
    const dim = this.#codebookDim;
    const stride = beamWidth * this.#paddedDim;
    if (dim === stride) {
      this.#residuals.set(latents.subarray(start * dim, (start + count) * dim));
      return;
    }
    for (let f = 0; f < count; f++) {
      this.#residuals.set(latents.subarray((start + f) * dim, (start + f + 1) * dim), f * stride);
    }
  }
}

interface StageAddresses {
  readonly packedAt: number;
  readonly termsAt: number;
  readonly codewordsAt: number;
}

/** Writes the tables of stage q and its record at `recordAt`. */
function writeStage(
  buffer: ArrayBuffer,
  recordAt: number,
  { packedAt, termsAt, codewordsAt }: StageAddresses,
  { codebookSize, codebookDim, codewords }: Codebooks,
  q: number,
  paddedDim: number,
  levels: number,
): void {
  const paddedSize = roundUp(codebookSize, CODEWORDS_PER_TILE);
  const stage = codewords.subarray(q * codebookSize * codebookDim, (q + 1) * codebookSize * codebookDim);
  const packed = new Int8Array(buffer, packedAt, paddedSize * paddedDim);
  const terms = new Float32Array(buffer, termsAt, paddedSize * 4);
  const rows = new Float32Array(buffer, codewordsAt, codebookSize * paddedDim);
  const scale = scaleFor(largestMagnitude(stage));
  // 0.52 for a half leaves room for the float32 rounding of the query's scale and of the dot product.
  const queryError = (0.52 * Math.sqrt(paddedDim)) / levels;
  terms.fill(Number.POSITIVE_INFINITY);
  for (let n = 0; n < codebookSize; n++) {
    const codeword = stage.subarray(n * codebookDim, (n + 1) * codebookDim);
    rows.set(codeword, n * paddedDim);
    const tile = (n - (n % CODEWORDS_PER_TILE)) * paddedDim + 2 * (n % CODEWORDS_PER_TILE);
    const { step, square, errorSquare } = packCodeword(codeword, scale, packed, tile);
    const [norm, errorNorm] = [Math.sqrt(square), Math.sqrt(errorSquare)];
    const line = (n >> 2) * 16 + (n & 3);
    terms[line] = (square / 2) * (1 - ROUNDING);
    terms[line + 4] = (square / 2) * (1 + ROUNDING);
    terms[line + 8] = step;
    terms[line + 12] = errorNorm + (norm + errorNorm) * queryError;
  }
  new Uint32Array(buffer, recordAt, 3).set([packedAt, termsAt, codewordsAt]);
  new Float32Array(buffer, recordAt + 12, 1).set([scale]);
}

/** Rounds a codeword to int8 at `tile`, and returns in scaled units its step, its square and that of the rounding error. */
function packCodeword(codeword: Float32Array, scale: number, packed: Int8Array, tile: number) {
  const step = Math.fround((largestMagnitude(codeword) * scale) / 127);
  let square = 0;
  let errorSquare = 0;
  for (let d = 0; d < codeword.length; d++) {
    const scaled = codeword[d] * scale;
    const level = step === 0 ? 0 : Math.round(scaled / step);
    const error = scaled - step * level;
    packed[tile + (d >> 1) * 2 * CODEWORDS_PER_TILE + (d & 1)] = level;
    square += scaled * scaled;
    errorSquare += error * error;
  }
  return { step, square, errorSquare };
}

function largestMagnitude(values: Float32Array): number {
  let largest = 0;
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i]));
  return largest;
}

/** The power of two that brings `largest` to about 1, within what a float32 can hold. */
function scaleFor(largest: number): number {
  return largest === 0 ? 1 : 2 ** Math.min(100, Math.max(-126, -Math.ceil(Math.log2(largest))));
}
