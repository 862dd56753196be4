/** Packs unsigned numbers of any width up to 16 bits into bytes, the most significant bit first. */

/** A growing run of bits in a buffer of fixed size. */
export class BitWriter {
  readonly #bytes: Uint8Array;
  #position = 0;
  #pending = 0;
  #pendingBits = 0;

  /** @param numBytes  room for all bits that will be written */
  constructor(numBytes: number) {
    this.#bytes = new Uint8Array(numBytes);
  }

  /** Appends the low `width` bits of `value`; `width` is 1 to 16. */
  write(value: number, width: number): void {
    // At most 7 bits wait from before: 23 bits in all, well inside an int32.
    this.#pending = (this.#pending << width) | value;
    this.#pendingBits += width;
    while (this.#pendingBits >= 8) {
      this.#pendingBits -= 8;
      this.#bytes[this.#position++] = this.#pending >>> this.#pendingBits;
    }
    this.#pending &= (1 << this.#pendingBits) - 1;
  }

  /** Fills the last byte with zeros and gives the bytes away. */
  finish(): Uint8Array {
    if (this.#pendingBits > 0) this.write(0, 8 - this.#pendingBits);
    return this.#bytes.subarray(0, this.#position);
  }
}
