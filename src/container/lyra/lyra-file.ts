/**
 * `.lyra` files: tokens <-> packets one behind the other, as Lyra's own encoder_main writes them and decoder_main reads.
 *
 * They say nothing about themselves: neither rate, nor length of the audio, nor weights. Damage cannot be seen.
 *
 * Source   google/lyra 1.3.2, cli_example
 */
import { ContainerError, TokenError } from "../../errors";
import { assertTokenFrames, type TokenFrames } from "../../tokens/token-frames";
import { assertBytes } from "../limits";
import {
  lyraFormat,
  lyraPacketBytes,
  lyraStages,
  lyraStagesAt,
  lyraStagesOf,
  packLyraFrames,
  unpackLyraFrames,
} from "./packet";

/** What a file does not say. */
export interface LyraFileOptions {
  /** The weights that the caller takes the tokens to be of. */
  readonly revision: string;
  /** 3200, 6000 or 9200. Default: the one rate whose packets fill the file, when there is only one. */
  readonly bitsPerSecond?: number | undefined;
}

/**
 * Writes tokens as packets; of pieces of a signal, the bytes one behind the other are those of the whole.
 *
 * Memory   result is a fresh copy
 * @throws {TokenError} `codec-mismatch` when no packet holds such tokens, or a frame is marked as lost or not sent: packets
 *   without bytes leave no trace in a file; as `assertTokenFrames`
 */
export function writeLyra(tokens: TokenFrames): Uint8Array {
  assertPackable(tokens);
  const frame = tokens.lostFrames?.indexOf(1) ?? -1;
  if (frame < 0) return packLyraFrames(tokens.codes);
  const message = `a .lyra file has no place for frame ${frame}, which was lost or not sent; encode without "dtx", or send what writeLyraPackets gives`;
  throw new TokenError("codec-mismatch", message, { expected: "all frames", actual: "marks in lostFrames", frame });
}

/**
 * Writes each frame as the packet to send; one without bytes for a frame that is marked as lost, or by `dtx` as not worth
 * sending.
 *
 * Memory   results are views of one fresh copy
 * @throws {TokenError} `codec-mismatch` when no packet holds such tokens; as `assertTokenFrames`
 * @example
 * for await (const piece of codec.encodeStream(microphone, { bitsPerSecond: 6000, dtx: true })) {
 *   for (const packet of writeLyraPackets(piece)) send(packet);
 * }
 */
export function writeLyraPackets(tokens: TokenFrames): Uint8Array[] {
  assertPackable(tokens);
  const bytes = packLyraFrames(tokens.codes);
  const size = lyraPacketBytes(tokens.numCodebooks);
  return Array.from({ length: bytes.length / size }, (_, frame) =>
    tokens.lostFrames?.[frame] === 1 ? new Uint8Array(0) : bytes.subarray(frame * size, (frame + 1) * size),
  );
}

function assertPackable(tokens: TokenFrames): void {
  assertTokenFrames(tokens);
  for (const [field, expected] of Object.entries(lyraFormat)) {
    const actual = tokens[field as keyof typeof lyraFormat];
    if (actual !== expected) throw mismatch(field, expected, actual);
  }
  if (!lyraStages.includes(tokens.numCodebooks))
    throw mismatch("numCodebooks", lyraStages.join(", "), tokens.numCodebooks);
}

/**
 * Reads the packets of a file.
 *
 * Memory   result is a fresh copy
 * @throws {ContainerError} `truncated` when the bytes are no whole number of packets, `bad-header` when they may be packets
 *   of several rates
 * @throws {RangeError} when there are no packets of the rate
 */
export function readLyra(bytes: Uint8Array, { revision, bitsPerSecond }: LyraFileOptions): TokenFrames {
  assertBytes(bytes, "bytes");
  const numCodebooks = bitsPerSecond === undefined ? guessStages(bytes.length) : stagesAt(bitsPerSecond);
  if (bytes.length % lyraPacketBytes(numCodebooks) !== 0) throw truncated(bytes.length, [numCodebooks]);
  return framesOf(bytes, numCodebooks, revision);
}

/**
 * Reads one packet as it came over the wire, or marks the frame as lost that none came for. Packets of one stream may be
 * of several rates.
 *
 * Memory   result is a fresh copy
 * @param packet  `undefined`, or no bytes, for a packet that was lost or not sent
 * @throws {ContainerError} `bad-packet` when no packet has that length
 * @example
 * const pieces = packets.map((packet) => readLyraPacket(packet, codec.identity.revision));
 * for await (const audio of codec.decodeStream(pieces)) play(audio);
 */
export function readLyraPacket(packet: Uint8Array | undefined, revision: string): TokenFrames {
  if (packet !== undefined && packet.length > 0) return framesOf(packet, lyraStagesOf(packet), revision);
  const numCodebooks = lyraStages.at(-1) as number;
  const lost = framesOf(new Uint8Array(lyraPacketBytes(numCodebooks)), numCodebooks, revision);
  return { ...lost, lostFrames: Uint8Array.of(1) };
}

function framesOf(bytes: Uint8Array, numCodebooks: number, revision: string): TokenFrames {
  const numFrames = bytes.length / lyraPacketBytes(numCodebooks);
  const numSamples = (numFrames * lyraFormat.sampleRate) / lyraFormat.frameRate;
  return { ...lyraFormat, revision, numCodebooks, numSamples, codes: unpackLyraFrames(bytes) };
}

function stagesAt(bitsPerSecond: number): number {
  const numCodebooks = lyraStagesAt(bitsPerSecond);
  if (numCodebooks !== undefined) return numCodebooks;
  throw new RangeError(`"bitsPerSecond" expected 3200, 6000 or 9200 for Lyra's packets, got ${bitsPerSecond}`);
}

/** The stages whose packets fill a file: most lengths go with one of the three only. */
function guessStages(length: number): number {
  const fitting = lyraStages.filter((numCodebooks) => length % lyraPacketBytes(numCodebooks) === 0);
  const [numCodebooks, ...others] = fitting;
  if (numCodebooks === undefined) throw truncated(length, lyraStages);
  if (others.length === 0 || length === 0) return fitting.at(-1) as number;
  const message = `a .lyra file does not say its rate, and ${length} bytes may be packets of ${listBytes(fitting)} bytes; give the rate, 3200, 6000 or 9200 bit/s`;
  throw new ContainerError("bad-header", message, { byteOffset: 0 });
}

function truncated(length: number, stages: readonly number[]): ContainerError {
  const message = `a .lyra file expected packets of ${listBytes(stages)} bytes, ${length} bytes are none of that; fetch it again or give its rate`;
  return new ContainerError("truncated", message, { byteOffset: length });
}

function listBytes(stages: readonly number[]): string {
  return stages.map(lyraPacketBytes).join(" or ");
}

function mismatch(field: string, expected: string | number, actual: string | number): TokenError {
  const message = `Lyra's packets expected tokens with ${field} ${expected}, got ${actual}; encode at 3200, 6000 or 9200 bit/s, or write a .qtn file`;
  return new TokenError("codec-mismatch", message, { expected, actual });
}
