/** Container bytes that come in chunks -> pieces of tokens, a packet at a time, in constant memory. */
import type { TokenFrames } from "../tokens/token-frames";
import { ByteQueue } from "./byte-queue";
import { type ContainerHeader, headerLength, PREAMBLE_BYTES, readHeader } from "./header";
import { assertBytes } from "./limits";
import { type Damage, PacketScanner } from "./packet-scanner";
import { lostSegments, tokensOfPlaces } from "./placed-tokens";
import { coveredSamples } from "./segment-places";

/** Bytes in order, in chunks of any size. */
export type ByteSource = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

export interface ContainerStreamOptions {
  /**
   * Called for every stretch that could not be read; reading then goes on behind it, and frames that were lost come as
   * token 0, marked as lost. Without it damage is an error.
   */
  readonly onDamage?: (damage: Damage) => void;
}

/**
 * Reads a container from a pipe, a socket or a file that is not to be held in memory.
 *
 * @example
 * const reader = await ContainerReader.open(createReadStream("speech.qtn"));
 * for await (const piece of reader) play(await codec.decode(piece));
 */
export class ContainerReader {
  readonly header: ContainerHeader;
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #scanner: PacketScanner;
  readonly #onDamage: ((damage: Damage) => void) | undefined;

  private constructor(
    header: ContainerHeader,
    scanner: PacketScanner,
    source: AsyncIterator<Uint8Array>,
    onDamage: ((damage: Damage) => void) | undefined,
  ) {
    this.header = header;
    this.#scanner = scanner;
    this.#source = source;
    this.#onDamage = onDamage;
  }

  /**
   * Reads up to the end of the header.
   *
   * Memory   a chunk, and later a packet of at most 1 MiB; chunks may be viewed until the next one is asked for
   * @throws {ContainerError} when the header is foreign, cut off or damaged
   * @throws {TypeError} when the source gives something else than bytes
   */
  static async open(source: ByteSource, options: ContainerStreamOptions = {}): Promise<ContainerReader> {
    const chunks = iterate(source);
    const queue = new ByteQueue(0);
    let needed = PREAMBLE_BYTES;
    try {
      for (;;) {
        if (queue.length >= needed && needed === PREAMBLE_BYTES) needed = headerLength(queue.peek());
        if (queue.length >= needed && needed > PREAMBLE_BYTES) break;
        const chunk = await chunks.next();
        if (chunk.done === true) break;
        queue.push(chunk.value);
      }
      // Raises the right error when the source has ended early.
      const { header, endOffset } = readHeader(queue.peek());
      const scanner = new PacketScanner(header, endOffset, options.onDamage === undefined ? "throw" : "skip");
      scanner.push(queue.peek().subarray(endOffset));
      return new ContainerReader(header, scanner, chunks, options.onDamage);
    } catch (error) {
      await chunks.return?.();
      throw error;
    }
  }

  /**
   * The tokens, piece by piece; can be gone through once. A piece is a packet, or the frames lost in place of one.
   *
   * The last piece is cut to the length of the audio: `numSamples` of all pieces add up to that of the file, unless its
   * last packet holds fewer samples than the codec padded.
   *
   * @throws {ContainerError} at the first byte that cannot be accepted, when there is no `onDamage`
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<TokenFrames, void> {
    try {
      let lostFrames = 0;
      for await (const item of this.#items()) {
        if (item.type === "damage") {
          lostFrames = item.damage.numFrames;
          this.#onDamage?.(item.damage);
          continue;
        }
        const piece = item.type === "packet" ? tokensOfPlaces(this.header, item) : undefined;
        const padding = item.type === "trailer" ? item.paddingSamples : undefined;
        yield* this.#lostPieces(lostFrames, padding, piece?.numSamples);
        lostFrames = 0;
        if (piece !== undefined) yield piece;
      }
    } finally {
      await this.#source.return?.();
    }
  }

  async *#items() {
    for (;;) {
      for (let item = this.#scanner.next(); item !== undefined; item = this.#scanner.next()) yield item;
      const chunk = await this.#source.next();
      if (chunk.done === true) break;
      this.#scanner.push(chunk.value);
    }
    this.#scanner.end();
    for (let item = this.#scanner.next(); item !== undefined; item = this.#scanner.next()) yield item;
  }

  /** Zeros in place of lost frames, marked unless segments are silent by their scale; no piece longer than a packet. */
  *#lostPieces(
    numFrames: number,
    paddingSamples: number | undefined,
    samplesBehind: number | undefined,
  ): Generator<TokenFrames, void> {
    const { framesPerPacket, numChannels, numCodebooks } = this.header;
    for (let left = numFrames; left > 0; left -= framesPerPacket) {
      const numPlaces = Math.min(left, framesPerPacket);
      const codes = new Uint16Array(numPlaces * numChannels * numCodebooks);
      const isEnd = left <= framesPerPacket;
      const lostBehind = coveredSamples(this.header, left - numPlaces) - (paddingSamples ?? 0);
      const segments = lostSegments(this.header, numPlaces, isEnd ? samplesBehind : lostBehind);
      const placed = { codes, segments, paddingSamples: isEnd ? paddingSamples : undefined };
      const lostFrames = this.header.segmentation === undefined ? new Uint8Array(numPlaces).fill(1) : undefined;
      yield { ...tokensOfPlaces(this.header, placed), ...(lostFrames && { lostFrames }) };
    }
  }
}

/**
 * The tokens of a container that comes in chunks, piece by piece: what `decodeStream` takes.
 *
 * @throws {ContainerError} at the first byte that cannot be accepted, when there is no `onDamage`
 * @example
 * for await (const audio of codec.decodeStream(readContainerStream(process.stdin))) play(audio);
 */
export async function* readContainerStream(
  source: ByteSource,
  options: ContainerStreamOptions = {},
): AsyncGenerator<TokenFrames, void> {
  yield* await ContainerReader.open(source, options);
}

async function* iterate(source: ByteSource): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of source) {
    assertBytes(chunk, "chunk");
    yield chunk;
  }
}
