/**
 * Looks over MessagePack bytes before they are decoded.
 *
 * A general decoder follows everything that the format and its extensions offer: records, references, regular
 * expressions, sizes of containers. A header needs none of it. What passes here is a tree of plain values in which
 * every length lies within the bytes, so decoding it is linear and has no side effects.
 * Source   MessagePack specification, formats by first byte
 */
import { ContainerError } from "../errors";

const MAX_DEPTH = 4;

/** Bytes after the first one, for kinds of a fixed size. */
const fixedSizes: ReadonlyMap<number, number> = new Map([
  [0xc0, 0], // nil
  [0xc2, 0], // false
  [0xc3, 0], // true
  [0xca, 4], // float 32
  [0xcb, 8], // float 64
  [0xcc, 1], // uint 8 to 64
  [0xcd, 2],
  [0xce, 4],
  [0xcf, 8],
  [0xd0, 1], // int 8 to 64
  [0xd1, 2],
  [0xd2, 4],
  [0xd3, 8],
]);

class MsgpackWalk {
  readonly #bytes: Uint8Array;
  readonly #byteOffset: number;
  readonly #utf8 = new TextDecoder("utf-8", { fatal: true });
  #position = 0;

  constructor(bytes: Uint8Array, byteOffset: number) {
    this.#bytes = bytes;
    this.#byteOffset = byteOffset;
  }

  /** Walks one value and demands that it ends with the bytes. */
  whole(): void {
    this.#value(0);
    if (this.#position !== this.#bytes.length) this.#fail("nothing after the value", "more bytes");
  }

  #value(depth: number): void {
    const kind = this.#take(1);
    if (kind < 0x80 || kind >= 0xe0) return;
    const textLength = this.#textLength(kind);
    const size = fixedSizes.get(kind);
    if (textLength !== undefined) this.#text(textLength);
    else if (size !== undefined) this.#skip(size);
    else if (kind < 0xa0) this.#children(kind & 0x0f, depth, kind < 0x90);
    else if (kind === 0xdc || kind === 0xde) this.#children(this.#take(2), depth, kind === 0xde);
    // Extensions, binary, and lengths of 32 bits, which no header of 64 KiB needs.
    else this.#fail("a plain value", `kind 0x${kind.toString(16)}`);
  }

  /** Every child takes a byte at least, so a count beyond the bytes ends at the first missing one. */
  #children(count: number, depth: number, isMap: boolean): void {
    if (depth === MAX_DEPTH) this.#fail(`at most ${MAX_DEPTH} levels`, "one more");
    for (let index = 0; index < count; index++) {
      if (isMap) this.#key();
      this.#value(depth + 1);
    }
  }

  #key(): void {
    const kind = this.#take(1);
    const textLength = this.#textLength(kind);
    if (textLength === undefined) this.#fail("a string as key", `kind 0x${kind.toString(16)}`);
    this.#text(textLength);
  }

  /** The length of the string that `kind` begins, if it is one. */
  #textLength(kind: number): number | undefined {
    if (kind >= 0xa0 && kind < 0xc0) return kind & 0x1f;
    if (kind === 0xd9) return this.#take(1);
    if (kind === 0xda) return this.#take(2);
    return undefined;
  }

  #text(length: number): void {
    const start = this.#position;
    this.#skip(length);
    try {
      this.#utf8.decode(this.#bytes.subarray(start, this.#position));
    } catch {
      this.#fail("a string in UTF-8", "other bytes");
    }
  }

  #skip(count: number): void {
    if (this.#bytes.length - this.#position < count) this.#fail(`${count} more bytes`, "the end of the header");
    this.#position += count;
  }

  /** A big-endian number of `width` bytes. */
  #take(width: 1 | 2): number {
    const start = this.#position;
    this.#skip(width);
    const high = this.#bytes[start] ?? 0;
    return width === 1 ? high : high * 256 + (this.#bytes[start + 1] ?? 0);
  }

  #fail(expected: string, got: string): never {
    const at = this.#byteOffset + this.#position;
    throw new ContainerError(
      "bad-header",
      `header expected ${expected}, got ${got} at byte ${at}; the file is no container or was made by a broken writer`,
      { byteOffset: at },
    );
  }
}

/**
 * Checks that `bytes` are one plain MessagePack value: nil, booleans, numbers, strings, arrays, and maps with string
 * keys, nested at most four deep.
 *
 * Cost     one pass, no allocation beyond one decoded string at a time
 * @param byteOffset  where `bytes` begin in the file, for messages
 * @throws {ContainerError} code `bad-header`
 */
export function checkMsgpack(bytes: Uint8Array, byteOffset: number): void {
  new MsgpackWalk(bytes, byteOffset).whole();
}
