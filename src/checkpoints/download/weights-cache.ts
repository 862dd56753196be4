/**
 * Downloaded files on disk, by the hash of what is in them.
 *
 *     files/SHA256          a whole file, never changed
 *     urls/KEY.json         what a URL gave: SHA-256 and length
 *     partial/KEY           a download that is not finished, and KEY.json: which version of the file it is of
 *
 * KEY is the hash of the URL. Files come into being under other names and are renamed, so a reader never sees half a
 * file, whoever else works in the same folder.
 */
import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

/** A place for a download, and how to give it back. */
export interface PartialFile {
  readonly path: string;
  /** The version of the file that the bytes are of: an entity tag. */
  readVersion(): Promise<string | undefined>;
  writeVersion(version: string | undefined): Promise<void>;
  discard(): Promise<void>;
  release(): Promise<void>;
}

/** A cache folder. It is made when something is put into it. */
export class WeightsCache {
  readonly folder: string;

  /** @param folder  by default `QUANTONE_CACHE`, or `quantone` in the user's cache folder */
  constructor(folder = defaultFolder()) {
    this.folder = folder;
  }

  /** The file that has this hash, or the one that this URL gave. */
  async find(url: string, sha256: string | undefined): Promise<string | undefined> {
    const known = await readJson<{ sha256: string; byteLength: number }>(this.#urlPath(url));
    const hash = sha256 ?? known?.sha256;
    if (hash === undefined) return undefined;
    const path = this.#filePath(hash);
    const found = await stat(path).catch(() => undefined);
    // Another length than was noted means that somebody changed the file.
    const isWhole = found?.isFile() && (known?.sha256 !== hash || known.byteLength === found.size);
    return isWhole ? path : undefined;
  }

  /** A place to download to: with what an earlier attempt left, unless somebody else is at it now. */
  async partial(url: string): Promise<PartialFile> {
    const folder = join(this.folder, "partial");
    await mkdir(folder, { recursive: true });
    const shared = join(folder, keyOf(url));
    const lock = `${shared}.lock`;
    const isOurs = await takeLock(lock);
    const path = isOurs ? shared : `${shared}.${randomUUID()}`;
    const versionPath = `${path}.json`;
    const discard = async (): Promise<void> => {
      await rm(path, { force: true });
      await rm(versionPath, { force: true });
    };
    return {
      path,
      readVersion: async () => (await readJson<{ version?: string }>(versionPath))?.version,
      writeVersion: (version) => writeFile(versionPath, JSON.stringify({ version })),
      discard,
      async release() {
        if (isOurs) await rm(lock, { force: true });
        else await discard();
      },
    };
  }

  /** Moves a finished download to its place. */
  async store(url: string, partial: PartialFile, sha256: string): Promise<string> {
    const path = this.#filePath(sha256);
    const { size } = await stat(partial.path);
    await mkdir(join(this.folder, "files"), { recursive: true });
    await mkdir(join(this.folder, "urls"), { recursive: true });
    await rename(partial.path, path);
    await partial.discard();
    const draft = `${this.#urlPath(url)}.${randomUUID()}`;
    await writeFile(draft, JSON.stringify({ url: withoutSecrets(url), sha256, byteLength: size }));
    await rename(draft, this.#urlPath(url));
    return path;
  }

  #filePath(sha256: string): string {
    return join(this.folder, "files", sha256);
  }

  #urlPath(url: string): string {
    return join(this.folder, "urls", `${keyOf(url)}.json`);
  }
}

/** SHA-256 of a file, in hexadecimal. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

/** Holds a lock for this process, and takes over one whose process is gone. */
async function takeLock(path: string): Promise<boolean> {
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const file = await open(path, "wx");
      await file.writeFile(String(process.pid));
      await file.close();
      return true;
    } catch {
      const owner = Number(await readFile(path, "utf8").catch(() => ""));
      if (owner > 0 && isRunning(owner)) return false;
      await rm(path, { force: true });
    }
  }
  return false;
}

function isRunning(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

async function readJson<Value>(path: string): Promise<Value | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Value;
  } catch {
    // Absent or cut off: both mean that nothing is known.
    return undefined;
  }
}

/** Signed URLs carry a right to download in their query. */
function withoutSecrets(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

function keyOf(url: string): string {
  return createHash("sha256").update(url).digest("hex");
}

function defaultFolder(): string {
  const { QUANTONE_CACHE, XDG_CACHE_HOME } = process.env;
  return QUANTONE_CACHE ?? join(XDG_CACHE_HOME ?? join(homedir(), ".cache"), "quantone");
}
