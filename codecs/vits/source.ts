/** The files of a published model: weights, and beside them config, vocabulary and the rules of its text. */
import type { DownloadOptions } from "../../src/checkpoints/download/fetch-weights";
import { readOptionalTextIn, readTextIn, weightsFolder } from "../../src/checkpoints/weights-folder";
import type { CodecSource } from "../../src/codec-definition";
import { CheckpointError, isCodecError, ModelError } from "../../src/errors";
import type { SpeechAssembleOptions } from "../../src/speech-model-definition";

/** Parsed files. */
export interface VitsFiles {
  readonly config: unknown;
  /** `undefined` where none lies beside the weights. */
  readonly vocabulary: unknown;
  readonly tokenizer: unknown;
}

/**
 * Reads what lies in the folder of the weights, unless the source and the options bring it.
 *
 * @throws {ModelError} `bad-config` for a file that is no JSON
 * @throws {CheckpointError} when a file that must be there cannot be had
 * @throws {TypeError} when weights are bytes and come without a config
 */
export async function readVitsFiles(
  { config, weights }: CodecSource,
  { vocabulary, tokenizer, download }: SpeechAssembleOptions,
): Promise<VitsFiles> {
  const folder = typeof weights === "string" ? await weightsFolder(weights) : undefined;
  const optional = async (name: string): Promise<string | undefined> =>
    folder === undefined ? undefined : readOptionalTextIn(folder, name, download);
  return {
    config: config ?? (await readConfig(folder, download)),
    vocabulary:
      vocabulary ?? parseJson("vocab.json", await optional("vocab.json")) ?? parseLines(await optional("vocab.txt")),
    tokenizer: tokenizer ?? parseJson("tokenizer_config.json", await optional("tokenizer_config.json")),
  };
}

async function readConfig(folder: string | undefined, download: DownloadOptions | undefined): Promise<unknown> {
  if (folder === undefined) {
    throw new TypeError('"config" expected the parsed config.json beside weights that are bytes, got nothing');
  }
  try {
    return parseJson("config.json", await readTextIn(folder, "config.json", download));
  } catch (cause) {
    if (!isCodecError(cause, "not-found")) throw cause;
    const message = `no config.json lies in ${folder} beside the weights; put it there, or give one as "config"`;
    throw new CheckpointError("not-found", message, { cause });
  }
}

function parseJson(name: string, text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ModelError("bad-config", `${name} beside the weights is no JSON; fetch it again`, { cause });
  }
}

/** MMS's own files have a `vocab.txt`: a symbol a line, in the order of their numbers. */
function parseLines(text: string | undefined): readonly string[] | undefined {
  return text?.replace(/\n$/, "").split("\n");
}
