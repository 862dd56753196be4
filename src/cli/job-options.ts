/** Options that several commands share, and what they mean. */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { DownloadOptions } from "../checkpoints/download/fetch-weights";
import type { AssembleOptions } from "../codec-definition";
import { CheckpointError, isCodecError } from "../errors";
import type { DeviceRequest } from "../runtime/runtime";
import { isSeed, maxSeed } from "../sampling/gaussian";
import type { SpeechModel } from "../synthesis/speech-model";
import type { NeuralVocoder } from "../vocoder/neural-vocoder";
import type { CliEnvironment, CommandCodec } from "./environment";
import { InputError, UsageError } from "./exit-codes";
import { audioProgress, downloadProgress, ProgressBar, type ProgressBarOptions } from "./progress-bar";
import type { SpeechAssembly } from "./speech-options";
import type { DisposableLanguageModel } from "./token-files/token-file";

const DEVICES: readonly DeviceRequest[] = ["auto", "cpu", "webgpu", "cuda", "dml", "coreml"];

/** Options of every command that runs networks and writes a file. */
export interface RunOptions {
  readonly device: DeviceRequest;
  readonly threads: number;
  readonly weights?: string;
  readonly force?: boolean;
  readonly quiet?: boolean;
  readonly json?: boolean;
  readonly progress?: boolean;
}

export interface JobOptions extends RunOptions {
  readonly lm?: string;
  readonly denoise?: boolean;
}

/** Adds what `encode` and `decode` have in common. */
export function addJobOptions(command: Command): Command {
  return addRunOptions(command)
    .option("--lm <source>", "language model for an .ecdc file: a file, a URL, or owner/model on a hub")
    .option("--denoise", "take noise away, with a codec that can in this direction");
}

/** Adds what all commands have in common that run networks and write a file. */
export function addRunOptions(command: Command): Command {
  return command
    .option(
      "--weights <source>",
      "weights, which some systems come without: a file or folder, a URL, or owner/model on a hub",
    )
    .option("-f, --force", "replace the output file if it exists")
    .addOption(new Option("--device <name>", "where the networks run").choices(DEVICES).default("auto"))
    .option("--threads <n>", "threads of one network call on the CPU", parseCount, 1)
    .option("--progress", "show progress even where standard error is no terminal")
    .option("--no-progress", "show no progress")
    .option("-q, --quiet", "print nothing but errors")
    .option("--json", "print the result as JSON: on standard output, on standard error when the output is -");
}

/**
 * Loads a codec as the options say.
 *
 * @throws {UsageError} when it comes without weights and none are given
 * @throws {InputError} when those given cannot be had or read
 */
export async function loadCommandCodec(
  name: string,
  options: JobOptions,
  environment: CliEnvironment,
): Promise<CommandCodec> {
  const { weights } = options;
  const system = environment.codecs.find((codec) => codec.name === name);
  return loadWeights({ option: "--weights", source: weights, system }, options, environment, (shared) =>
    environment.loadCodec(name, { ...shared, ...(weights !== undefined && { weights }) }),
  );
}

/** Where a command's vocoder comes from. */
interface VocoderSource {
  /** The option that says where its weights are. */
  readonly option: string;
  readonly weights: string | undefined;
  /** Short names that a codec has for vocoders. */
  readonly shortNames?: Readonly<Record<string, string>>;
}

/**
 * Loads a vocoder as the options say.
 *
 * @throws {UsageError} when there is none of that name, or it comes without weights and none are given
 * @throws {InputError} when those given cannot be had or read
 */
export async function loadCommandVocoder(
  name: string,
  { option, weights, shortNames = {} }: VocoderSource,
  options: RunOptions,
  environment: CliEnvironment,
): Promise<NeuralVocoder> {
  const fullName = shortNames[name] ?? name;
  const system = environment.vocoders.find((vocoder) => vocoder.name === fullName);
  if (system === undefined) {
    // A short name may be the full one of another vocoder.
    const names = new Set([...Object.keys(shortNames), ...environment.vocoders.map((vocoder) => vocoder.name)]);
    throw new UsageError(
      `"--vocoder" expected one of ${[...names].join(", ")}, got ${name}; quantone models lists them`,
    );
  }
  return loadWeights({ option, source: weights, system }, options, environment, (shared) =>
    environment.loadVocoder(fullName, { ...shared, ...(weights !== undefined && { weights }) }),
  );
}

/**
 * Loads a speech model as the options say.
 *
 * @throws {UsageError} when there is none of that name, or it comes without weights and none are given
 * @throws {InputError} when those given cannot be had or read
 */
export async function loadCommandSpeechModel(
  name: string,
  speech: SpeechAssembly,
  options: RunOptions,
  environment: CliEnvironment,
): Promise<SpeechModel> {
  const { weights } = options;
  const { config } = speech;
  const system = environment.speechModels.find((model) => model.name === name);
  if (system === undefined) {
    const names = environment.speechModels.map((model) => model.name).join(", ");
    throw new UsageError(`"--model" expected one of ${names}, got ${name}; quantone models lists them`);
  }
  if (config !== undefined && weights === undefined) {
    throw new UsageError("--config is that of weights; say where they are with --weights");
  }
  return loadWeights({ option: "--weights", source: weights, system }, options, environment, (shared) => {
    const load = { ...shared, ...speech.options };
    if (weights === undefined) return environment.loadSpeechModel(name, load);
    if (config === undefined) return environment.loadSpeechModel(name, { ...load, weights });
    return environment.loadSpeechModel({ config: { ...config, system: name }, weights }, load);
  });
}

/**
 * Loads the language model of a codec's tokens, from where `--lm` says.
 *
 * @throws {InputError} when it cannot be had or read
 */
export async function loadCommandLanguageModel(
  codec: string,
  source: string,
  options: JobOptions,
  environment: CliEnvironment,
): Promise<DisposableLanguageModel> {
  return loadWeights({ option: "--lm", source }, options, environment, (shared) =>
    environment.loadLanguageModel(codec, { ...shared, weights: source }),
  );
}

/** Weights, and the option that says where they are. */
interface WeightsOption {
  readonly option: string;
  readonly source: string | undefined;
  /** Whose they are, where it may come without. */
  readonly system?: CliEnvironment["vocoders"][number] | undefined;
}

/**
 * Loads with a bar for what has to be fetched; an error about weights as a whole comes from what the option says.
 *
 * @throws {UsageError} when the system comes without weights and none are given
 */
async function loadWeights<T>(
  { option, source, system }: WeightsOption,
  options: RunOptions,
  environment: CliEnvironment,
  load: (shared: AssembleOptions) => Promise<T>,
): Promise<T> {
  const isBare = source === undefined && system !== undefined && system.weightsLicence === undefined;
  if (isBare && system.weightsPackage === undefined) throw withoutWeights(system, option);
  const bar = progressBar(options, environment, downloadProgress);
  const download: DownloadOptions = {
    signal: environment.signal,
    onProgress: ({ doneBytes, totalBytes }) =>
      bar.update(doneBytes, totalBytes === undefined ? undefined : doneBytes / totalBytes),
  };
  try {
    return await load({ device: options.device, numThreads: options.threads, download });
  } catch (error) {
    if (isBare && isCodecError(error, "missing-weights")) throw withoutWeights(system, option);
    const isOfWeights = error instanceof CheckpointError && source !== undefined;
    throw isOfWeights ? new InputError(`${option} ${source}: ${error.message}`, { cause: error }) : error;
  } finally {
    bar.stop();
  }
}

function withoutWeights({ name, weightsPackage }: CliEnvironment["vocoders"][number], option: string): UsageError {
  const install = weightsPackage === undefined ? "" : `npm install ${weightsPackage}, or `;
  return new UsageError(`${name} comes without weights; ${install}say where they are with ${option}`);
}

/** The bar that the options ask for. */
export function progressBar(
  options: RunOptions,
  environment: CliEnvironment,
  describe: ProgressBarOptions["describe"] = audioProgress,
): ProgressBar {
  const isOff = options.quiet === true || options.progress === false;
  const mode = isOff ? "never" : options.progress === true ? "always" : "auto";
  return new ProgressBar({ stream: environment.stderr, mode, now: environment.now, describe });
}

/** A whole number from 1. */
export function parseCount(value: string): number {
  const count = Number(value);
  if (!Number.isInteger(count) || count < 1) throw new InvalidArgumentError("Give a whole number from 1.");
  return count;
}

/** A number of things that are counted from 0. */
export function parseIndex(value: string): number {
  const index = Number(value);
  if (value.trim() === "" || !Number.isSafeInteger(index) || index < 0) {
    throw new InvalidArgumentError("Give a whole number from 0.");
  }
  return index;
}

/** Where noise begins. */
export function parseSeed(value: string): number {
  const seed = Number(value);
  if (value.trim() === "" || !isSeed(seed)) {
    throw new InvalidArgumentError(`Give a whole number from 0 to ${maxSeed}.`);
  }
  return seed;
}

/** A rate in kbit/s, as bits per second. */
export function parseBitrate(value: string): number {
  const rate = Number(value);
  if (value.trim() === "" || !Number.isFinite(rate) || rate <= 0) {
    throw new InvalidArgumentError("Give a rate in kbit/s, such as 3 or 1.5.");
  }
  return rate * 1000;
}
