/** Container bytes in memory -> tokens: all of them, some frames of them, or what is left of them. */
import { ContainerError } from "../errors";
import { numFrames, type TokenFrames } from "../tokens/token-frames";
import { type ContainerHeader, readHeader } from "./header";
import { type Damage, type DamagePolicy, PacketScanner, type ScannedPacket } from "./packet-scanner";
import { lostSegments, type PlacedTokens, tokensOfPlaces } from "./placed-tokens";
import { coveredSamples, isPossibleEnd, placesPerSegment, segmentsWithin } from "./segment-places";
import { endMark, readTrailer, TRAILER_BYTES, type Trailer } from "./trailer";

/** What a container says about itself, without its tokens. */
export interface ContainerInfo extends ContainerHeader {
  /** Frames; of a codec with segments their places, of which a segment cut short in front of the last leaves some empty. */
  readonly numFrames: number;
  readonly numSamples: number;
  readonly numPackets: number;
  readonly byteLength: number;
}

/** What could be saved of a damaged container. */
export interface RecoveredContainer {
  /** All frames in their places; tokens of lost frames are 0, and marked as lost. */
  readonly tokens: TokenFrames;
  /** What was lost, in order; empty for a whole file. */
  readonly damage: readonly Damage[];
}

/**
 * The tokens of a container.
 *
 * Memory   reads `bytes`, keeps no reference; the result is fresh, at most 128 bytes for each byte read
 * Cost     linear in the length of `bytes`, whatever they are
 * @throws {ContainerError} when the bytes are foreign, cut off, damaged or followed by others; the code says which
 * @throws {TypeError} when `bytes` is no Uint8Array
 * @example
 * const tokens = readContainer(await readFile("speech.qtn"));
 */
export function readContainer(bytes: Uint8Array): TokenFrames {
  return scanAll(bytes, "throw").tokens;
}

/**
 * What can still be read of a container: packets whose checksum holds, each in its place.
 *
 * Lost frames get token 0 at every stage and a mark, so that what follows keeps its time. Segments are lost as silence,
 * without marks. When the end is lost too, the tokens
 * stop after the last frame that was read.
 *
 * @throws {ContainerError} when the header itself is damaged: without it no packet can be understood
 */
export function recoverContainer(bytes: Uint8Array): RecoveredContainer {
  return scanAll(bytes, "skip");
}

/**
 * Header and totals of a container. Reads the two ends of `bytes` and looks at no packet.
 *
 * @throws {ContainerError} when header or trailer are foreign, cut off or damaged
 */
export function readContainerInfo(bytes: Uint8Array): ContainerInfo {
  const { header, trailer } = readEnds(bytes);
  const numSamples = coveredSamples(header, trailer.numFrames) - trailer.paddingSamples;
  const numPackets = trailer.packetLengths.length;
  return { ...header, numFrames: trailer.numFrames, numSamples, numPackets, byteLength: bytes.length };
}

/**
 * The tokens of the frames [fromFrame, toFrame). Reads the two ends of `bytes` and the packets that hold these frames.
 * Of a codec with segments only whole segments can be read: they begin every `segmentSamples / hopLength` frames here.
 *
 * @throws {RangeError} when the container has no such frames, or they are no whole segments
 * @throws {ContainerError} when header, trailer or one of these packets is damaged
 */
export function readFrames(bytes: Uint8Array, fromFrame: number, toFrame: number): TokenFrames {
  const { header, trailer, startOffset } = readEnds(bytes);
  const isRange = Number.isInteger(fromFrame) && Number.isInteger(toFrame) && fromFrame >= 0 && fromFrame <= toFrame;
  if (!isRange || toFrame > trailer.numFrames) {
    throw new RangeError(`"frames" expected within [0, ${trailer.numFrames}), got [${fromFrame}, ${toFrame})`);
  }
  const { segmentation, hopLength } = header;
  const step = segmentation === undefined ? 1 : placesPerSegment(segmentation, hopLength);
  if (fromFrame % step !== 0 || (toFrame % step !== 0 && toFrame !== trailer.numFrames)) {
    throw new RangeError(`"frames" expected whole segments of ${step}, got [${fromFrame}, ${toFrame})`);
  }
  const firstPacket = Math.floor(fromFrame / header.framesPerPacket);
  const endPacket = fromFrame === toFrame ? firstPacket : Math.ceil(toFrame / header.framesPerPacket);
  const begin = startOffset + sum(trailer.packetLengths.slice(0, firstPacket));
  const end = begin + sum(trailer.packetLengths.slice(firstPacket, endPacket));
  const scanner = new PacketScanner(header, begin, "throw", firstPacket);
  scanner.push(bytes.subarray(begin, end));
  const { packets } = takeAll(scanner);
  const last = packets.at(-1);
  const endFrame = last === undefined ? fromFrame : last.firstFrame + last.numFrames;
  if (packets.length !== endPacket - firstPacket || endFrame < toFrame) {
    throw badIndex(`frames up to ${toFrame} expected where the index says, got ${endFrame}`, begin);
  }
  const placed = placePackets(header, packets, fromFrame, toFrame);
  // Padding may reach back beyond the last frame: then it counts here, too.
  const paddingSamples = Math.max(0, trailer.paddingSamples - (trailer.numFrames - toFrame) * hopLength);
  const isEnd = toFrame === trailer.numFrames || (segmentation === undefined && paddingSamples > 0);
  return tokensOfPlaces(header, { ...placed, paddingSamples: isEnd ? paddingSamples : undefined });
}

/** What a scanner found, sorted. */
interface Scanned {
  readonly packets: readonly ScannedPacket[];
  readonly damage: readonly Damage[];
  readonly trailer: Trailer | undefined;
}

function takeAll(scanner: PacketScanner): Scanned {
  const packets: ScannedPacket[] = [];
  const damage: Damage[] = [];
  let trailer: Trailer | undefined;
  for (let item = scanner.next(); item !== undefined; item = scanner.next()) {
    if (item.type === "packet") packets.push(item);
    else if (item.type === "damage") damage.push(item.damage);
    else trailer = item;
  }
  return { packets, damage, trailer };
}

function scanAll(bytes: Uint8Array, policy: DamagePolicy): RecoveredContainer {
  const { header, endOffset } = readHeader(bytes);
  const scanner = new PacketScanner(header, endOffset, policy);
  scanner.push(bytes.subarray(endOffset));
  scanner.end();
  const { packets, damage, trailer } = takeAll(scanner);
  const last = packets.at(-1);
  const numFrames = trailer?.numFrames ?? (last === undefined ? 0 : last.firstFrame + last.numFrames);
  const paddingSamples = trailer?.paddingSamples ?? last?.paddingSamples;
  const tokens = tokensOfPlaces(header, { ...placePackets(header, packets, 0, numFrames), paddingSamples });
  return { tokens: markLost(tokens, damage), damage };
}

/** The same tokens with their lost frames marked; those of segments are silent by their scale. */
function markLost(tokens: TokenFrames, damage: readonly Damage[]): TokenFrames {
  if (tokens.segmentation !== undefined || damage.every((lost) => lost.numFrames === 0)) return tokens;
  const lostFrames = new Uint8Array(numFrames(tokens));
  for (const lost of damage) lostFrames.fill(1, lost.firstFrame, lost.firstFrame + lost.numFrames);
  return { ...tokens, lostFrames };
}

/** The places [fromFrame, toFrame) with what packets hold of them; the scanner has bounded their number. */
function placePackets(
  header: ContainerHeader,
  packets: readonly ScannedPacket[],
  fromFrame: number,
  toFrame: number,
): Pick<PlacedTokens, "codes" | "segments"> {
  const { numChannels, numCodebooks } = header;
  const perFrame = numChannels * numCodebooks;
  const codes = new Uint16Array((toFrame - fromFrame) * perFrame);
  const { frameCounts, scales } = lostSegments(header, toFrame - fromFrame);
  const counts = [...frameCounts];
  for (const packet of packets) {
    const skipped = Math.max(0, fromFrame - packet.firstFrame);
    const at = (packet.firstFrame + skipped - fromFrame) * perFrame;
    codes.set(packet.codes.subarray(skipped * perFrame).subarray(0, codes.length - at), at);
    const firstSegment = segmentsWithin(header, packet.firstFrame) - segmentsWithin(header, fromFrame);
    for (const [index, count] of packet.segments.frameCounts.entries()) {
      const segment = firstSegment + index;
      if (segment < 0 || segment >= counts.length) continue;
      counts[segment] = count;
      scales.set(
        packet.segments.scales.subarray(index * numChannels, (index + 1) * numChannels),
        segment * numChannels,
      );
    }
  }
  return { codes, segments: { frameCounts: counts, scales } };
}

/** Header and trailer, and where the packets begin. */
function readEnds(bytes: Uint8Array): { header: ContainerHeader; trailer: Trailer; startOffset: number } {
  const { header, endOffset: startOffset } = readHeader(bytes);
  const trailerOffset = findTrailer(bytes, startOffset);
  const trailer = readTrailer(bytes.subarray(trailerOffset));
  if (trailer === undefined) {
    throw new ContainerError(
      "checksum-mismatch",
      `trailer at byte ${trailerOffset} expected to match its checksum, got other bytes; read the packets in order instead`,
      { byteOffset: trailerOffset },
    );
  }
  const { numFrames, paddingSamples, packetLengths } = trailer;
  const isSound =
    packetLengths.length === Math.max(1, Math.ceil(numFrames / header.framesPerPacket)) &&
    isPossibleEnd(header, numFrames, paddingSamples) &&
    startOffset + sum(packetLengths) === trailerOffset;
  if (!isSound)
    throw badIndex("trailer expected to agree with the header and the bytes, got other totals", trailerOffset);
  return { header, trailer, startOffset };
}

/** Where the trailer begins, by the length in the last eight bytes. */
function findTrailer(bytes: Uint8Array, startOffset: number): number {
  const end = bytes.length;
  const isEnd = end >= startOffset + TRAILER_BYTES && endMark.every((byte, at) => bytes[end - 4 + at] === byte);
  const length = isEnd ? new DataView(bytes.buffer, bytes.byteOffset + end - 8, 4).getUint32(0, true) : 0;
  if (length < TRAILER_BYTES || length > end - startOffset) {
    throw new ContainerError(
      "truncated",
      `file expected a trailer at its end, got other bytes before byte ${end}; the file was cut off or has bytes behind it: recover what is there`,
      { byteOffset: end },
    );
  }
  return end - length;
}

function badIndex(what: string, byteOffset: number): ContainerError {
  return new ContainerError("bad-packet", `${what} at byte ${byteOffset}; read the packets in order instead`, {
    byteOffset,
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
