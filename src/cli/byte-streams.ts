/** Where a command's bytes come from and go to: files by their path, `-` for standard input and output. */
import { once } from "node:events";
import { realpath, stat } from "node:fs/promises";
import { type FileBytes, openFileBytes } from "../audio/files/audio-files";
import { openAudio } from "../audio/files/open-audio";
import { ReplacementFile } from "../audio/files/replacement-file";
import type { AudioStream } from "../audio/pcm-audio";
import { AudioFormatError, ContainerError, TokenError } from "../errors";
import type { CliEnvironment, TerminalOutput } from "./environment";
import { InputError, UsageError } from "./exit-codes";

/** The path that means standard input or output. */
export const STANDARD_STREAM = "-";

/** Takes bytes until `commit`; when it is left without, by an error, a file that was begun is removed. */
export interface ByteOutput extends AsyncDisposable {
  write(bytes: Uint8Array): Promise<void>;
  /** Replaces the first bytes, where the output can go back; elsewhere it does nothing. */
  writeAtStart(bytes: Uint8Array): Promise<void>;
  commit(): Promise<void>;
}

/** Opens an input for reading once; the caller closes it. */
export async function openInput(path: string, environment: CliEnvironment): Promise<FileBytes> {
  if (path === STANDARD_STREAM) {
    return { bytes: environment.stdin, numBytes: undefined, async [Symbol.asyncDispose]() {} };
  }
  const file = await openFileBytes(path);
  return { ...file, bytes: namingFaults(file.bytes, path) };
}

/** Passes bytes on and adds them up. */
export async function* countBytes(
  bytes: AsyncIterable<Uint8Array>,
  tally: { numBytes: number },
): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of bytes) {
    tally.numBytes += chunk.length;
    yield chunk;
  }
}

/** Opens audio for reading once. */
export async function openAudioInput(path: string, environment: CliEnvironment): Promise<AudioStream> {
  const { bytes, numBytes } = await openInput(path, environment);
  return openAudio(bytes, numBytes === undefined ? {} : { numBytes });
}

/** Says which file an error of its content is about, as the library does not see names. */
export function nameInput(error: unknown, path: string): unknown {
  const isOfContent =
    error instanceof AudioFormatError || error instanceof ContainerError || error instanceof TokenError;
  if (!isOfContent || path === STANDARD_STREAM) return error;
  return new InputError(`${path}: ${error.message}`, { cause: error });
}

/** Reading from an open file fails without its path: for a folder, that is the first time it fails at all. */
async function* namingFaults(bytes: AsyncIterable<Uint8Array>, path: string): AsyncGenerator<Uint8Array, void> {
  try {
    yield* bytes;
  } catch (error) {
    throw withPath(error, path);
  }
}

/** An error of the file system under the path that the user gave. */
function withPath(error: unknown, path: string): unknown {
  const { code } = Object(error) as NodeJS.ErrnoException;
  return error instanceof Error && code !== undefined
    ? Object.assign(new Error(error.message, { cause: error }), { code, path })
    : error;
}

/** What a job reads and writes. */
export interface JobPaths {
  readonly input: string;
  readonly output: string;
}

/**
 * Refuses an output that is the input, by whatever path: its bytes would be gone, as the two never hold the same. Devices
 * may be both.
 */
async function assertSeparateFiles(paths: JobPaths): Promise<void> {
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
 * Opens a job's output.
 *
 * @param options.force  whether a file that stands there may be replaced
 * @throws {UsageError} when bytes would go to a terminal, or both paths lead to one file
 */
export async function openOutput(
  paths: JobPaths,
  environment: CliEnvironment,
  options: { readonly force?: boolean },
): Promise<ByteOutput> {
  await assertSeparateFiles(paths);
  const { output } = paths;
  if (output !== STANDARD_STREAM) {
    // It is written under another name first, and that is the one that errors would tell.
    return ReplacementFile.create(output, { isOverwriting: options.force === true }).catch((error: unknown) => {
      throw withPath(error, output);
    });
  }
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
