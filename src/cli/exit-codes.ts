/** From errors to exit codes and messages: 0 done, 1 something in the world is wrong, 2 the command is wrong. */
import { CommanderError } from "commander";
import { isCodecError } from "../errors";

export const exitCodes = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** A command that cannot be meant as it stands. The message ends with what to write instead. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** An input that cannot be used. The message says all that there is to say; the library's error is the cause. */
export class InputError extends Error {
  override readonly name = "InputError";
}

/** What the user is told, and the code that the program ends with. */
export interface Verdict {
  readonly exitCode: number;
  /** Empty when there is nothing left to say. */
  readonly message: string;
}

/** What to do about errors of the file system; `path` is what the error names. */
const fileHints: Readonly<Record<string, (path: string) => string>> = {
  ENOENT: (path) => `${path}: no such file or folder; check the path`,
  ENOTDIR: (path) => `${path}: a part of the path is no folder; check the path`,
  EACCES: (path) => `${path}: permission denied; check who may read and write it`,
  EPERM: (path) => `${path}: not permitted; check who may read and write it`,
  EISDIR: (path) => `${path}: is a folder; name a file`,
  EEXIST: (path) => `${path}: exists; choose another name, or replace it with --force`,
  EROFS: (path) => `${path}: the file system is read-only; choose another place`,
  ENOSPC: (path) => `${path}: no space left; free some, or choose another place`,
};

/** Judges whatever a command threw. */
export function judge(error: unknown, signal: AbortSignal): Verdict {
  if (error instanceof CommanderError) return { exitCode: commanderExitCode(error), message: "" };
  if (signal.aborted) return { exitCode: exitCodes.interrupted, message: "stopped; nothing was left behind" };
  if (!(error instanceof Error)) return { exitCode: exitCodes.failed, message: String(error) };
  if (error instanceof UsageError || isCallerMistake(error)) {
    return { exitCode: exitCodes.usage, message: error.message };
  }
  return { exitCode: exitCodes.failed, message: worldMessage(error) };
}

/** Help and version end with 0; everything else that commander throws is a mistake in the command, already printed. */
function commanderExitCode(error: CommanderError): number {
  return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
}

/** The library's answer to an option value that it cannot take: `"name" expected ..., got ...`. */
function isCallerMistake(error: Error): boolean {
  return (error instanceof RangeError || error instanceof TypeError) && error.message.startsWith('"');
}

function worldMessage(error: Error): string {
  if (isCodecError(error) || error instanceof InputError || error.name === "DiagnosisError") return error.message;
  const { code, path } = error as NodeJS.ErrnoException;
  // Whoever read our output has had enough of it, as `head` does.
  if (code === "EPIPE") return "";
  const hint = code === undefined ? undefined : fileHints[code];
  if (hint !== undefined) return hint(path ?? "the file");
  return `unexpected: ${error.stack ?? error.message}\nThis is a fault of the program: report it with the lines above.`;
}
