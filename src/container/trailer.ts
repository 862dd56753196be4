/**
 * The end of a container: totals, and an index of the packets. A writer into a pipe knows neither before the end, so
 * they stand last and are found from there.
 *
 *     0      2           6          10              14                 14+3P     18+3P           22+3P   26+3P
 *     | sync | number of | number of| padding       | bytes of each    | CRC-32C | bytes of the  | "QTNE"|
 *     | 7e b2| packets P | frames   | samples (u32) | packet, P x u24  | u32     | trailer (u32) |       |
 *
 * The checksum covers everything before it. Readers that go through the packets in order need no index.
 */
import { crc32c } from "../kernels/crc32c";

/** How the trailer begins. */
export const trailerSync = [0x7e, 0xb2] as const;
/** Bytes of a trailer without its index. */
export const TRAILER_BYTES = 26;
/** Bytes of the index for one packet. */
export const INDEX_ENTRY_BYTES = 3;
/** How the trailer, and with it the file, ends. */
export const endMark = Uint8Array.of(0x51, 0x54, 0x4e, 0x45);

export interface Trailer {
  readonly numFrames: number;
  /** Samples by which the frames reach beyond the audio. */
  readonly paddingSamples: number;
  /** Bytes of each packet, head and checksum included, in order. */
  readonly packetLengths: readonly number[];
}

/** Bytes of a trailer for so many packets. */
export function trailerBytes(numPackets: number): number {
  return TRAILER_BYTES + INDEX_ENTRY_BYTES * numPackets;
}

/** The bytes of a trailer. */
export function writeTrailer(trailer: Trailer): Uint8Array {
  const { packetLengths } = trailer;
  const bytes = new Uint8Array(trailerBytes(packetLengths.length));
  const view = new DataView(bytes.buffer);
  bytes.set(trailerSync);
  view.setUint32(2, packetLengths.length, true);
  view.setUint32(6, trailer.numFrames, true);
  view.setUint32(10, trailer.paddingSamples, true);
  let at = 14;
  for (const length of packetLengths) {
    view.setUint16(at, length & 0xffff, true);
    view.setUint8(at + 2, length >>> 16);
    at += INDEX_ENTRY_BYTES;
  }
  view.setUint32(at, crc32c(bytes, 0, at), true);
  view.setUint32(at + 4, bytes.length, true);
  bytes.set(endMark, at + 8);
  return bytes;
}

/**
 * Reads a trailer that fills `bytes` exactly; undefined when it does not end as one, or its checksum differs.
 *
 * Memory   one number a packet, of which each took three of these bytes
 */
export function readTrailer(bytes: Uint8Array): Trailer | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const numPackets = view.getUint32(2, true);
  if (bytes.length !== trailerBytes(numPackets)) return undefined;
  const end = bytes.length - 12;
  const isWhole =
    trailerSync.every((byte, at) => bytes[at] === byte) &&
    endMark.every((byte, at) => bytes[end + 8 + at] === byte) &&
    view.getUint32(end + 4, true) === bytes.length &&
    view.getUint32(end, true) === crc32c(bytes, 0, end);
  if (!isWhole) return undefined;
  const packetLengths = Array.from({ length: numPackets }, (_, index) => {
    const at = 14 + INDEX_ENTRY_BYTES * index;
    return view.getUint16(at, true) + 0x1_0000 * view.getUint8(at + 2);
  });
  return { numFrames: view.getUint32(6, true), paddingSamples: view.getUint32(10, true), packetLengths };
}
