/**
 * The entries of a zip archive that are stored as they are, which is how PyTorch writes checkpoints.
 *
 *     { local header, name, extra, data } ... | central directory | zip64 record | zip64 locator | end record
 *
 * Nothing is inflated, so there is nothing that can grow. An archive is refused when its two lists of entries disagree,
 * when two entries share a byte, or when a name is there twice: such files mean different things to different readers.
 *
 * Source   PKWARE APPNOTE 6.3.10, sections 4.3 and 4.5.3 (zip64)
 */
import { CheckpointError } from "../../errors";
import type { ByteSource } from "../byte-source";

const localHeader = { signature: 0x04034b50, length: 30 } as const;
const directoryHeader = { signature: 0x02014b50, length: 46 } as const;
const endRecord = { signature: 0x06054b50, length: 22 } as const;
const zip64Locator = { signature: 0x07064b50, length: 20 } as const;
const zip64Record = { signature: 0x06064b50, length: 56 } as const;
const zip64ExtraId = 1;
const maxCommentBytes = 0xffff;
/** A training checkpoint of a large model has some thousand entries of about 100 bytes each. */
const maxEntries = 200_000;
const maxDirectoryBytes = 32 * 2 ** 20;

/** Where the bytes of an entry lie in the file. */
export interface StoredEntry {
  readonly offset: number;
  readonly byteLength: number;
}

interface DirectoryEntry {
  readonly name: string;
  readonly method: number;
  readonly isEncrypted: boolean;
  readonly compressedBytes: number;
  readonly byteLength: number;
  readonly headerOffset: number;
}

/** The stored entries of an archive by name. */
export class ZipArchive {
  readonly #stored: ReadonlyMap<string, StoredEntry>;
  readonly #others: ReadonlySet<string>;

  /**
   * Reads the directory and the head of every entry.
   *
   * @throws {CheckpointError} `truncated`, `corrupt` or `limit-exceeded`
   */
  constructor(source: ByteSource) {
    const directory = readDirectory(source);
    const stored = new Map<string, StoredEntry>();
    const others = new Set<string>();
    let end = 0;
    for (const entry of directory.sort((left, right) => left.headerOffset - right.headerOffset)) {
      const { name, headerOffset, method, isEncrypted, compressedBytes, byteLength } = entry;
      if (headerOffset < end) throw corrupt(`the entry "${name}" lies inside another one`);
      if (stored.has(name) || others.has(name)) throw corrupt(`the entry "${name}" is there twice`);
      const offset = dataOffset(source, entry);
      end = offset + compressedBytes;
      if (end > source.byteLength) throw corrupt(`the entry "${name}" ends beyond the file`);
      const isStored = method === 0 && !isEncrypted;
      if (isStored && compressedBytes !== byteLength) throw corrupt(`the entry "${name}" has two lengths`);
      if (isStored) stored.set(name, { offset, byteLength });
      else others.add(name);
    }
    this.#stored = stored;
    this.#others = others;
  }

  /** Names of all entries, those that cannot be read included. */
  names(): string[] {
    return [...this.#stored.keys(), ...this.#others];
  }

  /**
   * An entry, if there is one of that name.
   *
   * @throws {CheckpointError} `unsupported-format` when the entry is compressed or encrypted
   */
  get(name: string): StoredEntry | undefined {
    if (this.#others.has(name)) {
      const problem = `"${name}" is compressed or encrypted, which PyTorch does not write`;
      throw new CheckpointError("unsupported-format", `${problem}; pack the archive anew without compression`);
    }
    return this.#stored.get(name);
  }
}

function readDirectory(source: ByteSource): DirectoryEntry[] {
  const { numEntries, offset, byteLength } = readEnd(source);
  if (numEntries > maxEntries || byteLength > maxDirectoryBytes) {
    const claim = `the archive claims ${numEntries} entries in a directory of ${byteLength} bytes`;
    throw new CheckpointError("limit-exceeded", `${claim}, at most ${maxEntries} are read; check where it came from`);
  }
  const bytes = source.read(offset, byteLength);
  const entries: DirectoryEntry[] = [];
  let position = 0;
  for (let index = 0; index < numEntries; index++) {
    const next = readDirectoryEntry(bytes, position);
    entries.push(next.entry);
    position = next.end;
  }
  return entries;
}

function readEnd(source: ByteSource): { numEntries: number; offset: number; byteLength: number } {
  const tailOffset = Math.max(0, source.byteLength - endRecord.length - maxCommentBytes);
  const tail = viewOf(source.read(tailOffset, source.byteLength - tailOffset));
  let end = tail.byteLength - endRecord.length;
  // The comment's length must lead exactly to the end of the file: a comment may hold a record's signature too.
  while (end >= 0 && !isEndRecord(tail, end)) end--;
  if (end < 0) throw new CheckpointError("truncated", "the archive has no end; fetch the file again");
  const locator = end - zip64Locator.length;
  if (locator >= 0 && tail.getUint32(locator, true) === zip64Locator.signature) {
    return readZip64End(source, safeNumber(tail.getBigUint64(locator + 8, true)));
  }
  return {
    numEntries: tail.getUint16(end + 10, true),
    byteLength: tail.getUint32(end + 12, true),
    offset: tail.getUint32(end + 16, true),
  };
}

function isEndRecord(tail: DataView, position: number): boolean {
  if (tail.getUint32(position, true) !== endRecord.signature) return false;
  return position + endRecord.length + tail.getUint16(position + 20, true) === tail.byteLength;
}

function readZip64End(source: ByteSource, recordOffset: number): ReturnType<typeof readEnd> {
  const record = viewOf(source.read(recordOffset, zip64Record.length));
  if (record.getUint32(0, true) !== zip64Record.signature) throw corrupt("the zip64 record is not where it should be");
  return {
    numEntries: safeNumber(record.getBigUint64(32, true)),
    byteLength: safeNumber(record.getBigUint64(40, true)),
    offset: safeNumber(record.getBigUint64(48, true)),
  };
}

function readDirectoryEntry(bytes: Uint8Array, position: number): { entry: DirectoryEntry; end: number } {
  const view = viewOf(bytes);
  const nameOffset = position + directoryHeader.length;
  if (nameOffset > bytes.length || view.getUint32(position, true) !== directoryHeader.signature) {
    throw corrupt("the directory has fewer entries than it claims");
  }
  const extraOffset = nameOffset + view.getUint16(position + 28, true);
  const commentOffset = extraOffset + view.getUint16(position + 30, true);
  const end = commentOffset + view.getUint16(position + 32, true);
  if (end > bytes.length) throw corrupt("the directory ends inside an entry");
  const wide = wideSizes(viewOf(bytes.subarray(extraOffset, commentOffset)));
  // The order is fixed: the zip64 field holds only those of the three that did not fit.
  const size = (field: number): number => {
    const narrow = view.getUint32(position + field, true);
    return narrow === 0xffffffff ? (wide.shift() ?? narrow) : narrow;
  };
  const byteLength = size(24);
  const compressedBytes = size(20);
  const headerOffset = size(42);
  const name = new TextDecoder().decode(bytes.subarray(nameOffset, extraOffset));
  const isEncrypted = (view.getUint16(position + 8, true) & 1) === 1;
  const method = view.getUint16(position + 10, true);
  return { entry: { name, method, isEncrypted, compressedBytes, byteLength, headerOffset }, end };
}

/** The 64-bit numbers of the zip64 field, if the extra fields have one. */
function wideSizes(extra: DataView): number[] {
  let position = 0;
  while (position + 4 <= extra.byteLength) {
    const length = extra.getUint16(position + 2, true);
    const begin = position + 4;
    if (begin + length > extra.byteLength) throw corrupt("an extra field ends beyond its entry");
    if (extra.getUint16(position, true) === zip64ExtraId) {
      const numSizes = Math.min(3, Math.floor(length / 8));
      return Array.from({ length: numSizes }, (_, index) => safeNumber(extra.getBigUint64(begin + 8 * index, true)));
    }
    position = begin + length;
  }
  return [];
}

/** Where the data begins, which only the entry's own header knows: PyTorch pads it there. */
function dataOffset(source: ByteSource, { name, headerOffset }: DirectoryEntry): number {
  const header = viewOf(source.read(headerOffset, localHeader.length));
  if (header.getUint32(0, true) !== localHeader.signature) throw corrupt(`the entry "${name}" has no header`);
  const nameLength = header.getUint16(26, true);
  const localName = new TextDecoder().decode(source.read(headerOffset + localHeader.length, nameLength));
  if (localName !== name) throw corrupt(`the entry "${name}" calls itself "${localName}"`);
  return headerOffset + localHeader.length + nameLength + header.getUint16(28, true);
}

function safeNumber(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw corrupt(`an offset of ${value} bytes`);
  return Number(value);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function corrupt(problem: string): CheckpointError {
  return new CheckpointError("corrupt", `the archive is damaged: ${problem}; fetch the file again`);
}
