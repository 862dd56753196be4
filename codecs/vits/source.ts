/** The files of a published model: weights, and beside them config, vocabulary and the rules of its text. */
import { isPlainHubId } from "../../src/checkpoints/download/hub";
import { openWeightsSource, type WeightsSource, weightsIn } from "../../src/checkpoints/weights-source";
import { CheckpointError, ModelError } from "../../src/errors";
import type { SpeechLoadOptions } from "../../src/speech-model-definition";
import { requireWeights } from "../require-weights";

/** Parsed files. */
export interface VitsFiles {
  readonly weights: WeightsSource;
  readonly config: unknown;
  /** `undefined` where none lies beside the weights. */
  readonly vocabulary: unknown;
  readonly tokenizer: unknown;
}

/**
 * Reads what lies in the folder of the weights, unless the options bring it.
 *
 * @throws {ModelError} `missing-weights` without weights, `bad-config` for a file that is no JSON
 * @throws {CheckpointError} when a file that must be there cannot be had
 */
export async function readVitsFiles(options: SpeechLoadOptions): Promise<VitsFiles> {
  const { config, vocabulary, tokenizer } = options;
  const weights = requireWeights("vits", options.weights, "a published model, its folder or hub id,");
  const folder = typeof weights === "string" ? await folderOf(weights) : undefined;
  if (config === undefined && folder === undefined) {
    throw new TypeError('"config" expected the parsed config.json beside weights that are bytes, got nothing');
  }
  const read = (name: string): Promise<unknown> => (folder === undefined ? nothing() : readJson(folder, name, options));
  const optional = (name: string): Promise<unknown> => read(name).catch(unlessMissing);
  return {
    weights,
    config: config ?? (await read("config.json")),
    vocabulary: vocabulary ?? (await optional("vocab.json")) ?? (await readLines(folder, options).catch(unlessMissing)),
    tokenizer: tokenizer ?? (await optional("tokenizer_config.json")),
  };
}

/**
 * The folder that a model's files lie in: what is given, or the one that the file of weights is in.
 *
 * @throws {CheckpointError} `not-found` when there is no such path
 */
async function folderOf(weights: string): Promise<string> {
  if (/^https?:/.test(weights)) return weights.replace(/\/[^/]*$/, "");
  const [, id, file] = /^(hf:[^/]+\/[^/]+)(\/.+)?$/.exec(weights) ?? [];
  if (id !== undefined) return id + (file ?? "").replace(/\/[^/]*$/, "");
  const { stat } = await import("node:fs/promises");
  const { dirname } = await import("node:path");
  const found = await stat(weights).catch(() => undefined);
  if (found === undefined && isPlainHubId(weights)) return `hf:${weights}`;
  if (found === undefined) throw new CheckpointError("not-found", `"${weights}" cannot be opened; check the path`);
  return found.isDirectory() ? weights : dirname(weights);
}

async function readText(folder: string, name: string, { download }: SpeechLoadOptions): Promise<string> {
  const source = await openWeightsSource(weightsIn(folder, name), download);
  try {
    return new TextDecoder().decode(source.read(0, source.byteLength));
  } finally {
    source.close();
  }
}

async function readJson(folder: string, name: string, options: SpeechLoadOptions): Promise<unknown> {
  const text = await readText(folder, name, options);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ModelError("bad-config", `${name} in ${folder} is no JSON; fetch it again`, { model: "vits", cause });
  }
}

/** MMS's own files have a `vocab.txt`: a symbol a line, in the order of their numbers. */
async function readLines(folder: string | undefined, options: SpeechLoadOptions): Promise<unknown> {
  if (folder === undefined) return undefined;
  const lines = (await readText(folder, "vocab.txt", options)).replace(/\n$/, "").split("\n");
  return Object.fromEntries(lines.map((symbol, number) => [symbol, number]));
}

async function nothing(): Promise<undefined> {
  return undefined;
}

function unlessMissing(error: unknown): undefined {
  if (error instanceof CheckpointError && (error.code === "not-found" || error.code === "offline")) return undefined;
  throw error;
}
