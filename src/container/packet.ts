/**
 * Packets: a stretch of frames that can be found, checked and decoded without any other packet.
 *
 *     0      2      3        6           10      12               (16)        +m        +n        +4
 *     | sync | kind | length | packet    | num   | padding samples | segments  | payload | CRC-32C |
 *     | 7e b1| u8   | n: u24 | index u32 | frames| u32, only last  | version 2 | n bytes | u32     |
 *
 * What is said of segments (segment-table.ts) is m bytes long, which follow from the number of frames; 0 in version 1.
 * Numbers are little-endian; the checksum covers everything before it. `kind` is the payload's coding in bit 0 and, in
 * bit 7, whether this is the last packet, which alone may have fewer frames than the header says.
 */
import { crc32c } from "../kernels/crc32c";
import { type PayloadCoding, payloadCodings } from "./entropy/payload";
import type { ContainerHeader } from "./header";
import { minPayloadBytes, rawBytes, TOKENS_PER_BYTE } from "./limits";
import { isPossibleEnd, type PlaceShape, segmentTableBytes } from "./segment-places";

/** How every packet begins. */
export const packetSync = [0x7e, 0xb1] as const;
/** Head and checksum of a packet. */
export const PACKET_FRAMING_BYTES = 16;
/** What the last packet has in addition. */
export const LAST_PACKET_BYTES = 4;

const LAST_FLAG = 0x80;

/** The head of a packet. */
export interface PacketHead {
  readonly coding: PayloadCoding;
  readonly packetIndex: number;
  readonly numFrames: number;
  readonly payloadBytes: number;
  /** Samples by which the frames of the whole file reach beyond its audio; only the last packet knows. */
  readonly paddingSamples: number | undefined;
}

/** Why bytes are no acceptable packet. A plain value: looking for the next packet may meet very many. */
export interface PacketFault {
  readonly code: "bad-packet" | "limit-exceeded" | "checksum-mismatch";
  /** First byte that could not be accepted, relative to the packet. */
  readonly at: number;
  readonly expected: string;
  readonly got: string | number;
}

/** Bytes of a packet's head. */
export function headBytes(kind: number): number {
  return PACKET_FRAMING_BYTES - 4 + (kind & LAST_FLAG ? LAST_PACKET_BYTES : 0);
}

/** Bytes of a whole packet. */
export function packetBytes(head: PacketHead, shape: PlaceShape): number {
  const lastBytes = head.paddingSamples === undefined ? 0 : LAST_PACKET_BYTES;
  return PACKET_FRAMING_BYTES + lastBytes + segmentTableBytes(shape, head.numFrames) + head.payloadBytes;
}

/**
 * The bytes of a packet around its payload.
 *
 * @param segments  the table of its segments; empty in version 1
 */
export function writePacket(head: PacketHead, segments: Uint8Array, payload: Uint8Array): Uint8Array {
  const kind = head.coding | (head.paddingSamples === undefined ? 0 : LAST_FLAG);
  const bytes = new Uint8Array(headBytes(kind) + segments.length + payload.length + 4);
  const view = new DataView(bytes.buffer);
  bytes.set(packetSync);
  view.setUint8(2, kind);
  view.setUint16(3, head.payloadBytes & 0xffff, true);
  view.setUint8(5, head.payloadBytes >>> 16);
  view.setUint32(6, head.packetIndex, true);
  view.setUint16(10, head.numFrames, true);
  if (head.paddingSamples !== undefined) view.setUint32(12, head.paddingSamples, true);
  bytes.set(segments, headBytes(kind));
  bytes.set(payload, headBytes(kind) + segments.length);
  view.setUint32(bytes.length - 4, crc32c(bytes, 0, bytes.length - 4), true);
  return bytes;
}

/** Reads a head that is there in full. Nothing in it has been checked. */
export function readHead(view: DataView, offset: number): PacketHead {
  const kind = view.getUint8(offset + 2);
  return {
    // Bits that have no meaning yet stay in, so that `findHeadFault` sees them.
    coding: (kind & ~LAST_FLAG) as PayloadCoding,
    payloadBytes: view.getUint16(offset + 3, true) + 0x1_0000 * view.getUint8(offset + 5),
    packetIndex: view.getUint32(offset + 6, true),
    numFrames: view.getUint16(offset + 10, true),
    paddingSamples: kind & LAST_FLAG ? view.getUint32(offset + 12, true) : undefined,
  };
}

/**
 * What a head says that cannot be, whatever the payload.
 *
 * It bounds the payload by the size of the packed tokens, and the tokens by the size of the payload. Cost: constant.
 */
export function findHeadFault(head: PacketHead, header: ContainerHeader): PacketFault | undefined {
  const { framesPerPacket } = header;
  if (head.coding > payloadCodings.adaptive) {
    return fault(2, "coding 0 or 1", head.coding);
  }
  const isLast = head.paddingSamples !== undefined;
  if (head.numFrames > framesPerPacket || (!isLast && head.numFrames < framesPerPacket)) {
    return fault(10, `${isLast ? "at most " : ""}${framesPerPacket} frames`, head.numFrames);
  }
  if (head.numFrames === 0 && head.packetIndex > 0) {
    return fault(10, "no empty packet but in an empty file", head.numFrames);
  }
  const packed = rawBytes(header, head.numFrames);
  if (head.payloadBytes > packed || (head.coding === payloadCodings.packed && head.payloadBytes < packed)) {
    return fault(3, `${packed} bytes of payload`, head.payloadBytes);
  }
  if (head.payloadBytes < minPayloadBytes(header, head.numFrames)) {
    const tokens = `a byte of payload for every ${TOKENS_PER_BYTE} tokens`;
    return { code: "limit-exceeded", at: 3, expected: tokens, got: head.payloadBytes };
  }
  const numPlaces = head.packetIndex * framesPerPacket + head.numFrames;
  if (head.paddingSamples !== undefined && !isPossibleEnd(header, numPlaces, head.paddingSamples)) {
    return fault(12, `padding that ${numPlaces} frames can have`, head.paddingSamples);
  }
  return undefined;
}

/** Compares the checksum of a packet that is there in full. */
export function findChecksumFault(bytes: Uint8Array, view: DataView, offset: number, length: number) {
  const at = length - 4;
  const expected = view.getUint32(offset + at, true);
  const got = crc32c(bytes, offset, offset + at);
  if (got === expected) return undefined;
  return { code: "checksum-mismatch", at: 0, expected: hex(expected), got: hex(got) } as const satisfies PacketFault;
}

/** A fault of code `bad-packet`. */
export function fault(at: number, expected: string, got: string | number): PacketFault {
  return { code: "bad-packet", at, expected, got };
}

function hex(checksum: number): string {
  return `checksum ${checksum.toString(16).padStart(8, "0")}`;
}
