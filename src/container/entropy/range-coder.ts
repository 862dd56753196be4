/**
 * A binary range coder: decisions with known probabilities to bytes and back.
 *
 * All quantities are whole numbers below 2^53 and beyond an int32, so they are held in doubles, and every step
 * is exact: two machines can not disagree. The first byte of the classic scheme is always zero and is not written; zero
 * bytes at the end are not written either, the decoder goes on reading zeros.
 *
 *     low                                       low + range
 *      |--------- bit is 1 ---------|-- bit is 0 --|          bound = floor(range * probability / 2^16)
 *      low                      low + bound
 *
 * Source   Martin 1979 (range encoding); carry propagation with one cached byte as in the LZMA SDK's description
 */

/** Probabilities are out of this: 16 bits. */
export const PROBABILITY_SCALE = 1 << 16;

/** A decision with nothing known about it. */
export const EVEN_PROBABILITY = PROBABILITY_SCALE / 2;

const RANGE_TOP = 2 ** 32;
const RANGE_BOTTOM = 2 ** 24;

/** Turns decisions into bytes. */
export class RangeEncoder {
  readonly #bytes: Uint8Array;
  #position = 0;
  #low = 0;
  #range = RANGE_TOP;
  #cached = -1;
  #numPending = 0;
  #hasOverflowed = false;

  /** @param maxBytes  bytes after which the result is of no use: `finish` then gives nothing */
  constructor(maxBytes: number) {
    this.#bytes = new Uint8Array(maxBytes);
  }

  /** Encodes one decision. @param probability  that `bit` is 1, between 1 and 65535 of 65536 */
  encode(bit: number, probability: number): void {
    const bound = Math.floor((this.#range * probability) / PROBABILITY_SCALE);
    if (bit === 1) {
      this.#range = bound;
    } else {
      this.#low += bound;
      this.#range -= bound;
    }
    while (this.#range < RANGE_BOTTOM) {
      this.#range *= 256;
      this.#shiftLow();
    }
  }

  /** The bytes without zeros at the end, or nothing when they would not have fitted. */
  finish(): Uint8Array | undefined {
    this.#low = this.#roundestValue();
    // One cached byte and four of `low`.
    for (let count = 0; count < 5; count++) this.#shiftLow();
    if (this.#hasOverflowed) return undefined;
    while (this.#position > 0 && this.#bytes[this.#position - 1] === 0) this.#position--;
    return this.#bytes.subarray(0, this.#position);
  }

  /** The value of [low, low + range) with the most zero bits at the end: its zero bytes need not be written. */
  #roundestValue(): number {
    for (let step = RANGE_TOP; step > 1; step /= 2) {
      const value = Math.ceil(this.#low / step) * step;
      if (value < this.#low + this.#range) return value;
    }
    return this.#low;
  }

  /** Moves the top byte of `low` out. A byte of 0xff waits, because a carry could still run through it. */
  #shiftLow(): void {
    if (this.#low < 0xff00_0000 || this.#low >= RANGE_TOP) {
      const carry = this.#low >= RANGE_TOP ? 1 : 0;
      if (this.#cached >= 0) this.#put(this.#cached + carry);
      for (; this.#numPending > 0; this.#numPending--) this.#put(0xff + carry);
      this.#cached = Math.floor(this.#low / RANGE_BOTTOM) & 0xff;
    } else {
      this.#numPending++;
    }
    this.#low = (this.#low % RANGE_BOTTOM) * 256;
  }

  #put(byte: number): void {
    if (this.#position < this.#bytes.length) this.#bytes[this.#position++] = byte;
    else if ((byte & 0xff) !== 0) this.#hasOverflowed = true;
  }
}

/** Turns bytes back into decisions. Any bytes give some decisions; it can not fail. */
export class RangeDecoder {
  readonly #bytes: Uint8Array;
  #position = 4;
  #range = RANGE_TOP;
  /** Distance of the encoded value from the lower end; always below `range`. */
  #code: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#code =
      (bytes[0] ?? 0) * RANGE_BOTTOM + (bytes[1] ?? 0) * 0x1_0000 + (bytes[2] ?? 0) * 0x100 + (bytes[3] ?? 0);
  }

  /** Decodes one decision. @param probability  the one that it was encoded with */
  decode(probability: number): 0 | 1 {
    const bound = Math.floor((this.#range * probability) / PROBABILITY_SCALE);
    const bit = this.#code < bound ? 1 : 0;
    if (bit === 1) {
      this.#range = bound;
    } else {
      this.#code -= bound;
      this.#range -= bound;
    }
    while (this.#range < RANGE_BOTTOM) {
      this.#range *= 256;
      this.#code = this.#code * 256 + (this.#bytes[this.#position++] ?? 0);
    }
    return bit;
  }
}
