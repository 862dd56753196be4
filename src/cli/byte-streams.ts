/** Where a command's bytes come from and go to: files by their path, `-` for standard input and output. */
import { once } from "node:events";
import { realpath, stat } from "node:fs/promises";
import { type FileBytes, openAudioFile, openFileBytes } from "../audio/files/audio-files";
import { openAudio } from "../audio/files/open-audio";
import { ReplacementFile } from "../audio/files/replacement-file";
import type { AudioStream } from "../audio/pcm-audio";
import type { CliEnvironment, TerminalOutput } from "./environment";
import { UsageError } from "./exit-codes";

/** The path that means standard input or output. */
export const STANDARD_STREAM = "-";

/** Takes bytes until `commit`; when it is left without, by an error, a file that was begun is removed. */
export interface ByteOutput extends AsyncDisposable {
  write(bytes: Uint8Array): Promise<void>;
  /** Replaces the first bytes, where the output can go back; elsewhere it does nothing. */
  writeAtStart(bytes: Uint8Array): Promise<void>;
  commit(): Promise<void>;
}

/** Opens an input for reading once. */
export async function openInput(path: string, environment: CliEnvironment): Promise<FileBytes> {
  return path === STANDARD_STREAM ? { bytes: environment.stdin, numBytes: undefined } : openFileBytes(path);
}

/** Opens audio for reading once. */
export function openAudioInput(path: string, environment: CliEnvironment): Promise<AudioStream> {
  return path === STANDARD_STREAM ? openAudio(environment.stdin) : openAudioFile(path);
}

/**
 * Refuses an output that is the input, by whatever path: its bytes would be gone, as the two never hold the same. Devices
 * may be both.
 *
 * @throws {UsageError} when both paths lead to one file
 */
export async function assertSeparateFiles(paths: { input: string; output: string }): Promise<void> {
  if (paths.input === STANDARD_STREAM || paths.output === STANDARD_STREAM) return;
  const [input, output] = await Promise.all([realFile(paths.input), realFile(paths.output)]);
  if (input === undefined || input !== output) return;
  throw new UsageError(`the output ${paths.output} is the input file itself; choose another name for the output`);
}

/** The path of a regular file without links; undefined where none stands, about which opening it says more. */
async function realFile(path: string): Promise<string | undefined> {
  try {
    return (await stat(path)).isFile() ? await realpath(path) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Opens an output.
 *
 * @param options.isOverwriting  whether a file that stands there may be replaced
 * @throws {UsageError} when bytes would go to a terminal
 */
export async function openOutput(
  path: string,
  environment: CliEnvironment,
  options: { isOverwriting: boolean },
): Promise<ByteOutput> {
  if (path !== STANDARD_STREAM) return ReplacementFile.create(path, options);
  if (environment.stdout.isTTY === true) {
    throw new UsageError('the output "-" is a terminal; name a file, or redirect it with > or |');
  }
  return new StandardOutput(environment.stdout);
}

class StandardOutput implements ByteOutput {
  readonly #stream: TerminalOutput;
  #fault: Error | undefined;

  constructor(stream: TerminalOutput) {
    this.#stream = stream;
    stream.on("error", (error) => {
      this.#fault = error;
    });
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#fault !== undefined) throw this.#fault;
    if (!this.#stream.write(bytes)) await once(this.#stream, "drain");
  }

  async writeAtStart(): Promise<void> {}

  async commit(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#stream.write("", (error) => (error == null ? resolve() : reject(error)));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
