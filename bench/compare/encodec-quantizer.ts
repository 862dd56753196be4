/** PyTorch's side of the quantizer benchmark: EnCodec's own code in a Python process that works on request. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Codebooks } from "../../src/rvq/codebook";
import { pythonEnvironment } from "./python-environment";

/** A running EnCodec quantizer with our codebooks in it. */
export class EncodecQuantizer {
  /** Versions of torch and encodec. */
  readonly versions: string;
  readonly #python: ChildProcessWithoutNullStreams;
  readonly #answers: AsyncIterator<string>;
  readonly #folder: string;
  readonly #numFrames: number;

  private constructor(
    python: ChildProcessWithoutNullStreams,
    answers: AsyncIterator<string>,
    folder: string,
    numFrames: number,
    versions: string,
  ) {
    this.#python = python;
    this.#answers = answers;
    this.#folder = folder;
    this.#numFrames = numFrames;
    this.versions = versions;
  }

  /**
   * Starts it, after setting up its environment if that is not there.
   *
   * Shapes   latents [F, D]
   * @throws {Error} with what Python said when it cannot start
   */
  static async start({ numCodebooks, codebookSize, codebookDim, codewords }: Codebooks, latents: Float32Array) {
    const executable = pythonEnvironment(join(import.meta.dirname, "encodec-requirements.txt"), ["encodec==0.1.1"]);
    const folder = mkdtempSync(join(tmpdir(), "quantone-bench-"));
    const files = [join(folder, "codebooks"), join(folder, "latents")] as const;
    writeFileSync(files[0], codewords);
    writeFileSync(files[1], latents);
    const numFrames = latents.length / codebookDim;
    const sizes = [numCodebooks, codebookSize, codebookDim, numFrames].map(String);
    // One thread for whatever library reads its own variable.
    const env = { ...process.env, OMP_NUM_THREADS: "1", MKL_NUM_THREADS: "1" };
    const script = join(import.meta.dirname, "encodec_quantizer.py");
    const python = spawn(executable, [script, ...files, ...sizes], { env });
    let complaint = "";
    python.stderr.on("data", (data) => {
      complaint += data;
    });
    const answers = createInterface({ input: python.stdout })[Symbol.asyncIterator]();
    const greeting = await answers.next();
    if (greeting.done)
      throw new Error(`${executable} ended at once:\n${complaint.trim().split("\n").slice(-4).join("\n")}`);
    return new EncodecQuantizer(python, answers, folder, numFrames, greeting.value);
  }

  /** Frames per second, one frame a call. */
  async stream(numFrames: number): Promise<number> {
    return numFrames / Number(await this.#ask(`stream ${numFrames}`));
  }

  /** Frames per second, all frames a call. */
  async batch(numCalls: number): Promise<number> {
    return (numCalls * this.#numFrames) / Number(await this.#ask(`batch ${numCalls}`));
  }

  /** Its tokens of the latents, [F, K]. */
  async tokens(): Promise<Uint16Array> {
    const file = join(this.#folder, "tokens");
    await this.#ask(`tokens ${file}`);
    return new Uint16Array(new Uint8Array(readFileSync(file)).buffer);
  }

  /** Ends the process and removes its files. */
  stop(): void {
    this.#python.stdin.end();
    rmSync(this.#folder, { recursive: true });
  }

  async #ask(command: string): Promise<string> {
    this.#python.stdin.write(`${command}\n`);
    const answer = await this.#answers.next();
    if (answer.done) throw new Error(`EnCodec's process ended while it was asked to ${command}`);
    return answer.value;
  }
}
