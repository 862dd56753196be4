/** Systems of several files: the folder that they lie in, and the texts beside the weights. */
import { CheckpointError } from "../errors";
import type { DownloadOptions } from "./download/fetch-weights";
import { isPlainHubId } from "./download/hub";
import { openWeightsSource, weightsIn } from "./weights-source";

/** Configs and vocabularies are some kilobytes; what is longer is something else. */
const maxTextBytes = 2 ** 24;

/**
 * The folder that a model's files lie in: the one that is given, or that of the file that is given.
 *
 * @param weights  a path, an http(s) URL, a hub id with or without `hf:`
 * @throws {CheckpointError} `not-found` when there is no such path
 * @example
 * await weightsFolder("facebook/mms-tts-eng"); // hf:facebook/mms-tts-eng
 */
export async function weightsFolder(weights: string): Promise<string> {
  // Without one of these endings the last part of a URL is a folder's.
  if (/^https?:/.test(weights)) {
    return weights.replace(/\/[^/?]*\.(bin|ckpt|pt|pth|safetensors|tflite|th)(\?.*)?$/i, "");
  }
  const [, id, file] = /^(hf:[^/]+\/[^/]+)(\/.+)?$/.exec(weights) ?? [];
  if (id !== undefined) return id + (file ?? "").replace(/\/[^/]*$/, "");
  const { stat } = await import("node:fs/promises");
  const { dirname, resolve } = await import("node:path");
  const found = await stat(weights).catch(() => undefined);
  if (found === undefined && isPlainHubId(weights)) return `hf:${weights}`;
  if (found === undefined) throw new CheckpointError("not-found", `"${weights}" cannot be opened; check the path`);
  // In full: "voice/vocab.json" that is not there would be asked for on the hub, where "owner/model" has that form.
  return resolve(found.isDirectory() ? weights : dirname(weights));
}

/**
 * Reads a text of a model's folder.
 *
 * @throws {CheckpointError} when it cannot be had, or is longer than any such text
 */
export async function readTextIn(folder: string, fileName: string, download: DownloadOptions = {}): Promise<string> {
  // The hash that a caller gives is that of the weights.
  const { sha256, ...others } = download;
  const source = await openWeightsSource(weightsIn(folder, fileName), others);
  try {
    if (source.byteLength > maxTextBytes) {
      const problem = `${fileName} in ${folder} has ${source.byteLength} bytes, at most ${maxTextBytes} are read`;
      throw new CheckpointError("limit-exceeded", `${problem}; check that it is the model's`);
    }
    return new TextDecoder().decode(source.read(0, source.byteLength));
  } finally {
    source.close();
  }
}

/**
 * The same for a text that a model may do without.
 *
 * @returns `undefined` where there is none, or it cannot be asked for
 */
export async function readOptionalTextIn(
  folder: string,
  fileName: string,
  download?: DownloadOptions,
): Promise<string | undefined> {
  try {
    return await readTextIn(folder, fileName, download);
  } catch (error) {
    if (error instanceof CheckpointError && (error.code === "not-found" || error.code === "offline")) return undefined;
    throw error;
  }
}
