/** Bytes that can be read from any place: memory, or a file that stays on disk until a range of it is asked for. */
import { CheckpointError } from "../errors";

/** Node refuses to read 2 GiB at a time. */
const maxReadBytes = 2 ** 30;

/** Random access to a weights file. */
export interface ByteSource {
  readonly byteLength: number;
  /** The file in the cache, where it was downloaded. */
  readonly cachedPath?: string;
  /**
   * A range of the file.
   *
   * Memory   a view where the file is in memory, a fresh copy where it is on disk; do not write to it
   * @throws {CheckpointError} `truncated` when the range is not in the file, `closed` after `close`
   */
  read(offset: number, length: number): Uint8Array;
  /** Frees the file handle; nothing can be read from a file on disk after this. */
  close(): void;
}

/**
 * Bytes in memory.
 *
 * Memory   keeps `bytes`
 */
export function memorySource(bytes: Uint8Array): ByteSource {
  return {
    byteLength: bytes.byteLength,
    read(offset, length) {
      checkRange(offset, length, bytes.byteLength);
      return bytes.subarray(offset, offset + length);
    },
    close() {},
  };
}

/**
 * A file on disk, of which nothing is read yet.
 *
 * @throws {CheckpointError} `not-found` when there is no such file or it is not for us to read
 */
export async function fileSource(path: string): Promise<ByteSource> {
  // Loaded here, so that programs which hand over bytes need no file system.
  const { closeSync, fstatSync, openSync, readSync } = await import("node:fs");
  let handle: number | undefined;
  let byteLength: number;
  try {
    handle = openSync(path, "r");
    byteLength = fstatSync(handle).size;
  } catch (cause) {
    throw new CheckpointError("not-found", `"${path}" cannot be opened; check the path`, { cause });
  }
  return {
    byteLength,
    read(offset, length) {
      checkRange(offset, length, byteLength);
      if (handle === undefined) {
        throw new CheckpointError("closed", `"${path}" was closed; read the tensors before closing the checkpoint`);
      }
      return readFully(path, length, (bytes, done) =>
        readSync(handle as number, bytes, done, Math.min(length - done, maxReadBytes), offset + done),
      );
    },
    close() {
      if (handle !== undefined) closeSync(handle);
      handle = undefined;
    },
  };
}

function readFully(path: string, length: number, readMore: (bytes: Uint8Array, done: number) => number): Uint8Array {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    let numRead: number;
    try {
      numRead = readMore(bytes, done);
    } catch (cause) {
      throw new CheckpointError("not-found", `"${path}" cannot be read; check that it is a file`, { cause });
    }
    // The length was right when the file was opened: somebody shortened it since.
    if (numRead === 0)
      throw new CheckpointError("truncated", `"${path}" became shorter while it was read; open it again`);
    done += numRead;
  }
  return bytes;
}

function checkRange(offset: number, length: number, byteLength: number): void {
  if (offset < 0 || length < 0 || !Number.isSafeInteger(offset + length) || offset + length > byteLength) {
    const problem = `bytes ${offset} to ${offset + length} were expected, the file has ${byteLength}`;
    throw new CheckpointError("truncated", `${problem}; fetch the file again`);
  }
}
