/**
 * Packets of Lyra V2: the tokens of one frame <-> the bytes that go over the wire.
 *
 *     byte 0               byte 1               ...   byte K / 2 - 1
 *     | stage 0 | stage 1 | stage 2 | stage 3 | ...  | stage K - 2 | stage K - 1 |
 *
 * Four bits a stage, the first stage in the highest bits, no header: the length alone tells the number of stages, and so
 * the rate. A packet without bytes says that its frame holds nothing but noise.
 *
 * Source   google/lyra 1.3.2, packet.h and lyra_config.cc
 */
import { ContainerError } from "../../errors";
import { assertBytes } from "../limits";

/** What tokens must be to go into packets. */
export const lyraFormat = {
  codec: "lyra-v2",
  sampleRate: 16_000,
  frameRate: 50,
  numChannels: 1,
  codebookSize: 16,
} as const;

/** The numbers of stages that there are packets for: 3.2, 6 and 9.2 kbit/s. */
export const lyraStages: readonly number[] = [16, 30, 46];

const stagesPerByte = 2;

/** Bytes of a packet. */
export function lyraPacketBytes(numCodebooks: number): number {
  return numCodebooks / stagesPerByte;
}

/** Stages in use at a rate of packets, in bits per second; `undefined` for a rate that there is none for. */
export function lyraStagesAt(bitsPerSecond: number): number | undefined {
  return lyraStages.find((numCodebooks) => 8 * lyraPacketBytes(numCodebooks) * lyraFormat.frameRate === bitsPerSecond);
}

/**
 * Packs frames, one packet behind the other.
 *
 * Shapes   `codes` [F, K], each below 16; result [F * K / 2]
 * Memory   result is a fresh copy
 */
export function packLyraFrames(codes: Uint16Array): Uint8Array {
  const bytes = new Uint8Array(codes.length / stagesPerByte);
  for (let at = 0; at < bytes.length; at++) {
    bytes[at] = ((codes[2 * at] as number) << 4) | (codes[2 * at + 1] as number);
  }
  return bytes;
}

/**
 * The tokens of packets: any bytes are some.
 *
 * Shapes   `bytes` [F * K / 2]; result [F, K]
 * Memory   result is a fresh copy
 */
export function unpackLyraFrames(bytes: Uint8Array): Uint16Array {
  const codes = new Uint16Array(bytes.length * stagesPerByte);
  for (const [at, byte] of bytes.entries()) {
    codes[2 * at] = byte >> 4;
    codes[2 * at + 1] = byte & 15;
  }
  return codes;
}

/**
 * The stages in use in a packet of a length.
 *
 * @throws {TypeError} when `packet` is no Uint8Array
 * @throws {ContainerError} `bad-packet` when no packet has that length
 */
export function lyraStagesOf(packet: Uint8Array): number {
  assertBytes(packet, "packet");
  const numCodebooks = packet.length * stagesPerByte;
  if (lyraStages.includes(numCodebooks)) return numCodebooks;
  const lengths = lyraStages.map(lyraPacketBytes).join(", ");
  const message = `a Lyra packet expected ${lengths} bytes, got ${packet.length}; check where packets begin and end`;
  throw new ContainerError("bad-packet", message, { byteOffset: 0 });
}
