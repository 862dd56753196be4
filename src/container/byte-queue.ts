/** Bytes that wait until they make a whole part of a file. */

const MIN_CAPACITY = 4096;

/** First in, first out, over chunks of any size; what waits is always one run of bytes. */
export class ByteQueue {
  #buffer = new Uint8Array(0);
  #isOwn = false;
  #begin = 0;
  #end = 0;
  #view = new DataView(new ArrayBuffer(0));
  #offset: number;

  /** @param offset  place in the file of the first byte that will be pushed */
  constructor(offset: number) {
    this.#offset = offset;
  }

  /** Bytes waiting. */
  get length(): number {
    return this.#end - this.#begin;
  }

  /** Place in the file of the first byte waiting. */
  get offset(): number {
    return this.#offset;
  }

  /** Over everything waiting; index 0 is the first byte. Valid until the next `push` or `drop`. */
  get view(): DataView {
    return this.#view;
  }

  /** The first `length` bytes, or all. Valid until the next `push`. */
  peek(length = this.length): Uint8Array {
    return this.#buffer.subarray(this.#begin, this.#begin + length);
  }

  /** Where `byte` comes next at `from` or after, or the length of the queue. */
  indexOf(byte: number, from: number): number {
    const found = this.peek().indexOf(byte, from);
    return found < 0 ? this.length : found;
  }

  /**
   * Appends bytes.
   *
   * Memory   holds a view of `chunk` when nothing waits, so that a whole file is not copied; copies otherwise
   * Cost     linear in all bytes pushed, however small the chunks
   */
  push(chunk: Uint8Array): void {
    if (this.length === 0) {
      this.#buffer = chunk as Uint8Array<ArrayBuffer>;
      this.#isOwn = false;
      this.#begin = 0;
      this.#end = chunk.length;
    } else {
      if (!this.#isOwn || this.#end + chunk.length > this.#buffer.length) this.#makeRoom(chunk.length);
      this.#buffer.set(chunk, this.#end);
      this.#end += chunk.length;
    }
    this.#updateView();
  }

  /** Takes the first `count` bytes out. */
  drop(count: number): void {
    this.#begin += count;
    this.#offset += count;
    this.#updateView();
  }

  #makeRoom(count: number): void {
    const waiting = this.peek();
    const buffer = new Uint8Array(Math.max(MIN_CAPACITY, 2 * (waiting.length + count)));
    buffer.set(waiting);
    this.#buffer = buffer;
    this.#isOwn = true;
    this.#begin = 0;
    this.#end = waiting.length;
  }

  #updateView(): void {
    this.#view = new DataView(this.#buffer.buffer, this.#buffer.byteOffset + this.#begin, this.length);
  }
}
