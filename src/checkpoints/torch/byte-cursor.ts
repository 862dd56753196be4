/** Reading forward through a file in small steps: a window of it is in memory, and a budget bounds how far it goes. */
import { CheckpointError } from "../../errors";
import type { ByteSource } from "../byte-source";

const windowBytes = 2 ** 16;

/** A place in a file that moves forward. */
export class ByteCursor {
  /** Where in the file the next byte is. */
  get offset(): number {
    return this.#windowOffset + this.#position;
  }

  readonly #source: ByteSource;
  readonly #end: number;
  #window: Uint8Array = new Uint8Array(0);
  #windowOffset: number;
  #position = 0;

  /** @param end  the first byte that does not belong to what is read */
  constructor(source: ByteSource, offset: number, end: number) {
    this.#source = source;
    this.#windowOffset = offset;
    this.#end = Math.min(end, source.byteLength);
  }

  /** The next byte. */
  byte(): number {
    if (this.#position >= this.#window.length) this.#fill(1);
    return this.#window[this.#position++] as number;
  }

  /**
   * The next bytes. They are there before memory for them is taken.
   *
   * Memory   a view that stays valid; do not write to it
   */
  bytes(length: number): Uint8Array {
    if (this.#position + length > this.#window.length) this.#fill(length);
    const bytes = this.#window.subarray(this.#position, this.#position + length);
    this.#position += length;
    return bytes;
  }

  /** The next bytes as a view for numbers. */
  view(length: number): DataView {
    const bytes = this.bytes(length);
    return new DataView(bytes.buffer, bytes.byteOffset, length);
  }

  /** The bytes up to a line feed, which is skipped. */
  line(maxLength: number): Uint8Array {
    const bytes: number[] = [];
    for (let next = this.byte(); next !== 0x0a; next = this.byte()) {
      bytes.push(next);
      if (bytes.length > maxLength) {
        throw new CheckpointError("corrupt", "the pickle has a name without end; fetch the file again");
      }
    }
    return Uint8Array.from(bytes);
  }

  #fill(length: number): void {
    const { offset } = this;
    if (length > this.#end - offset) {
      const problem = `the pickle ends inside a value at byte ${offset}`;
      throw new CheckpointError("truncated", `${problem}; fetch the file again`);
    }
    this.#window = this.#source.read(offset, Math.min(Math.max(length, windowBytes), this.#end - offset));
    this.#windowOffset = offset;
    this.#position = 0;
  }
}
