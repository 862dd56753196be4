/**
 * The tokens of one packet to payload bytes and back: codes [f, C, K] <-> Uint8Array.
 *
 * Every packet starts afresh, so each can be read alone. Two codings:
 *   packed   frame-major, ceil(log2 N) bits a token, zeros up to the byte
 *   adaptive column by column, range-coded; one bit says whether the column is modelled or its bits are even
 * The writer takes the shorter one, so that a payload is never longer than the packed bits.
 */
import { bitsPerToken, minPayloadBytes, type PacketShape, rawBytes } from "../limits";
import { BitReader } from "./bit-reader";
import { BitWriter } from "./bit-writer";
import { ColumnModel } from "./column-model";
import { EVEN_PROBABILITY, PROBABILITY_SCALE, RangeDecoder, RangeEncoder } from "./range-coder";

/** How a payload was written, by the number that stands in the packet's head. */
export const payloadCodings = { packed: 0, adaptive: 1 } as const;
export type PayloadCoding = (typeof payloadCodings)[keyof typeof payloadCodings];

export interface Payload {
  readonly coding: PayloadCoding;
  readonly bytes: Uint8Array;
}

/** Bits of precision in the costs that the encoder compares. They choose between columns and are not in the file. */
const COST_SCALE = 1 << 12;
const COST_TABLE_BITS = 12;
const costs = /* @__PURE__ */ Uint32Array.from({ length: 1 << COST_TABLE_BITS }, (_, index) =>
  Math.round(-Math.log2((index + 0.5) / (1 << COST_TABLE_BITS)) * COST_SCALE),
);

/** Codes and decodes the packets of one file; keeps its tables between packets. */
export class PayloadCoder {
  readonly #shape: PacketShape;
  readonly #numColumns: number;
  readonly #numBits: number;
  /** Made when it is first needed: its tables are larger than many a file. */
  #modelIfNeeded: ColumnModel | undefined;
  /** Decisions of the column being encoded, first to last. */
  #bits = new Uint8Array(0);
  #probabilities = new Uint16Array(0);

  constructor(shape: PacketShape) {
    this.#shape = shape;
    this.#numColumns = shape.numChannels * shape.numCodebooks;
    this.#numBits = bitsPerToken(shape.codebookSize);
  }

  /**
   * Codes the frames of one packet.
   *
   * Shapes   `codes` [f, C, K] frame-major, each below the codebook size
   * Cost     one pass of the model and one of the range coder, each about 20 operations a bit
   * @param adaptive  false to take the packed form without trying
   */
  encode(codes: Uint16Array, adaptive: boolean): Payload {
    const bytes = adaptive ? this.#encodeAdaptive(codes) : undefined;
    return bytes === undefined
      ? { coding: payloadCodings.packed, bytes: this.#encodePacked(codes) }
      : { coding: payloadCodings.adaptive, bytes };
  }

  /**
   * The tokens of a payload whose length has been checked; undefined when the bytes are no payload of this shape.
   *
   * Memory   allocates the result; `numFrames` has met its bound against the payload's length
   */
  decode(payload: Payload, numFrames: number): Uint16Array | undefined {
    const codes = new Uint16Array(numFrames * this.#numColumns);
    if (payload.coding === payloadCodings.adaptive) {
      this.#decodeAdaptive(payload.bytes, codes);
      return codes;
    }
    return this.#decodePacked(payload.bytes, codes) ? codes : undefined;
  }

  get #model(): ColumnModel {
    this.#modelIfNeeded ??= new ColumnModel(this.#shape.codebookSize, this.#shape.framesPerPacket);
    return this.#modelIfNeeded;
  }

  #encodePacked(codes: Uint16Array): Uint8Array {
    const writer = new BitWriter(rawBytes(this.#shape, codes.length / this.#numColumns));
    for (const code of codes) writer.write(code, this.#numBits);
    return writer.finish();
  }

  #decodePacked(bytes: Uint8Array, codes: Uint16Array): boolean {
    const reader = new BitReader(bytes);
    for (let at = 0; at < codes.length; at++) {
      const code = reader.read(this.#numBits);
      if (code >= this.#shape.codebookSize) return false;
      codes[at] = code;
    }
    return reader.isAtPadding();
  }

  #encodeAdaptive(codes: Uint16Array): Uint8Array | undefined {
    const numFrames = codes.length / this.#numColumns;
    const maxBytes = rawBytes(this.#shape, numFrames) - 1;
    if (maxBytes < 1) return undefined;
    const encoder = new RangeEncoder(maxBytes);
    this.#reserveDecisions(numFrames);
    for (let column = 0; column < this.#numColumns; column++) {
      const { numDecisions, isWorthModelling } = this.#modelColumn(codes, column);
      encoder.encode(isWorthModelling ? 1 : 0, EVEN_PROBABILITY);
      for (let at = 0; at < numDecisions; at++) {
        encoder.encode(this.#bits[at] ?? 0, isWorthModelling ? (this.#probabilities[at] ?? 0) : EVEN_PROBABILITY);
      }
    }
    const bytes = encoder.finish();
    return bytes === undefined ? undefined : padded(bytes, minPayloadBytes(this.#shape, numFrames));
  }

  #reserveDecisions(numFrames: number): void {
    if (this.#bits.length >= numFrames * this.#numBits) return;
    this.#bits = new Uint8Array(numFrames * this.#numBits);
    this.#probabilities = new Uint16Array(numFrames * this.#numBits);
  }

  /** Notes the decisions of one column with their modelled probabilities, and whether these beat even ones. */
  #modelColumn(codes: Uint16Array, column: number): { numDecisions: number; isWorthModelling: boolean } {
    const model = this.#model;
    const numBits = this.#numBits;
    const bits = this.#bits;
    const probabilities = this.#probabilities;
    model.reset();
    let numDecisions = 0;
    let cost = 0;
    let previous = 0;
    for (let at = column; at < codes.length; at += this.#numColumns) {
      const code = codes[at] ?? 0;
      for (let below = numBits - 1; below >= 0; below--) {
        const prefix = code >>> (below + 1);
        if (isForcedZero(prefix, below, this.#shape.codebookSize)) continue;
        const bit = (code >>> below) & 1;
        const probability = model.predict((1 << (numBits - 1 - below)) | prefix, previous);
        model.update(bit);
        cost += costs[(bit === 1 ? probability : PROBABILITY_SCALE - probability) >>> (16 - COST_TABLE_BITS)] ?? 0;
        bits[numDecisions] = bit;
        probabilities[numDecisions++] = probability;
      }
      previous = code;
    }
    return { numDecisions, isWorthModelling: cost < numDecisions * COST_SCALE };
  }

  #decodeAdaptive(bytes: Uint8Array, codes: Uint16Array): void {
    const decoder = new RangeDecoder(bytes);
    for (let column = 0; column < this.#numColumns; column++) {
      const isModelled = decoder.decode(EVEN_PROBABILITY) === 1;
      if (isModelled) this.#model.reset();
      let previous = 0;
      for (let at = column; at < codes.length; at += this.#numColumns) {
        previous = this.#decodeToken(decoder, isModelled, previous);
        codes[at] = previous;
      }
    }
  }

  #decodeToken(decoder: RangeDecoder, isModelled: boolean, previous: number): number {
    const model = this.#model;
    const numBits = this.#numBits;
    let prefix = 0;
    for (let below = numBits - 1; below >= 0; below--) {
      let bit = 0;
      if (!isForcedZero(prefix, below, this.#shape.codebookSize)) {
        if (isModelled) {
          bit = decoder.decode(model.predict((1 << (numBits - 1 - below)) | prefix, previous));
          model.update(bit);
        } else {
          bit = decoder.decode(EVEN_PROBABILITY);
        }
      }
      prefix = 2 * prefix + bit;
    }
    return prefix;
  }
}

/**
 * Whether the next bit can only be 0, because a 1 would lead to tokens that the codebook does not have. Such bits are
 * not coded, and so any bytes decode to tokens in range.
 */
function isForcedZero(prefix: number, below: number, codebookSize: number): boolean {
  return (2 * prefix + 1) << below >= codebookSize;
}

/** The same bytes with zeros up to `length`; the range decoder reads zeros past the end anyway. */
function padded(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length >= length) return bytes;
  const longer = new Uint8Array(length);
  longer.set(bytes);
  return longer;
}
