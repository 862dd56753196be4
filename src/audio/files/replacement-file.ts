/**
 * A file that appears under its name only when it is whole: it is written beside its place and then moved there, so a
 * job that fails or is stopped leaves nothing behind and harms no older file. Node only.
 */
import type { FileHandle } from "node:fs/promises";

/** Where the bytes go while they come, and where they end up. */
interface Place {
  readonly path: string;
  /** Undefined for devices and pipes: those are written to directly, for a move would replace the device. */
  readonly temporaryPath: string | undefined;
  readonly isOverwriting: boolean;
}

/** One file on its way to its place: `create`, `write`, `commit`; without a commit it is removed by `await using`. */
export class ReplacementFile implements AsyncDisposable {
  readonly #place: Place;
  readonly #handle: FileHandle;
  #isCommitted = false;

  private constructor(place: Place, handle: FileHandle) {
    this.#place = place;
    this.#handle = handle;
  }

  /**
   * Begins a file that is to stand at `path`.
   *
   * @param options.isOverwriting  whether a file that stands there may be replaced (default true)
   * @throws {Error} of node:fs: `EEXIST` when a file stands there and must not be replaced, here or in `commit`, or
   *   whatever keeps the folder from being written
   */
  static async create(path: string, { isOverwriting = true } = {}): Promise<ReplacementFile> {
    const { open, realpath } = await import("node:fs/promises");
    const existing = await statIfExists(path);
    if (existing !== undefined && !existing.isFile()) {
      return new ReplacementFile({ path, temporaryPath: undefined, isOverwriting }, await open(path, "w"));
    }
    if (existing !== undefined && !isOverwriting) throw existsError(path);
    // A link stays a link: what it points to is replaced.
    const realPath = existing === undefined ? path : await realpath(path);
    const temporaryPath = `${realPath}.${process.pid}-${Math.random().toString(36).slice(2, 8)}.tmp`;
    return new ReplacementFile({ path: realPath, temporaryPath, isOverwriting }, await open(temporaryPath, "wx"));
  }

  /** Appends bytes. */
  async write(bytes: Uint8Array): Promise<void> {
    await this.#handle.appendFile(bytes);
  }

  /**
   * Writes bytes over those at the beginning, such as a header whose lengths are known only at the end. Devices and pipes
   * keep what they were given first.
   */
  async writeAtStart(bytes: Uint8Array): Promise<void> {
    if (this.#place.temporaryPath !== undefined) await this.#handle.write(bytes, 0, bytes.length, 0);
  }

  /** Closes the file and puts it in its place. */
  async commit(): Promise<void> {
    const { path, temporaryPath, isOverwriting } = this.#place;
    await this.#handle.close();
    if (temporaryPath !== undefined) {
      if (!isOverwriting && (await statIfExists(path)) !== undefined) throw existsError(path);
      const { rename } = await import("node:fs/promises");
      await rename(temporaryPath, path);
    }
    this.#isCommitted = true;
  }

  /** Removes what was written, unless it was committed. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isCommitted) return;
    await this.#handle.close();
    if (this.#place.temporaryPath === undefined) return;
    const { rm } = await import("node:fs/promises");
    await rm(this.#place.temporaryPath, { force: true });
  }
}

async function statIfExists(path: string): Promise<{ isFile(): boolean } | undefined> {
  const { stat } = await import("node:fs/promises");
  return stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
}

function existsError(path: string): Error {
  return Object.assign(new Error(`EEXIST: file already exists, ${path}`), { code: "EEXIST", path });
}
