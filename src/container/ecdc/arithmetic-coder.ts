/**
 * The arithmetic coder of `.ecdc` files with a language model: codes with known ranges to bits and back.
 *
 * A code's range is a part [begin, end) of 2^24. The coder narrows an interval [low, high] of whole numbers to that part;
 * bits in which both ends agree are written and dropped, and while fewer than 2^24 numbers are left, both ends get a bit
 * more. An interval across a power of two cannot drop bits and grows, so its ends are held in BigInt.
 *
 * Both sides scale ranges in float64, `range * (width / 2^24)`, as upstream does. IEEE 754 fixes every bit of that: two
 * machines cannot disagree.
 *
 *     bit stream     b0 b1 b2 ...                 most significant bit of `low` first
 *     byte 0         b7 b6 b5 b4 b3 b2 b1 b0      the least significant bit of a byte is filled first
 *
 * Source   encodec 0.1.1, quantization/ac.py
 */
import { ContainerError } from "../../errors";

/** What ranges are parts of: 24 bits. */
export const RANGE_SCALE = 2 ** 24;

const MIN_WIDTH = 1n << 24n;
/** Bits of the interval's ends; upstream's writer stops beyond. */
const MAX_BITS = 62;

/** Turns codes into bits. */
export class ArithmeticEncoder {
  #low = 0n;
  #high = 0n;
  /** Bits that `low` and `high` have. */
  #numBits = 0;
  readonly #bytes: number[] = [];
  #byte = 0;
  #bitsInByte = 0;

  /** Encodes a code by its range, `0 <= begin < end <= RANGE_SCALE` and at least 2 wide. */
  encode(begin: number, end: number): void {
    while (this.#high - this.#low + 1n < MIN_WIDTH) {
      this.#low <<= 1n;
      this.#high = (this.#high << 1n) | 1n;
      this.#numBits++;
    }
    const scale = Number(this.#high - this.#low + 1n) / RANGE_SCALE;
    this.#high = this.#low + BigInt(Math.floor((end - 1) * scale));
    this.#low += BigInt(Math.ceil(begin * scale));
    this.#dropCommonBits();
  }

  /** The bits, in whole bytes. They are those of the lowest number in the interval. */
  finish(): Uint8Array {
    for (let bit = this.#numBits - 1; bit >= 0; bit--) this.#put(Number((this.#low >> BigInt(bit)) & 1n));
    if (this.#bitsInByte > 0) this.#bytes.push(this.#byte);
    return Uint8Array.from(this.#bytes);
  }

  #dropCommonBits(): void {
    for (; this.#numBits > 0; this.#numBits--) {
      const top = BigInt(this.#numBits - 1);
      const bit = this.#low >> top;
      if (bit !== this.#high >> top) return;
      this.#low -= bit << top;
      this.#high -= bit << top;
      this.#put(Number(bit));
    }
  }

  #put(bit: number): void {
    this.#byte |= bit << this.#bitsInByte;
    if (++this.#bitsInByte < 8) return;
    this.#bytes.push(this.#byte);
    this.#byte = 0;
    this.#bitsInByte = 0;
  }
}

/** Turns bits back into codes. Reads as many bits as were written, so that another run of them may follow. */
export class ArithmeticDecoder {
  readonly #bytes: Uint8Array;
  #bitPosition: number;
  #low = 0n;
  #high = 0n;
  /** What was read of the bits that `low` and `high` have. */
  #current = 0n;
  #numBits = 0;

  /** @param offset  byte of `bytes` to begin at */
  constructor(bytes: Uint8Array, offset: number) {
    this.#bytes = bytes;
    this.#bitPosition = 8 * offset;
  }

  /**
   * Decodes the next code.
   *
   * @param ends  ends of the codes' ranges, one behind the other and the first from 0: `ends[first]` is that of code 0
   * @throws {ContainerError} `truncated` when the bits end, `bad-packet` when they lie in no code's range
   */
  decode(ends: Uint32Array, first: number, numCodes: number): number {
    this.#fill();
    const scale = Number(this.#high - this.#low + 1n) / RANGE_SCALE;
    const wanted = this.#current - this.#low;
    let [lowest, highest] = [0, numCodes - 1];
    while (lowest <= highest) {
      const code = (lowest + highest) >> 1;
      const begin = Math.ceil((code === 0 ? 0 : (ends[first + code - 1] as number)) * scale);
      const last = Math.floor(((ends[first + code] as number) - 1) * scale);
      if (wanted < begin) highest = code - 1;
      else if (wanted > last) lowest = code + 1;
      else {
        this.#narrow(begin, last);
        return code;
      }
    }
    throw this.#error("bad-packet", "the bits stand for no code");
  }

  /**
   * Ends a run of bits; returns the byte behind it.
   *
   * The writer ends with the lowest number of its interval, so whoever came another way, through damaged bits or other
   * ranges, is told here: all but one of the numbers in an interval of up to 2^24 are refused.
   *
   * @throws {ContainerError} `bad-packet` when the last bits are not those that a writer leaves
   */
  finish(): number {
    const end = Math.ceil(this.#bitPosition / 8);
    const padding = this.#bitPosition % 8 === 0 ? 0 : (this.#bytes[end - 1] as number) >> (this.#bitPosition % 8);
    if (this.#current !== this.#low || padding !== 0) {
      throw this.#error("bad-packet", "the bits do not end where the last code does");
    }
    return end;
  }

  #fill(): void {
    while (this.#high - this.#low + 1n < MIN_WIDTH) {
      const byte = this.#bytes[this.#bitPosition >> 3];
      if (byte === undefined) throw this.#error("truncated", "the bits end before the last code");
      if (this.#numBits === MAX_BITS) throw this.#error("bad-packet", "the bits are those of no writer");
      const bit = (byte >> (this.#bitPosition++ & 7)) & 1;
      this.#low <<= 1n;
      this.#high = (this.#high << 1n) | 1n;
      this.#current = (this.#current << 1n) | BigInt(bit);
      this.#numBits++;
    }
  }

  #narrow(begin: number, last: number): void {
    this.#high = this.#low + BigInt(last);
    this.#low += BigInt(begin);
    for (; this.#numBits > 0; this.#numBits--) {
      const top = BigInt(this.#numBits - 1);
      const bit = this.#low >> top;
      if (bit !== this.#high >> top) return;
      this.#low -= bit << top;
      this.#high -= bit << top;
      this.#current -= bit << top;
    }
  }

  #error(code: "truncated" | "bad-packet", what: string): ContainerError {
    const message = `${what}; the file is damaged, or was written with another language model or on a machine whose floats differ: fetch it again, or decode it where it was written`;
    return new ContainerError(code, message, { byteOffset: Math.ceil(this.#bitPosition / 8) });
  }
}
