/** A bar on standard error for jobs that take a while: how far, how fast, how long still. */
import cliProgress, { type Options, type Params, type SingleBar } from "cli-progress";
import type { TerminalOutput } from "./environment";
import { formatBytes, formatSeconds, formatSpeed } from "./format-values";

/** A job that is done before this never shows a bar. */
const SHOW_AFTER_MS = 500;
/** Where there is no terminal, a line this often. */
const LINE_EVERY_MS = 5000;

export interface ProgressBarOptions {
  readonly stream: TerminalOutput;
  /** `auto` shows it on terminals only. */
  readonly mode: "auto" | "always" | "never";
  readonly now: () => number;
  /** What stands beside the bar. */
  readonly describe: (done: number, elapsedSeconds: number, fraction: number | undefined) => string;
}

/** Shows the progress of one job from `update` to `stop`. */
export class ProgressBar {
  readonly #options: ProgressBarOptions;
  readonly #beginMs: number;
  readonly #isWanted: boolean;
  #bar: SingleBar | undefined;

  constructor(options: ProgressBarOptions) {
    this.#options = options;
    this.#beginMs = options.now();
    this.#isWanted = options.mode === "always" || (options.mode === "auto" && options.stream.isTTY === true);
  }

  /**
   * Tells how far the job has come.
   *
   * @param done  audio in seconds, or whatever the job counts
   * @param fraction  of the whole, 0 to 1, when that is known
   */
  update(done: number, fraction: number | undefined): void {
    if (!this.#isWanted) return;
    const elapsedMs = this.#options.now() - this.#beginMs;
    if (this.#bar === undefined && elapsedMs < SHOW_AFTER_MS && this.#options.mode !== "always") return;
    this.#bar ??= this.#start();
    const text = this.#options.describe(done, elapsedMs / 1000, fraction);
    this.#bar.update(Math.min(fraction ?? 0, 1), { text, hasBar: fraction !== undefined });
  }

  /** Takes the bar away. */
  stop(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }

  #start(): SingleBar {
    const bar = new cliProgress.SingleBar({
      // The library asks for the type of Node's own terminals; it writes to any stream.
      stream: this.#options.stream as NodeJS.WriteStream,
      format: renderBar,
      barsize: 24,
      barCompleteChar: "#",
      barIncompleteChar: "-",
      hideCursor: true,
      clearOnComplete: true,
      noTTYOutput: true,
      notTTYSchedule: LINE_EVERY_MS,
      gracefulExit: false,
    });
    bar.start(1, 0, { text: "", hasBar: false });
    return bar;
  }
}

/** How far a job on audio is. */
export function audioProgress(doneSeconds: number, elapsedSeconds: number, fraction: number | undefined): string {
  return describe(
    `${formatSeconds(doneSeconds)} | ${formatSpeed(doneSeconds, elapsedSeconds)}`,
    elapsedSeconds,
    fraction,
  );
}

/** How far a download is. */
export function downloadProgress(doneBytes: number, elapsedSeconds: number, fraction: number | undefined): string {
  return describe(`${formatBytes(doneBytes)} of weights`, elapsedSeconds, fraction);
}

function describe(done: string, elapsedSeconds: number, fraction: number | undefined): string {
  if (fraction === undefined || fraction <= 0) return done;
  const leftSeconds = (elapsedSeconds * (1 - Math.min(fraction, 1))) / fraction;
  const percent = Math.floor(Math.min(fraction, 1) * 100);
  return `${percent} % | ${done} | ${formatSeconds(leftSeconds)} left`;
}

function renderBar(options: Options, params: Params, payload: { text: string; hasBar: boolean }): string {
  return payload.hasBar ? `[${cliProgress.Format.BarFormat(params.progress, options)}] ${payload.text}` : payload.text;
}
