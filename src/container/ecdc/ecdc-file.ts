/**
 * `.ecdc` files of EnCodec at 24 kHz without its language model: tokens <-> the bytes that PyPI encodec writes.
 *
 * They carry neither the weights' revision nor a checksum: damage within the payload cannot be seen.
 *
 * Source   encodec 0.1.1, compress.py; Défossez et al. 2022 (EnCodec), section 3.3
 */
import { ContainerError, TokenError } from "../../errors";
import { assertTokenFrames, type TokenFrames } from "../../tokens/token-frames";
import { bitsPerToken } from "../limits";
import { readEcdcHeader, writeEcdcHeader } from "./header";
import { packCodes, packedBytes, unpackCodes } from "./packed-codes";

/** What a codec must be for its tokens to go into a file, or come out of it. */
export interface EcdcModel {
  readonly codec: string;
  readonly sampleRate: number;
  readonly hopLength: number;
  readonly codebookSize: number;
  readonly numCodebooks: number;
}

/** The published models that are written and read, by the name in the file. */
export const ecdcModels: ReadonlyMap<string, EcdcModel> = new Map([
  [
    "encodec_24khz",
    { codec: "encodec-24khz", sampleRate: 24_000, hopLength: 320, codebookSize: 1024, numCodebooks: 32 },
  ],
]);

/**
 * Writes tokens, to the byte as upstream's writer does.
 *
 * Memory   result is a fresh copy
 * @throws {TokenError} `codec-mismatch` when no published model has such tokens; as `assertTokenFrames`
 */
export function writeEcdc(tokens: TokenFrames): Uint8Array {
  assertTokenFrames(tokens);
  const [name, model] = modelOf(tokens);
  const { numSamples, numCodebooks } = tokens;
  const expected = Math.ceil(numSamples / model.hopLength) * numCodebooks;
  if (tokens.codes.length !== expected) {
    const message = `"codes" expected ${expected} for ${numSamples} samples, got ${tokens.codes.length}; pass a whole signal`;
    throw new TokenError("shape-mismatch", message, { expected, actual: tokens.codes.length });
  }
  const header = writeEcdcHeader({ model: name, numSamples, numCodebooks, hasLanguageModel: false });
  const payload = packCodes(tokens.codes, bitsPerToken(model.codebookSize));
  const bytes = new Uint8Array(header.length + payload.length);
  bytes.set(header);
  bytes.set(payload, header.length);
  return bytes;
}

/**
 * Reads tokens.
 *
 * Memory   result is a fresh copy; nothing is allocated before the bytes for it are known to be there
 * @param revision  the weights that the caller takes the tokens to be of: the file does not say
 * @throws {ContainerError} when the bytes are foreign, damaged, cut off, of a model that is not read, or need its
 *   language model
 */
export function readEcdc(bytes: Uint8Array, revision: string): TokenFrames {
  const { header, payloadOffset } = readEcdcHeader(bytes);
  const model = ecdcModels.get(header.model);
  const { numSamples, numCodebooks } = header;
  if (model === undefined)
    throw unreadable(`a file of the model "${header.model.slice(0, 40)}"`, [...ecdcModels.keys()].join(", "));
  if (header.hasLanguageModel) throw unreadable("a file that was written with the language model", "those without it");
  if (numCodebooks > model.numCodebooks) {
    throw unreadable(`a file with ${numCodebooks} codebooks`, `up to ${model.numCodebooks}`);
  }
  const numCodes = Math.ceil(numSamples / model.hopLength) * numCodebooks;
  const bitsPerCode = bitsPerToken(model.codebookSize);
  checkPayloadLength(bytes.length, payloadOffset + packedBytes(numCodes, bitsPerCode));
  return {
    codec: model.codec,
    revision,
    sampleRate: model.sampleRate,
    frameRate: model.sampleRate / model.hopLength,
    numSamples,
    numChannels: 1,
    numCodebooks,
    codebookSize: model.codebookSize,
    codes: unpackCodes(bytes.subarray(payloadOffset), numCodes, bitsPerCode),
  };
}

function modelOf(tokens: TokenFrames): [string, EcdcModel] {
  for (const [name, model] of ecdcModels) {
    const fits = tokens.codec === model.codec && tokens.codebookSize === model.codebookSize;
    if (fits && tokens.numChannels === 1 && tokens.sampleRate === model.sampleRate) return [name, model];
  }
  const expected = [...ecdcModels.values()].map(({ codec }) => codec).join(", ");
  const message = `an .ecdc file holds one channel of ${expected}, got ${tokens.numChannels} of ${tokens.codec}; write a .qtn file instead`;
  throw new TokenError("codec-mismatch", message, { expected, actual: tokens.codec });
}

function unreadable(what: string, known: string): ContainerError {
  const message = `${what} is not read, only ${known}; decode it with the program that wrote it`;
  return new ContainerError("unsupported-version", message, { byteOffset: 9 });
}

function checkPayloadLength(actual: number, expected: number): void {
  if (actual === expected) return;
  const code = actual < expected ? "truncated" : "trailing-bytes";
  const message = `an .ecdc file with this header expected ${expected} bytes, got ${actual}; fetch the file again`;
  throw new ContainerError(code, message, { byteOffset: Math.min(actual, expected) });
}
