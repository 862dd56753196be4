/**
 * Where weights are -> their bytes, read as they are asked for.
 *
 *     "encodec_24khz-d7cc33bc.th"   a file, which stays on disk
 *     "encodec_24khz"               a folder, as one clones it from a hub: the file of weights in it
 *     "https://host/model.th"       downloaded once, then the file in the cache
 *     "hf:facebook/encodec_24khz"   the same from the hub; without "hf:" too where no such path exists
 *     bytes or a Blob               in memory
 */
import { CheckpointError } from "../errors";
import { type ByteSource, fileSource, memorySource } from "./byte-source";
import type { DownloadOptions } from "./download/fetch-weights";
import { hubFileNames, isPlainHubId } from "./download/hub";

/** Weights, or where they are: a path, an http(s) URL, `hf:owner/model[@revision][/file]`, or `owner/model`. */
export type WeightsSource = string | Uint8Array | Blob;

/**
 * Opens weights wherever they are.
 *
 * Memory   a file is not read yet; bytes are kept and viewed; a Blob is read whole
 * @throws {CheckpointError} `not-found`, `offline`, `download-failed` or `checksum-mismatch`
 * @throws {TypeError} when `source` is nothing of the kind
 */
export async function openWeightsSource(source: WeightsSource, options?: DownloadOptions): Promise<ByteSource> {
  if (typeof source === "string") {
    const { path, isDownloaded } = await locateWeights(source, options);
    const opened = await fileSource(path);
    return isDownloaded ? { ...opened, cachedPath: path } : opened;
  }
  if (source instanceof Uint8Array) return memorySource(source);
  if (source instanceof Blob) return memorySource(new Uint8Array(await source.arrayBuffer()));
  throw new TypeError(`"weights" expected a path, a URL, a hub id, a Uint8Array or a Blob, got ${typeof source}`);
}

/**
 * Where one file of a system of several is, that are told by the folder they lie in.
 *
 * @param folder  a path, a URL or a hub id
 * @param fileName  with `/` where it lies in a folder below
 * @throws {TypeError} when `folder` is bytes
 * @example
 * weightsIn("hf:owner/model", "decoder.tflite"); // hf:owner/model/decoder.tflite
 */
export function weightsIn(folder: WeightsSource, fileName: string): string {
  if (typeof folder === "string") return `${folder.replace(/\/+$/, "")}/${fileName}`;
  throw new TypeError(`"weights" expected the folder that "${fileName}" is in, got bytes; give its path`);
}

interface Located {
  readonly path: string;
  readonly isDownloaded: boolean;
}

/** The path of a file on this machine, to which it was downloaded if need be. */
async function locateWeights(location: string, options: DownloadOptions | undefined): Promise<Located> {
  if (/^(https?:\/\/|hf:)/.test(location)) return { path: await download(location, options), isDownloaded: true };
  // Loaded here, so that programs which hand over bytes need no file system.
  const { stat } = await import("node:fs/promises");
  const found = await stat(location).catch(() => undefined);
  if (found === undefined && isPlainHubId(location)) {
    return { path: await downloadPlainId(location, options), isDownloaded: true };
  }
  return { path: found?.isDirectory() ? await fileInFolder(location) : location, isDownloaded: false };
}

async function download(location: string, options: DownloadOptions | undefined): Promise<string> {
  const { fetchWeights } = await import("./download/fetch-weights");
  return fetchWeights(location, options);
}

/** A mistyped path may look like an id: the error has to speak of both. */
async function downloadPlainId(id: string, options: DownloadOptions | undefined): Promise<string> {
  try {
    return await download(`hf:${id}`, options);
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    throw new CheckpointError(error.code, `there is no file "${id}", and ${error.message}`, { cause: error });
  }
}

async function fileInFolder(folder: string): Promise<string> {
  const { readdir } = await import("node:fs/promises");
  const names = await readdir(folder);
  const name = hubFileNames.find((candidate) => names.includes(candidate));
  if (name !== undefined) return weightsIn(folder, name);
  const problem = `"${folder}" is a folder without ${hubFileNames.join(" or ")}`;
  throw new CheckpointError("not-found", `${problem}; name the file of weights in it`);
}
