/** Damaged and forged container files from a seed, for tests of readers. */
import { crc32cReference } from "../../src/kernels/crc32c.reference";
import type { RandomInteger } from "./token-samples";

/** Changes a copy of `bytes`; `other` is a second file to splice from. */
export type Mutation = (bytes: Uint8Array, random: RandomInteger, other: Uint8Array) => Uint8Array;

/** Values that break arithmetic: the ends of the widths, and what follows them. */
const extremes = [0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff];

function join(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

function cut(bytes: Uint8Array, random: RandomInteger): { from: number; to: number } {
  const from = random(bytes.length + 1);
  return { from, to: Math.min(bytes.length, from + random(40)) };
}

const flipBits: Mutation = (bytes, random) => {
  const copy = bytes.slice();
  for (let count = 1 + random(8); count > 0; count--) {
    const at = random(copy.length);
    copy[at] = (copy[at] ?? 0) ^ (1 << random(8));
  }
  return copy;
};

const writeExtremes: Mutation = (bytes, random) => {
  const copy = bytes.slice();
  const value = extremes[random(extremes.length)] ?? 0;
  const at = random(copy.length);
  return copy.fill(value, at, at + 1 + random(8));
};

const truncate: Mutation = (bytes, random) => bytes.slice(0, random(bytes.length));

const remove: Mutation = (bytes, random) => {
  const { from, to } = cut(bytes, random);
  return join(bytes.subarray(0, from), bytes.subarray(to));
};

const repeat: Mutation = (bytes, random) => {
  const { from, to } = cut(bytes, random);
  return join(bytes.subarray(0, to), bytes.subarray(from));
};

const insertNoise: Mutation = (bytes, random) => {
  const at = random(bytes.length + 1);
  const noise = Uint8Array.from({ length: random(60) }, () => random(256));
  return join(bytes.subarray(0, at), noise, bytes.subarray(at));
};

const splice: Mutation = (bytes, random, other) =>
  join(bytes.subarray(0, random(bytes.length + 1)), other.subarray(random(other.length + 1)));

/** Changes bytes of a header, packet or trailer and puts its checksum right: what a hostile writer would do. */
const forge: Mutation = (bytes, random) => {
  const copy = bytes.slice();
  const parts = partsOf(copy);
  const part = parts[random(parts.length)];
  if (part === undefined) return copy;
  const { from, to } = part;
  const fieldBytes = Math.min(to - from, random(3) === 0 ? to - from : 14);
  for (let count = 1 + random(3); count > 0; count--) {
    copy[from + random(fieldBytes)] = random(2) === 0 ? (extremes[random(extremes.length)] ?? 0) : random(256);
  }
  new DataView(copy.buffer).setUint32(to, crc32cReference(copy.subarray(from, to)), true);
  return copy;
};

/** Every mutation, forgeries three times: they reach what checksums otherwise keep out. */
export const mutations: readonly Mutation[] = [
  flipBits,
  writeExtremes,
  truncate,
  remove,
  repeat,
  insertNoise,
  splice,
  forge,
  forge,
  forge,
];

/** The checksummed parts of a whole file: where each begins, and where its checksum stands. */
export function partsOf(bytes: Uint8Array): { from: number; to: number }[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const trailer = bytes.length - view.getUint32(bytes.length - 8, true);
  let from = 16 + view.getUint16(10, true);
  const parts = [{ from: 0, to: from - 4 }];
  for (let entry = trailer + 14; entry < bytes.length - 12; entry += 3) {
    const length = view.getUint16(entry, true) + 0x10000 * view.getUint8(entry + 2);
    parts.push({ from, to: from + length - 4 });
    from += length;
  }
  return [...parts, { from: trailer, to: bytes.length - 12 }];
}
