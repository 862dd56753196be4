/** Options that several commands share, and what they mean. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { isCodecError } from "../errors";
import type { DeviceRequest } from "../runtime/runtime";
import type { CliEnvironment, CommandCodec } from "./environment";
import { InputError, UsageError } from "./exit-codes";
import { ProgressBar } from "./progress-bar";

const DEVICES: readonly DeviceRequest[] = ["auto", "cpu", "webgpu", "cuda", "dml", "coreml"];

export interface JobOptions {
  readonly device: DeviceRequest;
  readonly threads: number;
  readonly weights?: string;
  readonly force?: boolean;
  readonly quiet?: boolean;
  readonly json?: boolean;
  readonly progress?: boolean;
}

/** Adds what `encode` and `decode` have in common. */
export function addJobOptions(command: Command): Command {
  return command
    .option("--weights <file>", "weights for the codec, which some come without")
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
 * @throws {InputError} when the file of those given cannot be read
 */
export async function loadCommandCodec(
  name: string,
  { device, threads, weights }: JobOptions,
  environment: CliEnvironment,
): Promise<CommandCodec> {
  const definition = environment.codecs.find((codec) => codec.name === name);
  if (weights === undefined && definition !== undefined && definition.weightsLicence === undefined) {
    throw new UsageError(`${name} comes without weights; name the file of the published ones with --weights`);
  }
  const options = { device, numThreads: threads, ...(weights === undefined ? {} : { weights }) };
  return environment.loadCodec(name, options).catch((error: unknown) => {
    // A codec whose file lacks a tensor names the tensor; without one, the file itself could not be read.
    const isUnread = isCodecError(error, "missing-weights") && error.tensor === undefined && weights !== undefined;
    throw isUnread ? new InputError(`--weights ${weights}: cannot be read; check the path`, { cause: error }) : error;
  });
}

/** The bar that the options ask for. */
export function progressBar(options: JobOptions, environment: CliEnvironment): ProgressBar {
  const isOff = options.quiet === true || options.progress === false;
  const mode = isOff ? "never" : options.progress === true ? "always" : "auto";
  return new ProgressBar({ stream: environment.stderr, mode, now: environment.now });
}

/** A whole number from 1. */
export function parseCount(value: string): number {
  const count = Number(value);
  if (!Number.isInteger(count) || count < 1) throw new InvalidArgumentError("Give a whole number from 1.");
  return count;
}

/** A rate in kbit/s, as bits per second. */
export function parseBitrate(value: string): number {
  const rate = Number(value);
  if (value.trim() === "" || !Number.isFinite(rate) || rate <= 0) {
    throw new InvalidArgumentError("Give a rate in kbit/s, such as 3 or 1.5.");
  }
  return rate * 1000;
}
