/** Tokens -> container bytes: all at once, or packet by packet as frames come. Both write the same bytes. */
import { TokenError } from "../errors";
import { concatBytes } from "../kernels/concat";
import { type Segmentation, segmentStride } from "../tokens/segmentation";
import { splitSegments } from "../tokens/split-segments";
import {
  assertSameFormat,
  assertTokenFrames,
  hopLengthOf,
  type TokenFormat,
  type TokenFrames,
} from "../tokens/token-frames";
import { PayloadCoder } from "./entropy/payload";
import { type ContainerHeader, createHeader, writeHeader } from "./header";
import { bitsPerToken, MAX_FRAMES, MAX_PAYLOAD_BYTES } from "./limits";
import { writePacket } from "./packet";
import { coveredSamples, placesPerSegment, segmentEntryBytes } from "./segment-places";
import { writeSegmentTable } from "./segment-table";
import { writeTrailer } from "./trailer";

/** How a container is written. */
export interface ContainerOptions {
  /**
   * Frames of a packet, 1 to 65535. Longer packets compress better; a shorter one loses less when it is damaged, comes
   * out of a stream sooner, and costs less to seek into. Default 256: five seconds at 50 frames a second. For codecs with
   * segments it is a number of whole segments, by default those that 256 frames lie in.
   */
  readonly framesPerPacket?: number;
  /** Free text to keep with the tokens. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Whether tokens are compressed, without loss, where that makes them smaller. Default true. */
  readonly entropyCoding?: boolean;
}

const DEFAULT_FRAMES_PER_PACKET = 256;
/** The width of the field. */
const MAX_PADDING_SAMPLES = 0xffff_ffff;

/**
 * Writes a container as its frames come.
 *
 * A packet is given out when the first frame after it has come, because the last one is marked. Besides one packet it
 * keeps a number for each packet written, for the index: 2.8 MB for a year of 50 frames a second.
 *
 * @example
 * const writer = new ContainerWriter(tokens);
 * const bytes = [writer.write(tokens.codes), writer.finish(tokens.numSamples)];
 */
export class ContainerWriter {
  readonly header: ContainerHeader;
  readonly #coder: PayloadCoder;
  readonly #entropyCoding: boolean;
  readonly #pending: Uint16Array;
  readonly #packetLengths: number[] = [];
  /** Frames of the segments that are pending, and their scales [S, C]. */
  #frameCounts: number[] = [];
  #scales: number[] = [];
  #headerBytes: Uint8Array | undefined;
  #numPending = 0;
  #numFrames = 0;
  #isFinished = false;

  /**
   * @param format  what the tokens are of; a `TokenFrames` will do
   * @throws {RangeError} when a value is not allowed by the format (docs/format.md)
   */
  constructor(format: TokenFormat, options: ContainerOptions = {}) {
    const framesPerPacket = options.framesPerPacket ?? defaultFramesPerPacket(format);
    this.header = createHeader(format, framesPerPacket, { ...options.metadata });
    this.#headerBytes = writeHeader(this.header);
    this.#coder = new PayloadCoder(this.header);
    this.#entropyCoding = options.entropyCoding ?? true;
    this.#pending = new Uint16Array(framesPerPacket * this.#tokensPerFrame);
  }

  /**
   * Takes the tokens of the next frames and gives the bytes that are now final, perhaps none.
   *
   * Shapes   `codes` [f, C, K] frame-major
   * Memory   copies `codes`; the result is fresh
   * @throws {TypeError} for a codec with segments, whose scales are needed, too: `writeTokens`
   * @throws {TokenError} when `codes` holds no whole number of frames, or a token that the codebook does not have
   */
  write(codes: Uint16Array): Uint8Array {
    const { segmentation } = this.header;
    if (segmentation !== undefined) throw new TypeError('"codes" expected with their scales, got only codes');
    assertTokenFrames({ ...this.header, numSamples: 0, codes });
    return this.#append(codes);
  }

  /**
   * Takes the next piece of a signal's tokens, of whichever codec, and gives the bytes that are now final.
   *
   * @throws {TokenError} when the piece is of another format than the first, is not whole, or follows a signal's end
   * @throws {TokenError} `codec-mismatch` when frames are marked as lost: a container has no place for such marks
   */
  writeTokens(piece: TokenFrames): Uint8Array {
    assertSameFormat(this.header, piece);
    assertAllFrames(piece);
    const { segmentation } = this.header;
    if (segmentation === undefined) return this.write(piece.codes);
    assertTokenFrames(piece);
    const parts: Uint8Array[] = [];
    for (const segment of splitSegments(piece)) {
      parts.push(this.#fillUp(segmentation, segment.numSamples), this.#append(segment.codes));
      this.#frameCounts.push(segment.codes.length / this.#tokensPerFrame);
      this.#scales.push(...(segment.scales ?? []));
    }
    return concatBytes(parts);
  }

  /** Fills up the places of the segment before, when the signal ends so soon behind it that it was cut short. */
  #fillUp(segmentation: Segmentation, nextSamples: number): Uint8Array {
    const { hopLength } = this.header;
    const places = placesPerSegment(segmentation, hopLength);
    const missing = (places - (this.#numFrames % places)) % places;
    if (this.#numFrames > 0) {
      const samples = Math.min(segmentStride(segmentation) + nextSamples, segmentation.segmentSamples);
      const [expected, actual] = [Math.ceil(samples / hopLength), places - missing];
      if (actual !== expected) {
        const message = `a segment before another expected ${expected} frames, got ${actual}; write pieces of one signal, in order`;
        throw new TokenError("shape-mismatch", message, { expected, actual });
      }
    }
    return this.#append(new Uint16Array(missing * this.#tokensPerFrame));
  }

  #append(codes: Uint16Array): Uint8Array {
    this.#assertOpen();
    this.#countFrames(codes.length / this.#tokensPerFrame);
    const parts = this.#takeHeader();
    for (let at = 0; at < codes.length; ) {
      if (this.#numPending === this.#pending.length) parts.push(this.#writePacket(undefined));
      const piece = codes.subarray(at, at + this.#pending.length - this.#numPending);
      this.#pending.set(piece, this.#numPending);
      this.#numPending += piece.length;
      at += piece.length;
    }
    return concatBytes(parts);
  }

  /**
   * Ends the container and gives the rest of its bytes.
   *
   * @param numSamples  length of the coded audio; the frames cover it
   * @throws {RangeError} when the frames written do not cover so many samples, or reach far beyond them
   */
  finish(numSamples: number): Uint8Array {
    this.#assertOpen();
    const covered = coveredSamples(this.header, this.#numFrames);
    const paddingSamples = covered - numSamples;
    const maxPadding = this.header.segmentation === undefined ? MAX_PADDING_SAMPLES : this.header.hopLength - 1;
    if (!Number.isInteger(numSamples) || numSamples < 0 || paddingSamples < 0 || paddingSamples > maxPadding) {
      throw new RangeError(
        `"numSamples" expected at most ${covered}, which ${this.#numFrames} frames cover, got ${numSamples}`,
      );
    }
    this.#isFinished = true;
    const parts = [...this.#takeHeader(), this.#writePacket(paddingSamples)];
    parts.push(writeTrailer({ numFrames: this.#numFrames, paddingSamples, packetLengths: this.#packetLengths }));
    return concatBytes(parts);
  }

  get #tokensPerFrame(): number {
    return this.header.numChannels * this.header.numCodebooks;
  }

  #assertOpen(): void {
    if (this.#isFinished) throw new TypeError(`"writer" expected to be open, got one that has finished`);
  }

  #countFrames(count: number): void {
    if (this.#numFrames + count > MAX_FRAMES) {
      throw new RangeError(`"codes" expected at most ${MAX_FRAMES} frames in a file, got ${this.#numFrames + count}`);
    }
    this.#numFrames += count;
  }

  #takeHeader(): Uint8Array[] {
    const bytes = this.#headerBytes;
    this.#headerBytes = undefined;
    return bytes === undefined ? [] : [bytes];
  }

  /** The packet of the pending frames. @param paddingSamples  given for the last packet */
  #writePacket(paddingSamples: number | undefined): Uint8Array {
    const codes = this.#pending.subarray(0, this.#numPending);
    const payload = this.#coder.encode(codes, this.#entropyCoding);
    const head = {
      coding: payload.coding,
      packetIndex: this.#packetLengths.length,
      numFrames: codes.length / this.#tokensPerFrame,
      payloadBytes: payload.bytes.length,
      paddingSamples,
    };
    const segments = { frameCounts: this.#frameCounts, scales: Float32Array.from(this.#scales) };
    const bytes = writePacket(head, writeSegmentTable(segments, this.header.numChannels), payload.bytes);
    this.#packetLengths.push(bytes.length);
    this.#numPending = 0;
    this.#frameCounts = [];
    this.#scales = [];
    return bytes;
  }
}

/**
 * The container of tokens that are in memory.
 *
 * It is never longer than the tokens packed at ceil(log2 N) bits, plus the framing that docs/format.md counts.
 *
 * Shapes   `tokens.codes` [F, C, K]; F may be 0
 * @throws {TokenError} when the tokens are not whole or out of range
 * @throws {RangeError} when a value is not allowed by the format (docs/format.md)
 * @example
 * await writeFile("speech.qtn", writeContainer(tokens));
 */
export function writeContainer(tokens: TokenFrames, options: ContainerOptions = {}): Uint8Array {
  const writer = new ContainerWriter(tokens, options);
  return concatBytes([writer.writeTokens(tokens), writer.finish(tokens.numSamples)]);
}

/**
 * The container of consecutive pieces of one signal, as byte chunks to send or append. Memory stays constant.
 *
 * @throws {TypeError} when there is no piece at all: an empty signal is a piece without frames
 * @throws {TokenError} when a piece is of another format than the first, or is not whole
 */
export async function* writeContainerStream(
  pieces: AsyncIterable<TokenFrames> | Iterable<TokenFrames>,
  options: ContainerOptions = {},
): AsyncGenerator<Uint8Array, void> {
  let writer: ContainerWriter | undefined;
  let numSamples = 0;
  for await (const piece of pieces) {
    writer ??= new ContainerWriter(piece, options);
    numSamples += piece.numSamples;
    const bytes = writer.writeTokens(piece);
    if (bytes.length > 0) yield bytes;
  }
  if (writer === undefined) throw new TypeError(`"pieces" expected at least one piece of tokens, got none`);
  yield writer.finish(numSamples);
}

/** Five seconds at 50 frames a second, less where frames are so large that a packet would pass its limit. */
function defaultFramesPerPacket(format: TokenFormat): number {
  const { numChannels, numCodebooks, codebookSize, segmentation } = format;
  const bitsPerFrame = numChannels * numCodebooks * bitsPerToken(codebookSize);
  const largest = Math.floor((8 * MAX_PAYLOAD_BYTES) / bitsPerFrame);
  if (segmentation === undefined) return Math.min(DEFAULT_FRAMES_PER_PACKET, largest);
  const places = placesPerSegment(segmentation, hopLengthOf(format));
  const bytesPerSegment = segmentEntryBytes(numChannels) + (places * bitsPerFrame) / 8;
  const fitting = Math.floor(MAX_PAYLOAD_BYTES / bytesPerSegment);
  return places * Math.max(1, Math.min(Math.ceil(DEFAULT_FRAMES_PER_PACKET / places), fitting));
}

/** Without its mark a lost frame would come back as codes of 0, which is a sound. */
function assertAllFrames({ lostFrames }: TokenFrames): void {
  const frame = lostFrames?.indexOf(1) ?? -1;
  if (frame < 0) return;
  const message = `a container has no place for frame ${frame}, which was lost or not sent; decode the tokens, or encode without "dtx"`;
  throw new TokenError("codec-mismatch", message, { expected: "all frames", actual: "marks in lostFrames", frame });
}
