/**
 * Reading tables of a flatbuffer, each step inside the bytes.
 *
 *     table: i32 back to its vtable, fields    vtable: u16 length, u16 length of the table, u16 place of each field
 *     vector: u32 number of elements, elements  string: vector of bytes    references: u32 forward
 *
 * Source   https://flatbuffers.dev/internals
 */
import { CheckpointError } from "../../errors";

/** Lists of a model are short: tables, shapes, scales. Longer ones end the process before memory does. */
const maxListLength = 2 ** 22;

/** The bytes of a file, and how many more elements may be taken from it: a vector can be referred to by many tables. */
export class FlatBuffer {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  #elementsLeft: number;

  /** Memory   keeps `bytes` */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#elementsLeft = 2 * bytes.byteLength;
  }

  /** The table that the file begins with a reference to. */
  root(): FlatTable {
    return new FlatTable(this, this.follow(0));
  }

  int8(offset: number): number {
    return this.#guard(() => this.#view.getInt8(offset));
  }

  uint8(offset: number): number {
    return this.#guard(() => this.#view.getUint8(offset));
  }

  uint16(offset: number): number {
    return this.#guard(() => this.#view.getUint16(offset, true));
  }

  int32(offset: number): number {
    return this.#guard(() => this.#view.getInt32(offset, true));
  }

  uint32(offset: number): number {
    return this.#guard(() => this.#view.getUint32(offset, true));
  }

  float32(offset: number): number {
    return this.#guard(() => this.#view.getFloat32(offset, true));
  }

  /** As a number: beyond 2^53 the nearest. */
  int64(offset: number): number {
    return this.#guard(() => Number(this.#view.getBigInt64(offset, true)));
  }

  /** Where a reference leads. */
  follow(offset: number): number {
    return offset + this.uint32(offset);
  }

  /** Checks that elements are there before any is read. */
  vector(offset: number, bytesPerElement: number): { offset: number; length: number } {
    const length = this.uint32(offset);
    const first = offset + 4;
    if (length * bytesPerElement > this.bytes.byteLength - first) {
      throw corrupt(`a vector of ${length} elements at byte ${offset} ends beyond the file`);
    }
    this.#elementsLeft -= length * Math.min(bytesPerElement, 4);
    if (this.#elementsLeft < 0) throw corrupt("its tables share more elements than the file has");
    return { offset: first, length };
  }

  /** Text of up to 64 KiB. */
  text(offset: number): string {
    const { offset: first, length } = this.vector(offset, 1);
    return new TextDecoder().decode(this.bytes.subarray(first, first + Math.min(length, 0xffff)));
  }

  /** A DataView checks every reading, so this needs no arithmetic of its own. */
  #guard(read: () => number): number {
    try {
      return read();
    } catch (cause) {
      throw corrupt("a reference leads out of the file", cause);
    }
  }
}

/** One table: fields by their number in the schema. A field that is not there has its default. */
export class FlatTable {
  readonly #buffer: FlatBuffer;
  readonly #offset: number;
  readonly #fields: number;
  readonly #numFields: number;

  constructor(buffer: FlatBuffer, offset: number) {
    this.#buffer = buffer;
    this.#offset = offset;
    this.#fields = offset - buffer.int32(offset);
    this.#numFields = Math.max(0, (buffer.uint16(this.#fields) - 4) >> 1);
  }

  bool(field: number): boolean {
    return this.int8(field) !== 0;
  }

  int8(field: number, otherwise = 0): number {
    return this.#scalar(field, otherwise, (place) => this.#buffer.int8(place));
  }

  uint8(field: number, otherwise = 0): number {
    return this.#scalar(field, otherwise, (place) => this.#buffer.uint8(place));
  }

  int32(field: number, otherwise = 0): number {
    return this.#scalar(field, otherwise, (place) => this.#buffer.int32(place));
  }

  uint32(field: number, otherwise = 0): number {
    return this.#scalar(field, otherwise, (place) => this.#buffer.uint32(place));
  }

  int64(field: number, otherwise = 0): number {
    return this.#scalar(field, otherwise, (place) => this.#buffer.int64(place));
  }

  float32(field: number, otherwise = 0): number {
    return this.#scalar(field, otherwise, (place) => this.#buffer.float32(place));
  }

  text(field: number): string {
    const place = this.#place(field);
    return place === undefined ? "" : this.#buffer.text(this.#buffer.follow(place));
  }

  table(field: number): FlatTable | undefined {
    const place = this.#place(field);
    return place === undefined ? undefined : new FlatTable(this.#buffer, this.#buffer.follow(place));
  }

  tables(field: number): FlatTable[] {
    return this.#vector(field, 4, (place) => new FlatTable(this.#buffer, this.#buffer.follow(place)));
  }

  int32s(field: number): number[] {
    return this.#vector(field, 4, (place) => this.#buffer.int32(place));
  }

  int64s(field: number): number[] {
    return this.#vector(field, 8, (place) => this.#buffer.int64(place));
  }

  float32s(field: number): number[] {
    return this.#vector(field, 4, (place) => this.#buffer.float32(place));
  }

  /** Memory   a view of the file, `undefined` where the field is not there or empty */
  bytes(field: number): Uint8Array | undefined {
    const place = this.#place(field);
    if (place === undefined) return undefined;
    const { offset, length } = this.#buffer.vector(this.#buffer.follow(place), 1);
    return length === 0 ? undefined : this.#buffer.bytes.subarray(offset, offset + length);
  }

  #place(field: number): number | undefined {
    if (field >= this.#numFields) return undefined;
    const distance = this.#buffer.uint16(this.#fields + 4 + 2 * field);
    return distance === 0 ? undefined : this.#offset + distance;
  }

  #scalar(field: number, otherwise: number, read: (place: number) => number): number {
    const place = this.#place(field);
    return place === undefined ? otherwise : read(place);
  }

  #vector<Item>(field: number, bytesPerElement: number, read: (place: number) => Item): Item[] {
    const place = this.#place(field);
    if (place === undefined) return [];
    const { offset, length } = this.#buffer.vector(this.#buffer.follow(place), bytesPerElement);
    if (length > maxListLength) throw corrupt(`a list has ${length} elements, at most ${maxListLength} are read`);
    return Array.from({ length }, (_, index) => read(offset + index * bytesPerElement));
  }
}

/** The error of a damaged file of this kind. */
export function corrupt(problem: string, cause?: unknown): CheckpointError {
  return new CheckpointError("corrupt", `the TFLite file is damaged: ${problem}; fetch the file again`, { cause });
}
