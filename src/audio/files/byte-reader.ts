/** Bytes in order from any source, asked for by number, as file headers need them. Holds what was looked at, no more. */
import { concatBytes } from "../../kernels/concat";

/** Where bytes come from: one array, arrays as they come (Node streams are such), or a Web Stream. */
export type ByteSource = Uint8Array | AsyncIterable<Uint8Array> | Iterable<Uint8Array> | ReadableStream<Uint8Array>;

const EMPTY = new Uint8Array(0);

/** Reads one source from its beginning. Nothing is copied unless what was asked for lies across arrays. */
export class ByteReader {
  readonly #iterator: AsyncIterator<Uint8Array> | Iterator<Uint8Array>;
  #parts: Uint8Array[] = [];
  #numHeld = 0;
  #offset = 0;
  #isEnded = false;

  constructor(source: ByteSource) {
    this.#iterator = iterate(source);
  }

  /** Bytes consumed so far. */
  get offset(): number {
    return this.#offset;
  }

  /** The next `numBytes` bytes without consuming them; fewer only at the end of the source. */
  async peek(numBytes: number): Promise<Uint8Array> {
    while (this.#numHeld < numBytes && (await this.#fetch()));
    if (this.#parts.length > 1) this.#parts = [concatBytes(this.#parts)];
    return (this.#parts[0] ?? EMPTY).subarray(0, numBytes);
  }

  /** The next `numBytes` bytes; fewer only at the end of the source. */
  async read(numBytes: number): Promise<Uint8Array> {
    const bytes = await this.peek(numBytes);
    this.#consume(bytes.length);
    return bytes;
  }

  /** Whatever comes next, at most `maxBytes`; nothing only at the end of the source. */
  async readSome(maxBytes: number): Promise<Uint8Array> {
    while (this.#numHeld === 0 && (await this.#fetch()));
    const bytes = (this.#parts[0] ?? EMPTY).subarray(0, maxBytes);
    this.#consume(bytes.length);
    return bytes;
  }

  /** Passes over bytes without holding them; tells how many there were, fewer than asked only at the end. */
  async skip(numBytes: number): Promise<number> {
    let skipped = 0;
    while (skipped < numBytes) {
      const bytes = await this.readSome(numBytes - skipped);
      if (bytes.length === 0) break;
      skipped += bytes.length;
    }
    return skipped;
  }

  /** Tells the source that no more is wanted. */
  async close(): Promise<void> {
    this.#isEnded = true;
    await this.#iterator.return?.();
  }

  async #fetch(): Promise<boolean> {
    if (this.#isEnded) return false;
    const { done, value } = await this.#iterator.next();
    if (done === true) {
      this.#isEnded = true;
      return false;
    }
    if (value.length > 0) this.#parts.push(value);
    this.#numHeld += value.length;
    return true;
  }

  #consume(numBytes: number): void {
    const first = this.#parts[0] ?? EMPTY;
    if (numBytes < first.length) this.#parts[0] = first.subarray(numBytes);
    else this.#parts.shift();
    this.#numHeld -= numBytes;
    this.#offset += numBytes;
  }
}

function iterate(source: ByteSource): AsyncIterator<Uint8Array> | Iterator<Uint8Array> {
  if (source instanceof Uint8Array) return [source].values();
  if (Symbol.asyncIterator in source) return source[Symbol.asyncIterator]();
  if (Symbol.iterator in source) return source[Symbol.iterator]();
  // A Web Stream where those cannot be iterated: Safari, older Chromium.
  return readStream(source);
}

async function* readStream(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, undefined> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel();
  }
}
