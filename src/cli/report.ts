/** What commands tell: results on standard output or, beside the bytes of a file, on standard error; all else there. */
import type { Damage } from "../container/packet-scanner";
import { STANDARD_STREAM } from "./byte-streams";
import type { CliEnvironment } from "./environment";
import { formatSeconds, formatSpeed } from "./format-values";

export interface ReportOptions {
  readonly quiet?: boolean;
  readonly json?: boolean;
}

/** Prints the result of a job that wrote to `outputPath`: an object for programs or a line for people. */
export function reportJob(
  environment: CliEnvironment,
  options: ReportOptions,
  job: { outputPath: string; result: object; summary: string },
): void {
  if (options.json === true) {
    const stream = job.outputPath === STANDARD_STREAM ? environment.stderr : environment.stdout;
    stream.write(`${JSON.stringify(job.result)}\n`);
  } else if (options.quiet !== true) {
    environment.stderr.write(`${job.summary}\n`);
  }
}

/** Prints what was asked for. */
export function reportAnswer(
  environment: CliEnvironment,
  options: ReportOptions,
  answer: { result: unknown; lines: readonly string[] },
): void {
  const text = options.json === true ? JSON.stringify(answer.result) : answer.lines.join("\n");
  environment.stdout.write(`${text}\n`);
}

/** Prints what deserves attention though the work goes on. */
export function warn(environment: CliEnvironment, options: ReportOptions, message: string): void {
  if (options.quiet !== true) environment.stderr.write(`warning: ${message}\n`);
}

/** How long a job took that began at `beginMs`, for programs and for people. */
export function measureSpeed(
  seconds: number,
  beginMs: number,
  environment: CliEnvironment,
): { result: { elapsedSeconds: number; realTimeFactor: number }; summary: string } {
  const elapsedSeconds = (environment.now() - beginMs) / 1000;
  const realTimeFactor = elapsedSeconds > 0 ? seconds / elapsedSeconds : 0;
  return {
    result: { elapsedSeconds, realTimeFactor },
    summary: `in ${formatSeconds(elapsedSeconds)}, ${formatSpeed(seconds, elapsedSeconds)}`,
  };
}

/** What was lost, for programs. */
export function describeDamage(damage: readonly Damage[]): { lostFrames: number; damage: readonly object[] } {
  return {
    lostFrames: damage.reduce((sum, lost) => sum + lost.numFrames, 0),
    damage: damage.map(({ error, ...lost }) => ({ ...lost, code: error.code, message: error.message })),
  };
}

/** Rows of as many cells each, in columns. */
export function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows.map((row) => {
    return row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join("  ");
  });
}
