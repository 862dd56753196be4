/** What commands tell: results on standard output or, beside the bytes of a file, on standard error; all else there. */
import { STANDARD_STREAM } from "./byte-streams";
import type { CliEnvironment } from "./environment";

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

/** Names and values in two columns. */
export function alignPairs(pairs: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
}
