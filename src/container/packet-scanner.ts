/**
 * Goes through the bytes after the header as they come: bytes -> packets, trailer, and what was damaged in between.
 *
 * One scanner serves the one-shot reader, which pushes everything at once, and the streaming one. It holds at most one
 * packet and one chunk. In `skip` mode it looks, after damage, for the next place where a packet begins and whose
 * checksum holds. What wrong places cost is bounded by the bytes passed, so that a file full of false beginnings takes
 * linear time like any other.
 */
import { ContainerError, type ContainerErrorCode } from "../errors";
import { segmentFrames, segmentStride } from "../tokens/segmentation";
import { ByteQueue } from "./byte-queue";
import { PayloadCoder } from "./entropy/payload";
import type { ContainerHeader } from "./header";
import { MAX_PAYLOAD_BYTES, maxRecoveredTokens } from "./limits";
import {
  fault,
  findChecksumFault,
  findHeadFault,
  headBytes,
  PACKET_FRAMING_BYTES,
  type PacketFault,
  type PacketHead,
  packetBytes,
  packetSync,
  readHead,
} from "./packet";
import { coveredSamples, isPossibleEnd, segmentTableBytes } from "./segment-places";
import { findTableFault, type PacketSegments, readSegmentTable } from "./segment-table";
import { readTrailer, TRAILER_BYTES, type Trailer, trailerBytes, trailerSync } from "./trailer";

/** What to do at the first byte that cannot be accepted: raise an error, or go on behind it and report. */
export type DamagePolicy = "throw" | "skip";

/** A stretch of a file that could not be read. */
export interface Damage {
  /** Where it begins. */
  readonly byteOffset: number;
  /** How many bytes were passed over; 0 when something is missing without a trace. */
  readonly byteLength: number;
  /**
   * The first frame that is missing, and how many are. 0 when bytes were passed over and no frame with them. Of a codec
   * with segments these are places for frames, of which a segment cut short in front of the last leaves some empty.
   */
  readonly firstFrame: number;
  readonly numFrames: number;
  /** What was wrong at `byteOffset`. */
  readonly error: ContainerError;
}

/** A packet that was read. */
export interface ScannedPacket {
  readonly type: "packet";
  readonly firstFrame: number;
  readonly numFrames: number;
  /** Tokens [f, C, K]; in version 2 of all places, with a frame or without. */
  readonly codes: Uint16Array;
  /** Of which segments they are; none in version 1. */
  readonly segments: PacketSegments;
  /** Samples by which the file's frames reach beyond its audio, in its last packet. */
  readonly paddingSamples: number | undefined;
}

/** The trailer, when it was read. */
export interface ScannedTrailer extends Trailer {
  readonly type: "trailer";
}

export type ScanItem = ScannedPacket | ScannedTrailer | { readonly type: "damage"; readonly damage: Damage };

/** A part of the file that was recognised at the front of the queue, and its bytes. */
interface Part {
  readonly length: number;
  readonly item: ScannedPacket | ScannedTrailer;
}

type Fault = Omit<PacketFault, "code"> & { readonly code: ContainerErrorCode };

/** Bytes that wrong places may have summed up in vain, for each byte passed. */
const WASTE_PER_BYTE = 4;

const advice: Readonly<Partial<Record<ContainerErrorCode, string>>> = {
  truncated: "the file was cut off: fetch it again or recover what is there",
  "trailing-bytes": "cut them off, or recover the container before them",
};

/** Reads what follows a header. Push bytes, say when they end, and take items until there are none. */
export class PacketScanner {
  readonly #header: ContainerHeader;
  readonly #policy: DamagePolicy;
  readonly #coder: PayloadCoder;
  readonly #startOffset: number;
  readonly #queue: ByteQueue;
  readonly #items: ScanItem[] = [];
  #hasEnded = false;
  #nextPacket: number;
  #nextFrame: number;
  #lastPadding: number | undefined;
  /** Frames of the segment before the next packet, when that was read. */
  #lastSegmentFrames: number | undefined;
  /** The trailer was read, or is not there: nothing may follow. */
  #isFinished = false;
  #damageStart: { readonly byteOffset: number; readonly error: ContainerError } | undefined;
  /** No damage so far: offsets are those of the file as it was written. */
  #isIntact = true;
  #wastedBytes = 0;

  /**
   * @param startOffset  place in the file of the first byte that will be pushed
   * @param firstPacket  index of the packet that begins there
   */
  constructor(header: ContainerHeader, startOffset: number, policy: DamagePolicy, firstPacket = 0) {
    this.#header = header;
    this.#policy = policy;
    this.#coder = new PayloadCoder(header);
    this.#startOffset = startOffset;
    this.#queue = new ByteQueue(startOffset);
    this.#nextPacket = firstPacket;
    this.#nextFrame = firstPacket * header.framesPerPacket;
  }

  /** Gives the scanner the next bytes. It may keep a view of them until the items in them have been taken. */
  push(chunk: Uint8Array): void {
    this.#queue.push(chunk);
  }

  /** Says that no more bytes will come. */
  end(): void {
    this.#hasEnded = true;
  }

  /**
   * The next item; undefined when more bytes are needed, or after the end.
   *
   * @throws {ContainerError} in `throw` mode, at the first byte that cannot be accepted
   */
  next(): ScanItem | undefined {
    while (this.#items.length === 0) {
      const part = this.#recognise();
      if (part === undefined) break;
      if ("item" in part) this.#accept(part);
      else this.#refuse(part);
    }
    return this.#items.shift();
  }

  /** What stands at the front of the queue; undefined when that needs more bytes, or all is done. */
  #recognise(): Part | Fault | undefined {
    const part = this.#isFinished ? this.#afterTrailer() : this.#packetOrTrailer();
    if (part !== undefined || !this.#hasEnded) return part;
    if (this.#queue.length > 0) return { code: "truncated", at: this.#queue.length, expected: "more", got: "the end" };
    if (this.#isFinished) {
      this.#reportDamage(this.#nextFrame);
      return undefined;
    }
    this.#isFinished = true;
    return { code: "truncated", at: 0, expected: "a packet or the trailer", got: "the end" };
  }

  #afterTrailer(): Fault | undefined {
    if (this.#queue.length === 0) return undefined;
    return { code: "trailing-bytes", at: 0, expected: "the end", got: "more bytes" };
  }

  #packetOrTrailer(): Part | Fault | undefined {
    const { length, view } = this.#queue;
    if (length < 2) return undefined;
    const first = view.getUint8(0);
    const second = view.getUint8(1);
    if (first === packetSync[0] && second === packetSync[1] && this.#lastPadding === undefined) return this.#packet();
    if (first === trailerSync[0] && second === trailerSync[1]) return this.#trailer();
    return fault(0, this.#lastPadding === undefined ? "a packet or the trailer" : "the trailer", "other bytes");
  }

  #packet(): Part | Fault | undefined {
    const { length, view } = this.#queue;
    if (length < PACKET_FRAMING_BYTES || length < headBytes(view.getUint8(2))) return undefined;
    const head = readHead(view, 0);
    const headFault = findHeadFault(head, this.#header) ?? this.#findOrderFault(head);
    if (headFault !== undefined) return headFault;
    const numBytes = packetBytes(head, this.#header);
    if (this.#isTooWasteful()) return fault(0, "fewer false beginnings of packets", "too many");
    if (length < numBytes) return undefined;
    const bytes = this.#queue.peek(numBytes);
    const checksumFault = findChecksumFault(bytes, view, 0, numBytes);
    if (checksumFault !== undefined) return this.#wasted(numBytes, checksumFault);
    const content = this.#readContent(head, bytes.subarray(headBytes(view.getUint8(2)), numBytes - 4));
    if ("expected" in content) return this.#wasted(numBytes, { ...content, at: numBytes - 4 - head.payloadBytes });
    const { numFrames, paddingSamples } = head;
    const firstFrame = head.packetIndex * this.#header.framesPerPacket;
    return { length: numBytes, item: { type: "packet", firstFrame, numFrames, paddingSamples, ...content } };
  }

  /** What stands between the head and the checksum of a packet. */
  #readContent(head: PacketHead, bytes: Uint8Array): Pick<ScannedPacket, "codes" | "segments"> | PacketFault {
    const { numChannels } = this.#header;
    const tableBytes = segmentTableBytes(this.#header, head.numFrames);
    const segments = readSegmentTable(bytes.subarray(0, tableBytes), numChannels);
    const previous = head.packetIndex === this.#nextPacket ? this.#lastSegmentFrames : undefined;
    const tableFault = findTableFault(segments, head, this.#header, previous);
    if (tableFault !== undefined) return tableFault;
    const codes = this.#coder.decode({ coding: head.coding, bytes: bytes.subarray(tableBytes) }, head.numFrames);
    return codes === undefined ? fault(0, "tokens of the codebook", "others") : { codes, segments };
  }

  #findOrderFault(head: PacketHead): PacketFault | undefined {
    const { packetIndex } = head;
    if (packetIndex < this.#nextPacket || (this.#policy === "throw" && packetIndex > this.#nextPacket)) {
      return fault(6, `packet ${this.#nextPacket}`, `packet ${packetIndex}`);
    }
    const numFrames = packetIndex * this.#header.framesPerPacket + head.numFrames;
    // What lies between are whole packets.
    const cutFault = packetIndex > this.#nextPacket ? this.#findCutFault(Number.POSITIVE_INFINITY) : undefined;
    if (cutFault !== undefined) return cutFault;
    return this.#findSizeFault(numFrames, packetBytes(head, this.#header), 6);
  }

  /** Frames may be missing, but not more than the bytes make believable: the gap is filled when tokens are recovered. */
  #findSizeFault(numFrames: number, length: number, at: number): PacketFault | undefined {
    const maxTokens = maxRecoveredTokens(this.#queue.offset + length);
    const maxFrames = Math.floor(maxTokens / (this.#header.numChannels * this.#header.numCodebooks));
    if (numFrames <= maxFrames) return undefined;
    return { code: "limit-exceeded", at, expected: `at most ${maxFrames} frames so far`, got: numFrames };
  }

  #trailer(): Part | Fault | undefined {
    const { length, view } = this.#queue;
    if (length < TRAILER_BYTES) return undefined;
    const numPackets = view.getUint32(2, true);
    const numFrames = view.getUint32(6, true);
    const paddingSamples = view.getUint32(10, true);
    const totalsFault = this.#findTotalsFault(numPackets, numFrames, paddingSamples);
    if (totalsFault !== undefined) return totalsFault;
    const numBytes = trailerBytes(numPackets);
    if (this.#isTooWasteful()) return fault(0, "fewer false beginnings of trailers", "too many");
    if (length < numBytes) return undefined;
    const trailer = readTrailer(this.#queue.peek(numBytes));
    if (trailer === undefined) {
      return this.#wasted(numBytes, { code: "checksum-mismatch", at: 0, expected: "a whole trailer", got: "another" });
    }
    const indexed = trailer.packetLengths.reduce((sum, packetLength) => sum + packetLength, this.#startOffset);
    if (this.#isIntact && indexed !== this.#queue.offset) {
      return fault(14, `packets that end at byte ${this.#queue.offset}`, `an index that ends at byte ${indexed}`);
    }
    return { length: numBytes, item: { type: "trailer", ...trailer } };
  }

  /** Totals that contradict the header, each other, or the packets read. */
  #findTotalsFault(numPackets: number, numFrames: number, paddingSamples: number): PacketFault | undefined {
    const { framesPerPacket } = this.#header;
    const isKnown = this.#policy === "throw" || this.#lastPadding !== undefined;
    if (numFrames < this.#nextFrame || (isKnown && numFrames > this.#nextFrame)) {
      return fault(6, `${this.#nextFrame} frames in all`, numFrames);
    }
    const expectedPackets = Math.max(1, Math.ceil(numFrames / framesPerPacket));
    if (numPackets !== expectedPackets) return fault(2, `${expectedPackets} packets in all`, numPackets);
    const isOther = this.#lastPadding !== undefined && paddingSamples !== this.#lastPadding;
    if (isOther || !isPossibleEnd(this.#header, numFrames, paddingSamples)) {
      const expected = this.#lastPadding ?? `what ${numFrames} frames can have`;
      return fault(10, `${expected} as samples of padding`, paddingSamples);
    }
    const lostFrames = numFrames - this.#nextFrame;
    const cutFault =
      lostFrames > 0 ? this.#findCutFault(coveredSamples(this.#header, lostFrames) - paddingSamples) : undefined;
    return cutFault ?? this.#findSizeFault(numFrames, TRAILER_BYTES, 6);
  }

  /** Only the signal's end cuts a segment short: the last one read must be as long as what is lost behind it allows. */
  #findCutFault(lostSamples: number): PacketFault | undefined {
    const { segmentation, hopLength } = this.#header;
    if (segmentation === undefined || this.#lastSegmentFrames === undefined) return undefined;
    const expected = segmentFrames(segmentation, hopLength, segmentStride(segmentation) + lostSamples);
    if (this.#lastSegmentFrames === expected) return undefined;
    return fault(6, `no more behind a segment of ${this.#lastSegmentFrames} frames`, "more");
  }

  #isTooWasteful(): boolean {
    const passed = this.#queue.offset - this.#startOffset;
    return this.#wastedBytes > WASTE_PER_BYTE * passed + MAX_PAYLOAD_BYTES;
  }

  #wasted(numBytes: number, found: Fault): Fault {
    this.#wastedBytes += numBytes;
    return found;
  }

  #accept({ length, item }: Part): void {
    const firstFrame = item.type === "packet" ? item.firstFrame : item.numFrames;
    if (this.#damageStart === undefined && firstFrame > this.#nextFrame) {
      this.#startDamage(fault(0, `frame ${this.#nextFrame}`, `frame ${firstFrame}`));
    }
    this.#reportDamage(firstFrame);
    this.#queue.drop(length);
    this.#items.push(item);
    if (item.type === "trailer") {
      this.#isFinished = true;
      this.#nextFrame = item.numFrames;
      return;
    }
    this.#nextFrame = firstFrame + item.numFrames;
    this.#nextPacket = firstFrame / this.#header.framesPerPacket + 1;
    this.#lastPadding = item.paddingSamples;
    this.#lastSegmentFrames = item.segments.frameCounts.at(-1);
  }

  /** Throws, or moves on to the next byte with which a packet could begin. */
  #refuse(found: Fault): void {
    if (this.#policy === "throw") throw this.#error(found);
    this.#startDamage(found);
    const end = this.#queue.length;
    if (end > 0) this.#queue.drop(this.#isFinished ? end : this.#queue.indexOf(packetSync[0], 1));
  }

  #startDamage(found: Fault): void {
    this.#isIntact = false;
    this.#damageStart ??= { byteOffset: this.#queue.offset, error: this.#error(found) };
  }

  /** Ends a stretch of damage before the next byte, if there is one, with the frames up to `endFrame` lost. */
  #reportDamage(endFrame: number): void {
    if (this.#damageStart === undefined) return;
    const { byteOffset, error } = this.#damageStart;
    const byteLength = this.#queue.offset - byteOffset;
    const numFrames = endFrame - this.#nextFrame;
    this.#damageStart = undefined;
    this.#items.push({
      type: "damage",
      damage: { byteOffset, byteLength, firstFrame: this.#nextFrame, numFrames, error },
    });
  }

  #error({ code, at, expected, got }: Fault): ContainerError {
    const byteOffset = this.#queue.offset + at;
    const next = advice[code] ?? "the file is damaged: fetch it again or recover what is there";
    const packetIndex = this.#isInPacket() ? this.#nextPacket : undefined;
    const part = packetIndex === undefined ? (this.#isFinished ? "the file" : "the trailer") : `packet ${packetIndex}`;
    const message = `${part} expected ${expected}, got ${got} at byte ${byteOffset}; ${next}`;
    return new ContainerError(code, message, { byteOffset, packetIndex, isSkippable: true });
  }

  /** Whether the next bytes should be a packet's: not behind the last one, and not where a trailer begins. */
  #isInPacket(): boolean {
    if (this.#isFinished || this.#lastPadding !== undefined) return false;
    const { length, view } = this.#queue;
    return !(length >= 2 && view.getUint8(0) === trailerSync[0] && view.getUint8(1) === trailerSync[1]);
  }
}
