/** A Python process that works on request: one command a line, one line of answer. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** A rival in Python that runs beside us and takes its turns. */
export class PythonWorker {
  /** What it said when it was ready: versions. */
  readonly greeting: string;
  readonly #name: string;
  readonly #python: ChildProcessWithoutNullStreams;
  readonly #answers: AsyncIterator<string>;

  private constructor(
    name: string,
    python: ChildProcessWithoutNullStreams,
    answers: AsyncIterator<string>,
    hello: string,
  ) {
    this.#name = name;
    this.#python = python;
    this.#answers = answers;
    this.greeting = hello;
  }

  /**
   * Starts a script and waits for its first line.
   *
   * @throws {Error} with what Python said when it cannot start
   */
  static async start(executable: string, script: string, args: readonly string[]): Promise<PythonWorker> {
    // One thread for whatever library reads its own variable.
    const env = { ...process.env, OMP_NUM_THREADS: "1", MKL_NUM_THREADS: "1" };
    const python = spawn(executable, ["-W", "ignore", script, ...args], { env });
    let complaint = "";
    python.stderr.on("data", (data) => {
      complaint += data;
    });
    const answers = createInterface({ input: python.stdout })[Symbol.asyncIterator]();
    const greeting = await answers.next();
    if (greeting.done) {
      throw new Error(`${executable} ended at once:\n${complaint.trim().split("\n").slice(-4).join("\n")}`);
    }
    return new PythonWorker(script, python, answers, greeting.value);
  }

  /** @throws {Error} when the process ended instead of answering */
  async ask(command: string): Promise<string> {
    this.#python.stdin.write(`${command}\n`);
    const answer = await this.#answers.next();
    if (answer.done) throw new Error(`${this.#name} ended while it was asked to ${command}`);
    return answer.value;
  }

  /** Ends the process. */
  stop(): void {
    this.#python.stdin.end();
  }
}
