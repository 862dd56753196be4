/**
 * A second reader of `.qtn`, written from docs/format.md and from nothing else: no code of src/, whole numbers as
 * BigInt, slow. What it agrees on with the real one is what the document says.
 */
import { Unpackr } from "msgpackr";

/** What this reader finds in an undamaged file. */
export interface SpecTokens {
  readonly fields: readonly unknown[];
  /** [F, C, K] */
  readonly codes: number[];
  /** [S, C]; empty in version 1. */
  readonly scales: number[];
  readonly paddingSamples: number;
}

/** Reads an undamaged file. */
export function readBySpec(file: Uint8Array): SpecTokens {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const headerBytes = view.getUint16(10, true);
  const fields = new Unpackr({ useRecords: false, mapsAsObjects: false }).unpack(
    file.subarray(12, 12 + headerBytes),
  ) as unknown[];
  const [, , , , numChannels, numCodebooks, codebookSize, framesPerPacket] = fields as number[];
  const shape = {
    columns: (numChannels ?? 0) * (numCodebooks ?? 0),
    codebookSize: codebookSize ?? 0,
    framesPerPacket: framesPerPacket ?? 0,
  };
  const codes: number[] = [];
  const scales: number[] = [];
  const [channels = 0, hopLength = 0, segmentSamples = 0] = [numChannels, fields[3] as number, fields[9] as number];
  const placesPerSegment = view.getUint8(8) === 2 ? segmentSamples / hopLength : Number.POSITIVE_INFINITY;
  const entryBytes = view.getUint8(8) === 2 ? 2 + 4 * channels : 0;
  let paddingSamples = 0;
  let at = 16 + headerBytes;
  for (let isLast = false; !isLast; ) {
    const kind = view.getUint8(at + 2);
    isLast = kind >= 0x80;
    const length = view.getUint16(at + 3, true) + 65536 * view.getUint8(at + 5);
    const numFrames = view.getUint16(at + 10, true);
    if (isLast) paddingSamples = view.getUint32(at + 12, true);
    const numSegments = Math.ceil(numFrames / placesPerSegment);
    const table = at + (isLast ? 16 : 12);
    const begin = table + numSegments * entryBytes;
    const payload = file.subarray(begin, begin + length);
    const places = kind % 2 === 1 ? readAdaptive(payload, numFrames, shape) : readPacked(payload, numFrames, shape);
    if (entryBytes === 0) codes.push(...places);
    for (let segment = 0; entryBytes > 0 && segment < numSegments; segment++) {
      const entry = table + segment * entryBytes;
      const first = segment * placesPerSegment * shape.columns;
      codes.push(...places.slice(first, first + view.getUint16(entry, true) * shape.columns));
      for (let channel = 0; channel < channels; channel++) scales.push(view.getFloat32(entry + 2 + 4 * channel, true));
    }
    at = begin + length + 4;
  }
  return { fields, codes, scales, paddingSamples };
}

interface Shape {
  readonly columns: number;
  readonly codebookSize: number;
  readonly framesPerPacket: number;
}

function bitsOf(codebookSize: number): number {
  return Math.ceil(Math.log2(codebookSize));
}

function readPacked(payload: Uint8Array, numFrames: number, { columns, codebookSize }: Shape): number[] {
  const bits = [...payload].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  const width = bitsOf(codebookSize);
  return Array.from({ length: numFrames * columns }, (_, index) =>
    Number.parseInt(bits.slice(index * width, (index + 1) * width), 2),
  );
}

/** Section "Range coder", decoder. */
class Decoder {
  readonly #bytes: Uint8Array;
  #next = 4;
  #range = 2n ** 32n;
  #code: bigint;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#code = [0, 1, 2, 3].reduce((code, index) => code * 256n + BigInt(bytes[index] ?? 0), 0n);
  }

  bit(probability: number): number {
    const bound = (this.#range * BigInt(probability)) / 65536n;
    const bit = this.#code < bound ? 1 : 0;
    this.#range = bit === 1 ? bound : this.#range - bound;
    if (bit === 0) this.#code -= bound;
    while (this.#range < 2n ** 24n) {
      this.#range *= 256n;
      this.#code = this.#code * 256n + BigInt(this.#bytes[this.#next++] ?? 0);
    }
    return bit;
  }
}

/** Section "Adaptive payload". */
function readAdaptive(payload: Uint8Array, numFrames: number, shape: Shape): number[] {
  const decoder = new Decoder(payload);
  const codes = new Array<number>(numFrames * shape.columns).fill(0);
  for (let column = 0; column < shape.columns; column++) {
    const isModelled = decoder.bit(32768) === 1;
    const counts = new Map<string, [number, number]>();
    let previous = 0;
    for (let frame = 0; frame < numFrames; frame++) {
      previous = readToken(decoder, shape, isModelled ? counts : undefined, previous);
      codes[frame * shape.columns + column] = previous;
    }
  }
  return codes;
}

function readToken(
  decoder: Decoder,
  { codebookSize, framesPerPacket }: Shape,
  counts: Map<string, [number, number]> | undefined,
  previous: number,
): number {
  const width = bitsOf(codebookSize);
  const tableBits = Math.min(16, 3 + Math.ceil(Math.log2(framesPerPacket * width)));
  let node = 1;
  for (let left = width - 1; left >= 0; left--) {
    const leastIfOne = (2 * node + 1) * 2 ** left - 2 ** width;
    let bit = 0;
    if (leastIfOne < codebookSize && counts === undefined) bit = decoder.bit(32768);
    else if (leastIfOne < codebookSize && counts !== undefined) {
      const hash = (BigInt(previous * 2 ** width + node) * 0x9e3779b1n) % 2n ** 32n;
      const plain = pairOf(counts, `plain ${node % 2 ** tableBits}`);
      const following = pairOf(counts, `following ${hash / 2n ** BigInt(32 - tableBits)}`);
      const first = Math.floor(((plain[1] + 2) * 65536) / (plain[0] + plain[1] + 4));
      const second = Math.floor((following[1] * 65536 + 4 * first) / (following[0] + following[1] + 4));
      bit = decoder.bit(Math.min(Math.max(second, 32), 65504));
      count(plain, bit);
      count(following, bit);
    }
    node = 2 * node + bit;
  }
  return node - 2 ** width;
}

function pairOf(counts: Map<string, [number, number]>, name: string): [number, number] {
  const pair = counts.get(name) ?? [0, 0];
  counts.set(name, pair);
  return pair;
}

function count(pair: [number, number], bit: number): void {
  if (pair[bit] === 255) {
    pair[0] = Math.floor(pair[0] / 2);
    pair[1] = Math.floor(pair[1] / 2);
  }
  pair[bit] = (pair[bit] ?? 0) + 1;
}
