/**
 * `.ecdc` files of EnCodec without its language model: tokens <-> the bytes that PyPI encodec writes.
 *
 *     header | segment | segment ...          segment: scale (f32 BE, where the model has one) | packed codes
 *
 * They carry neither the weights' revision nor a checksum: damage within the payload cannot be seen.
 *
 * Source   encodec 0.1.1, compress.py; Défossez et al. 2022 (EnCodec), section 3.3
 */
import { ContainerError } from "../../errors";
import { concatBytes, concatCodes } from "../../kernels/concat";
import { splitSegments } from "../../tokens/split-segments";
import type { TokenFrames } from "../../tokens/token-frames";
import { bitsPerToken } from "../limits";
import {
  type EcdcModel,
  formatOfHeader,
  framesOfSegments,
  modelOfHeader,
  modelOfTokens,
  segmentLayout,
  unreadable,
} from "./ecdc-models";
import { type EcdcHeader, readEcdcHeader, writeEcdcHeader } from "./header";
import { packCodes, packedBytes, unpackCodes } from "./packed-codes";
import { readScale, SCALE_BYTES, writeScale } from "./scale";

/**
 * Writes tokens, to the byte as upstream's writer does.
 *
 * Memory   result is a fresh copy
 * @throws {TokenError} `codec-mismatch` when no published model has such tokens; as `assertTokenFrames`
 */
export function writeEcdc(tokens: TokenFrames): Uint8Array {
  const [name, model] = modelOfTokens(tokens);
  const { numSamples, numCodebooks } = tokens;
  const bitsPerCode = bitsPerToken(model.codebookSize);
  const segments = tokens.segmentation === undefined ? [tokens] : splitSegments(tokens);
  return concatBytes([
    writeEcdcHeader({ model: name, numSamples, numCodebooks, coding: { kind: "packed" } }),
    ...segments.flatMap(({ codes, scales }) => [...writeScale(scales), packCodes(codes, bitsPerCode)]),
  ]);
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
  const model = modelOfHeader(header);
  if (header.coding.kind !== "packed") {
    throw unreadable("a file that was written with the language model", "those without it, unless the model is given");
  }
  checkPackedLength(bytes.length, header, payloadOffset);
  const { numSamples, numCodebooks } = header;
  const bitsPerCode = bitsPerToken(model.codebookSize);
  const codes: Uint16Array[] = [];
  const scales: number[] = [];
  let offset = payloadOffset;
  for (const frames of framesOfSegments(segmentLayout(model, numSamples))) {
    if (model.segmentation !== undefined) {
      scales.push(readScale(bytes, offset));
      offset += SCALE_BYTES;
    }
    const numCodes = frames * numCodebooks;
    codes.push(unpackCodes(bytes.subarray(offset), numCodes, bitsPerCode));
    offset += packedBytes(numCodes, bitsPerCode);
  }
  return {
    ...formatOfHeader(header, model, revision),
    numSamples,
    ...(model.segmentation && { scales: Float32Array.from(scales) }),
    codes: concatCodes(codes),
  };
}

/** Bytes of all segments, for any number of them. */
function payloadBytes(model: EcdcModel, { numSamples, numCodebooks }: EcdcHeader): number {
  const { numWhole, wholeFrames, cutFrames } = segmentLayout(model, numSamples);
  const scaleBytes = model.segmentation === undefined ? 0 : SCALE_BYTES;
  const segmentBytes = (frames: number) =>
    scaleBytes + packedBytes(frames * numCodebooks, bitsPerToken(model.codebookSize));
  return cutFrames.reduce((sum, frames) => sum + segmentBytes(frames), numWhole * segmentBytes(wholeFrames));
}

/** @throws {ContainerError} `truncated` or `trailing-bytes` when a file of so many bytes cannot have this header */
export function checkPackedLength(actual: number, header: EcdcHeader, payloadOffset: number): void {
  const expected = payloadOffset + payloadBytes(modelOfHeader(header), header);
  if (actual === expected) return;
  const code = actual < expected ? "truncated" : "trailing-bytes";
  const message = `an .ecdc file with this header expected ${expected} bytes, got ${actual}; fetch the file again`;
  throw new ContainerError(code, message, { byteOffset: Math.min(actual, expected) });
}
