/** Tokens between the quantizer and everything that stores, sends or models them. */
import { TokenError } from "../errors";
import { type Segmentation, segmentationFault, segmentFrameCounts } from "./segmentation";

/**
 * A stretch of audio as discrete tokens.
 *
 * Shapes   `codes` is [F, C, K] frame-major: the token of frame f, channel c, stage k is `codes[(f * C + c) * K + k]`
 * Units    `sampleRate` in Hz of the audio that the codec works at, `frameRate` in frames per second,
 *          `numSamples` counts samples of one channel at `sampleRate`
 */
export interface TokenFrames {
  /** Name of the codec that made the tokens, such as `speech-16k`. */
  readonly codec: string;
  /** Which weights made them: tokens mean nothing under other weights. */
  readonly revision: string;
  readonly sampleRate: number;
  readonly frameRate: number;
  /** Length of the coded audio; the last frame may reach beyond it. */
  readonly numSamples: number;
  /** Channels coded separately, C; 1 for mono, and for codecs that code channels jointly. */
  readonly numChannels: number;
  /** Stages in use, K. */
  readonly numCodebooks: number;
  /** Entries of every codebook, N: each code is below it. */
  readonly codebookSize: number;
  /**
   * How the signal was cut, for codecs that code segments each by itself. Then a piece holds whole segments, their frames
   * follow each other in `codes`, and `numSamples` counts overlapping samples once: to the start of the segment behind
   * the piece, or to the end of the signal. Absent for all other codecs.
   */
  readonly segmentation?: Segmentation;
  /** What the decoder multiplies each segment's samples by, [S, C] for S segments; given exactly with `segmentation`. */
  readonly scales?: Float32Array;
  readonly codes: Uint16Array;
  /**
   * 1 for each frame that did not arrive or was not sent [F]: its codes count for nothing, and the decoder conceals it.
   * Absent when all frames are there. Files keep no marks.
   */
  readonly lostFrames?: Uint8Array;
}

/** What tokens are of, without the tokens: the same for every piece of a stream. */
export type TokenFormat = Omit<TokenFrames, "codes" | "numSamples" | "scales" | "lostFrames">;

/** Samples that a frame stands for. */
export function hopLengthOf({ sampleRate, frameRate }: Pick<TokenFrames, "sampleRate" | "frameRate">): number {
  return Math.round(sampleRate / frameRate);
}

/** The number of frames, F. */
export function numFrames(tokens: Pick<TokenFrames, "codes" | "numChannels" | "numCodebooks">): number {
  return tokens.codes.length / (tokens.numChannels * tokens.numCodebooks);
}

/** The rate of the tokens without entropy coding, in bits per second. Overlap and scales of segments are not counted. */
export function bitsPerSecond(
  tokens: Pick<TokenFrames, "frameRate" | "numChannels" | "numCodebooks" | "codebookSize">,
): number {
  return tokens.frameRate * tokens.numChannels * tokens.numCodebooks * Math.log2(tokens.codebookSize);
}

/**
 * Checks that tokens are whole and that every code is in range.
 *
 * Cost     one pass over `codes`
 * @throws {TypeError} when `codes` is no Uint16Array, `scales` no Float32Array or `lostFrames` no Uint8Array
 * @throws {TokenError} code `shape-mismatch` when `codes` is no whole number of frames or no whole segments, or there is
 *   not a mark for each frame, code
 *   `token-out-of-range` when a code has no codeword, a scale is no finite number of at least 0, or a mark is neither 0
 *   nor 1
 */
export function assertTokenFrames(tokens: TokenFrames): void {
  if (!(tokens?.codes instanceof Uint16Array)) {
    throw new TypeError(`"codes" expected a Uint16Array, got ${Object.prototype.toString.call(tokens?.codes)}`);
  }
  expectWhole("numChannels", tokens.numChannels, 1);
  expectWhole("numCodebooks", tokens.numCodebooks, 1);
  expectWhole("numSamples", tokens.numSamples, 0);
  const perFrame = tokens.numChannels * tokens.numCodebooks;
  if (tokens.codes.length % perFrame !== 0) {
    throw new TokenError(
      "shape-mismatch",
      `"codes" expected a multiple of ${tokens.numChannels} channels x ${tokens.numCodebooks} codebooks, got ${tokens.codes.length} values; pass whole frames`,
      { expected: perFrame, actual: tokens.codes.length },
    );
  }
  assertSegments(tokens);
  assertMarks(tokens);
  const at = tokens.codes.findIndex((code) => code >= tokens.codebookSize);
  if (at >= 0) {
    const actual = tokens.codes[at] ?? 0;
    const frame = Math.floor(at / perFrame);
    const stage = at % tokens.numCodebooks;
    throw new TokenError(
      "token-out-of-range",
      `token ${actual} of frame ${frame}, stage ${stage} expected below the codebook size ${tokens.codebookSize}; check that the tokens come from this codec`,
      { expected: tokens.codebookSize, actual, frame, stage },
    );
  }
}

/** Of lost frames there is a mark for every frame, or none at all. */
function assertMarks(tokens: TokenFrames): void {
  const { lostFrames } = tokens;
  if (lostFrames === undefined) return;
  if (!(lostFrames instanceof Uint8Array)) {
    throw new TypeError(`"lostFrames" expected a Uint8Array, got ${Object.prototype.toString.call(lostFrames)}`);
  }
  const expected = numFrames(tokens);
  if (lostFrames.length !== expected) {
    const message = `"lostFrames" expected ${expected} marks, one for each frame, got ${lostFrames.length}`;
    throw new TokenError("shape-mismatch", message, { expected, actual: lostFrames.length });
  }
  const frame = lostFrames.findIndex((mark) => mark > 1);
  if (frame < 0) return;
  const actual = lostFrames[frame] ?? 0;
  const message = `"lostFrames" expected marks of 0 or 1, got ${actual} for frame ${frame}; mark a frame that is lost with 1`;
  throw new TokenError("token-out-of-range", message, { expected: 1, actual, frame });
}

/** Segmentation, scales, length and frames must be of one signal. */
function assertSegments(tokens: TokenFrames): void {
  const { segmentation, scales, numChannels, numSamples } = tokens;
  if (scales !== undefined && !(scales instanceof Float32Array)) {
    throw new TypeError(`"scales" expected a Float32Array, got ${Object.prototype.toString.call(scales)}`);
  }
  if (segmentation === undefined && scales === undefined) return;
  if (segmentation === undefined || scales === undefined) {
    throw badSegments("both or none", segmentation === undefined ? "only scales" : "only a segmentation");
  }
  const hopLength = hopLengthOf(tokens);
  const fault = segmentationFault(segmentation, hopLength);
  if (fault !== undefined) throw new TokenError("shape-mismatch", fault, { expected: "a segmentation", actual: fault });
  const numSegments = scales.length / numChannels;
  const run = { ...segmentation, hopLength, numSegments, numSamples, numFrames: numFrames(tokens) };
  if (segmentFrameCounts(run) === undefined) {
    const frames = `${run.numFrames} frames in ${numSegments} segments of ${segmentation.segmentSamples} samples`;
    throw badSegments(`what ${numSamples} samples are cut into`, frames);
  }
  const scale = scales.find((value) => !(value >= 0 && value < Number.POSITIVE_INFINITY));
  if (scale !== undefined) {
    const message = `"scales" expected finite numbers of at least 0, got ${scale}; check that the tokens come from this codec`;
    throw new TokenError("token-out-of-range", message, { expected: "a finite number", actual: scale });
  }
}

function badSegments(expected: string, actual: string): TokenError {
  const message = `"segmentation" and "scales" expected ${expected}, got ${actual}; pass whole segments of one signal`;
  return new TokenError("shape-mismatch", message, { expected, actual });
}

function expectWhole(field: string, actual: number, least: number): void {
  if (Number.isSafeInteger(actual) && actual >= least) return;
  throw new TokenError("shape-mismatch", `"${field}" expected a whole number of at least ${least}, got ${actual}`, {
    expected: least,
    actual,
  });
}

const formatFields = [
  "codec",
  "revision",
  "sampleRate",
  "frameRate",
  "numChannels",
  "numCodebooks",
  "codebookSize",
] as const satisfies readonly (keyof TokenFormat)[];

/**
 * Checks that a piece of tokens continues others.
 *
 * @throws {TokenError} code `codec-mismatch` when it is of another codec or shape
 */
export function assertSameFormat(first: TokenFormat, piece: TokenFormat): void {
  for (const field of formatFields) expectSame(field, first[field], piece[field]);
  for (const field of ["segmentSamples", "overlapSamples"] as const) {
    expectSame(field, first.segmentation?.[field] ?? "none", piece.segmentation?.[field] ?? "none");
  }
}

function expectSame(field: string, expected: string | number, actual: string | number): void {
  if (actual === expected) return;
  const message = `"${field}" expected ${expected} like the first piece, got ${actual}; join pieces of one signal only`;
  throw new TokenError("codec-mismatch", message, { expected, actual });
}
