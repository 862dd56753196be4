/**
 * `.ecdc` files whose codes a language model has compressed.
 *
 *     header | segment | segment ...          segment: scale (f32 BE, where the model has one) | arithmetic coder's bits
 *                                             version 1: behind the last segment a CRC-32C (u32 BE) of all before it
 *
 * The model starts anew with each segment, and within a frame expects all codes at once, from the frames before.
 *
 * Source   encodec 0.1.1, compress.py; Défossez et al. 2022 (EnCodec), section 3.3
 */
import { ContainerError, TokenError } from "../../errors";
import { concatBytes, concatCodes } from "../../kernels/concat";
import { crc32c } from "../../kernels/crc32c";
import { splitSegments } from "../../tokens/split-segments";
import type { TokenFormat, TokenFrames } from "../../tokens/token-frames";
import { requireBytes } from "../limits";
import { ArithmeticDecoder, ArithmeticEncoder } from "./arithmetic-coder";
import { checkPackedLength, readEcdc } from "./ecdc-file";
import {
  type EcdcModel,
  formatOfHeader,
  framesIn,
  framesOfSegments,
  modelOfHeader,
  modelOfTokens,
  segmentLayout,
} from "./ecdc-models";
import { type EcdcCoding, type EcdcHeader, readEcdcHeader, writeEcdcHeader } from "./header";
import { readScale, SCALE_BYTES, writeScale } from "./scale";

const CRC_BYTES = 4;
/** Codes for which there is room at first, at most; a file may claim any number of them. */
const FIRST_CODES = 1 << 16;

/** What a language model computes in: floats as upstream does, or integers, which are the same on every machine. */
export type ModelArithmetic = "float" | "integer";

/** A language model at one place in a segment. */
export interface CodePredictor {
  /**
   * Goes on by a frame and tells what to expect there: the ends of the codes' ranges, parts of 2^24, for each codebook.
   *
   * Shapes   previous [K]; result [K, N]
   * Memory   the result may be overwritten by the next call
   * @param previous  the codes of the frame before; undefined at the start of a segment
   */
  next(previous: Uint16Array | undefined): Uint32Array | Promise<Uint32Array>;
}

/** A language model of a codec's tokens, ready to run. */
export interface TokenLanguageModel {
  /** The codec whose tokens it knows, such as `encodec-24khz`. */
  readonly codec: string;
  /** Which weights: ranges mean nothing under others. */
  readonly revision: string;
  /** Begins a segment of `numCodebooks` codes a frame. */
  startSegment(numCodebooks: number, arithmetic: ModelArithmetic): CodePredictor | Promise<CodePredictor>;
}

export interface ModelledEcdcOptions {
  /**
   * `integer` (default): decodes on every machine, with this package only. `float`: upstream's files, which decode where
   * the floats of the model come out the same to the last bit.
   */
  readonly arithmetic?: ModelArithmetic;
  /** Stops the job; the call rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * Writes tokens with what a language model expects.
 *
 * Cost     one run of the model for each frame
 * @throws {TokenError} as `writeEcdc`; `codec-mismatch` when the model knows the tokens of another codec
 */
export async function writeModelledEcdc(
  tokens: TokenFrames,
  languageModel: TokenLanguageModel,
  { arithmetic = "integer", signal }: ModelledEcdcOptions = {},
): Promise<Uint8Array> {
  const [name] = modelOfTokens(tokens);
  assertSameCodec(languageModel, tokens.codec);
  const { numSamples, numCodebooks, revision } = tokens;
  const coding: EcdcCoding =
    arithmetic === "integer" ? { kind: "integer", revision, modelRevision: languageModel.revision } : { kind: "float" };
  const parts = [writeEcdcHeader({ model: name, numSamples, numCodebooks, coding })];
  for (const { codes, scales } of tokens.segmentation === undefined ? [tokens] : splitSegments(tokens)) {
    const predictor = await languageModel.startSegment(numCodebooks, arithmetic);
    parts.push(...writeScale(scales), await encodeSegment(codes, numCodebooks, predictor, signal));
  }
  const bytes = concatBytes(parts);
  return arithmetic === "integer" ? concatBytes([bytes, crcOf(bytes)]) : bytes;
}

/**
 * Reads tokens, of files with a language model and of those without.
 *
 * Memory   grows with the codes that were decoded, not with what the file claims
 * @param revision  the weights that the caller takes the tokens to be of, where the file does not say
 * @throws {ContainerError} as `readEcdc`; `checksum-mismatch` when a file of integers is damaged; `bad-packet` when bits do
 *   not end where the last code does: they are damaged, or the floats of the model came out otherwise here
 * @throws {TokenError} `codec-mismatch` when the file was written with another language model
 */
export async function readModelledEcdc(
  bytes: Uint8Array,
  revision: string,
  languageModel: TokenLanguageModel,
  { signal }: Pick<ModelledEcdcOptions, "signal"> = {},
): Promise<TokenFrames> {
  const { header, payloadOffset } = readEcdcHeader(bytes);
  const { coding } = header;
  if (coding.kind === "packed") return readEcdc(bytes, revision);
  const model = modelOfHeader(header);
  const payload = checkPayload(bytes, header, payloadOffset);
  assertSameCodec(languageModel, model.codec);
  if (coding.kind === "integer") assertSameModel(languageModel, coding.modelRevision);
  const { codes, scales } = await decodeSegments(payload, payloadOffset, { header, model, languageModel, signal });
  return {
    ...formatOfHeader(header, model, coding.kind === "integer" ? coding.revision : revision),
    numSamples: header.numSamples,
    ...(model.segmentation && { scales: Float32Array.from(scales) }),
    codes: concatCodes(codes),
  };
}

/** What an `.ecdc` file says about itself, and its length, whether or not its codes can be had without a model. */
export interface EcdcInfo {
  readonly format: TokenFormat;
  readonly numSamples: number;
  readonly numFrames: number;
  readonly coding: EcdcCoding;
}

/**
 * Reads what there is to know without a language model, and checks what can be checked without one: the length of files
 * without a model, the checksum of files of integers, of all others the header.
 *
 * @param revision  as for `readEcdc`
 * @throws {ContainerError} when the bytes are foreign, damaged, cut off or of a model that is not read
 */
export function readEcdcInfo(bytes: Uint8Array, revision: string): EcdcInfo {
  const { header, payloadOffset } = readEcdcHeader(bytes);
  const { coding, numSamples } = header;
  const model = modelOfHeader(header);
  if (coding.kind === "packed") checkPackedLength(bytes.length, header, payloadOffset);
  else checkPayload(bytes, header, payloadOffset);
  return {
    format: formatOfHeader(header, model, coding.kind === "integer" ? coding.revision : revision),
    numSamples,
    numFrames: framesIn(segmentLayout(model, numSamples)),
    coding,
  };
}

/**
 * The bytes of a file without its checksum, which is checked where there is one.
 *
 * @throws {ContainerError} `truncated` or `checksum-mismatch`
 */
function checkPayload(bytes: Uint8Array, { coding }: EcdcHeader, payloadOffset: number): Uint8Array {
  if (coding.kind !== "integer") return bytes;
  requireBytes(bytes, payloadOffset + CRC_BYTES, "an .ecdc file");
  const end = bytes.length - CRC_BYTES;
  const payload = bytes.subarray(0, end);
  if (crcOf(payload).some((byte, at) => byte !== bytes[end + at])) {
    const message = "the checksum of the .ecdc file does not fit its bytes; the file is damaged: fetch it again";
    throw new ContainerError("checksum-mismatch", message, { byteOffset: end });
  }
  return payload;
}

interface DecodingJob {
  readonly header: EcdcHeader;
  readonly model: EcdcModel;
  readonly languageModel: TokenLanguageModel;
  readonly signal: AbortSignal | undefined;
}

async function decodeSegments(
  bytes: Uint8Array,
  begin: number,
  { header, model, languageModel, signal }: DecodingJob,
): Promise<{ codes: Uint16Array[]; scales: number[] }> {
  const { numSamples, numCodebooks, coding } = header;
  const arithmetic = coding.kind === "integer" ? "integer" : "float";
  const codes: Uint16Array[] = [];
  const scales: number[] = [];
  let offset = begin;
  for (const frames of framesOfSegments(segmentLayout(model, numSamples))) {
    if (model.segmentation !== undefined) {
      scales.push(readScale(bytes, offset));
      offset += SCALE_BYTES;
    }
    const decoder = new ArithmeticDecoder(bytes, offset);
    const shape = { numFrames: frames, numCodebooks, codebookSize: model.codebookSize };
    codes.push(await decodeSegment(decoder, shape, await languageModel.startSegment(numCodebooks, arithmetic), signal));
    offset = decoder.finish();
  }
  if (offset === bytes.length) return { codes, scales };
  const message = `the last code ends at byte ${offset} of ${bytes.length}; the file is damaged, or was written on a machine whose floats differ: fetch it again, or decode it where it was written`;
  throw new ContainerError("trailing-bytes", message, { byteOffset: offset });
}

async function encodeSegment(
  codes: Uint16Array,
  numCodebooks: number,
  predictor: CodePredictor,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const encoder = new ArithmeticEncoder();
  let previous: Uint16Array | undefined;
  for (let begin = 0; begin < codes.length; begin += numCodebooks) {
    signal?.throwIfAborted();
    const frame = codes.subarray(begin, begin + numCodebooks);
    const ends = await predictor.next(previous);
    const codebookSize = ends.length / numCodebooks;
    for (const [stage, code] of frame.entries()) {
      const at = stage * codebookSize + code;
      encoder.encode(code === 0 ? 0 : (ends[at - 1] as number), ends[at] as number);
    }
    previous = frame;
  }
  return encoder.finish();
}

async function decodeSegment(
  decoder: ArithmeticDecoder,
  { numFrames, numCodebooks, codebookSize }: { numFrames: number; numCodebooks: number; codebookSize: number },
  predictor: CodePredictor,
  signal: AbortSignal | undefined,
): Promise<Uint16Array> {
  let codes = new Uint16Array(Math.min(numFrames * numCodebooks, FIRST_CODES));
  let previous: Uint16Array | undefined;
  for (let frame = 0; frame < numFrames; frame++) {
    signal?.throwIfAborted();
    const begin = frame * numCodebooks;
    if (begin + numCodebooks > codes.length) codes = grown(codes, numFrames * numCodebooks);
    const ends = await predictor.next(previous);
    for (let stage = 0; stage < numCodebooks; stage++) {
      codes[begin + stage] = decoder.decode(ends, stage * codebookSize, codebookSize);
    }
    previous = codes.subarray(begin, begin + numCodebooks);
  }
  return codes.subarray(0, numFrames * numCodebooks);
}

function grown(codes: Uint16Array, maxLength: number): Uint16Array<ArrayBuffer> {
  const longer = new Uint16Array(Math.min(2 * codes.length, maxLength));
  longer.set(codes);
  return longer;
}

function crcOf(bytes: Uint8Array): Uint8Array {
  const crc = new Uint8Array(CRC_BYTES);
  new DataView(crc.buffer).setUint32(0, crc32c(bytes));
  return crc;
}

function assertSameCodec({ codec }: TokenLanguageModel, expected: string): void {
  if (codec === expected) return;
  const message = `the language model expected tokens of ${codec}, got ${expected}'s; give the model of ${expected}`;
  throw new TokenError("codec-mismatch", message, { expected: codec, actual: expected });
}

function assertSameModel({ revision }: TokenLanguageModel, expected: string): void {
  if (revision === expected) return;
  const message = `the file was written with the language model ${expected}, got ${revision}; give that one`;
  throw new TokenError("codec-mismatch", message, { expected, actual: revision });
}
