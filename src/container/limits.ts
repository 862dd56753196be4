/**
 * Bounds that every reader of container bytes obeys, and that the writer keeps.
 *
 * Nothing is allocated from a length before the length has met its bound here, and a file of n bytes never yields more
 * than `TOKENS_PER_BYTE` * n tokens: work and memory are linear in the input, whatever the input says about itself.
 */
import { ContainerError } from "../errors";

/** Bytes of the MessagePack header; the width of its length field says the same. */
export const MAX_HEADER_BYTES = 0xffff;

/** Bytes of one packet's payload: what a streaming reader may have to hold. */
export const MAX_PAYLOAD_BYTES = 1 << 20;

/** Tokens that one byte of payload may stand for. A payload that would be shorter is padded by the writer. */
export const TOKENS_PER_BYTE = 64;

/** Frames of one packet; the width of its field says the same. */
export const MAX_FRAMES_PER_PACKET = 0xffff;

/** Frames of one file; 2.7 years at 50 frames a second. */
export const MAX_FRAMES = 0xffff_ffff;

/** Characters of the codec's name. */
export const MAX_CODEC_LENGTH = 64;

/** Characters of the revision, enough for a SHA-512 in hexadecimal. */
export const MAX_REVISION_LENGTH = 128;

/** Bits that hold any token of a codebook with `codebookSize` entries. */
export function bitsPerToken(codebookSize: number): number {
  return 32 - Math.clz32(codebookSize - 1);
}

/** What a header says about the size of a frame. */
export interface FrameShape {
  readonly numChannels: number;
  readonly numCodebooks: number;
  readonly codebookSize: number;
}

/** What a header says about the size of a packet. */
export interface PacketShape extends FrameShape {
  readonly framesPerPacket: number;
}

/** Bytes of `numFrames` frames packed without entropy coding: no payload is longer. */
export function rawBytes(shape: FrameShape, numFrames: number): number {
  return Math.ceil((numFrames * shape.numChannels * shape.numCodebooks * bitsPerToken(shape.codebookSize)) / 8);
}

/** Bytes below which a payload of `numFrames` frames may not fall. */
export function minPayloadBytes(shape: FrameShape, numFrames: number): number {
  return Math.ceil((numFrames * shape.numChannels * shape.numCodebooks) / TOKENS_PER_BYTE);
}

/**
 * Checks what a caller hands in as bytes: streams that decode text give strings.
 *
 * @throws {TypeError} when `value` is no Uint8Array
 */
export function assertBytes(value: unknown, name: string): asserts value is Uint8Array {
  if (!(value instanceof Uint8Array)) {
    throw new TypeError(`"${name}" expected a Uint8Array, got ${Object.prototype.toString.call(value)}`);
  }
}

/**
 * Checks that bytes are there before they are read.
 *
 * @throws {ContainerError} code `truncated` when `bytes` ends before `end`
 */
export function requireBytes(bytes: Uint8Array, end: number, what: string): void {
  if (bytes.length < end) {
    throw new ContainerError(
      "truncated",
      `${what} expected ${end} bytes, got ${bytes.length}; the file was cut off: fetch it again or recover what is there`,
      { byteOffset: bytes.length },
    );
  }
}

/**
 * Tokens that a damaged file of `numBytes` may claim, lost ones included. What was deleted from a file leaves no bytes,
 * so there is an allowance beyond what the bytes can hold: 2 MiB of tokens.
 */
export function maxRecoveredTokens(numBytes: number): number {
  return TOKENS_PER_BYTE * numBytes + (1 << 20);
}
