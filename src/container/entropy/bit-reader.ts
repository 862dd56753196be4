/** Reads back what `bit-writer.ts` packed. */

/** A run of bits; the caller knows how many there are and never reads past them. */
export class BitReader {
  readonly #bytes: Uint8Array;
  #position = 0;
  #pending = 0;
  #pendingBits = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The next `width` bits as an unsigned number; `width` is 1 to 16. Bits past the end are zeros. */
  read(width: number): number {
    while (this.#pendingBits < width) {
      this.#pending = (this.#pending << 8) | (this.#bytes[this.#position++] ?? 0);
      this.#pendingBits += 8;
    }
    this.#pendingBits -= width;
    const value = this.#pending >>> this.#pendingBits;
    this.#pending &= (1 << this.#pendingBits) - 1;
    return value;
  }

  /** Whether only zeros are left, of less than a byte. */
  isAtPadding(): boolean {
    return this.#position === this.#bytes.length && this.#pending === 0;
  }
}
