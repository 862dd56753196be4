/** Options of what a speech model needs beside its weights: its config, its symbols, and how text becomes them. */
import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { type Command, Option } from "commander";
import type { SpeechAssembleOptions } from "../speech-model-definition";
import { InputError } from "./exit-codes";

export interface SpeechOptions {
  readonly config?: string;
  readonly vocabulary?: string;
  readonly language?: string;
  readonly phonemes?: boolean;
}

/** How a speech model is put together, with the config where it is not the one beside the weights. */
export interface SpeechAssembly {
  readonly config: Readonly<Record<string, unknown>> | undefined;
  readonly options: SpeechAssembleOptions;
}

/** Adds them to a command. */
export function addSpeechOptions(command: Command): Command {
  return command
    .option("--config <file>", "the model's config.json, where it is not beside the weights or has another name")
    .option(
      "--vocabulary <file>",
      "its symbols: a .json file of their numbers, or a symbol a line, where none is beside",
    )
    .addOption(
      new Option("--language <name>", "accent of models that speak phonemes: en-us (default), en-gb").conflicts(
        "phonemes",
      ),
    )
    .option("--phonemes", "the text is phonemes already, such as espeak-ng --ipa prints");
}

/**
 * Reads the files that the options name.
 *
 * @throws {InputError} when one is no JSON
 */
export async function readSpeechOptions(options: SpeechOptions): Promise<SpeechAssembly> {
  const { config, vocabulary, language, phonemes } = options;
  return {
    config: config === undefined ? undefined : await readConfig(config),
    options: {
      ...(vocabulary !== undefined && { vocabulary: await readVocabulary(vocabulary) }),
      ...(language !== undefined && { phonemeLanguage: language }),
      ...(phonemes === true && { phonemize: async (text: string) => text }),
    },
  };
}

async function readConfig(path: string): Promise<Readonly<Record<string, unknown>>> {
  const config = parseJson(path, await readFile(path, "utf8"));
  if (typeof config === "object" && config !== null) return config as Readonly<Record<string, unknown>>;
  throw new InputError(`${path}: expected an object in JSON, got ${typeof config}; give the model's config.json`);
}

async function readVocabulary(path: string): Promise<unknown> {
  const text = await readFile(path, "utf8");
  return extname(path).toLowerCase() === ".json" ? parseJson(path, text) : text.replace(/\r?\n$/, "").split(/\r?\n/);
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new InputError(`${path}: expected JSON, got other text; check that it is the model's`, { cause });
  }
}
