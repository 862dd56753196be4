/** PyTorch's side of the quantizer benchmark: EnCodec's own code in a Python process that works on request. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Codebooks } from "../../src/rvq/codebook";
import { pythonEnvironment } from "./python-environment";
import { PythonWorker } from "./python-worker";

/** A running EnCodec quantizer with our codebooks in it. */
export class EncodecQuantizer {
  /** Versions of torch and encodec. */
  readonly versions: string;
  readonly #python: PythonWorker;
  readonly #folder: string;
  readonly #numFrames: number;

  private constructor(python: PythonWorker, folder: string, numFrames: number) {
    this.#python = python;
    this.#folder = folder;
    this.#numFrames = numFrames;
    this.versions = python.greeting;
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
    const script = join(import.meta.dirname, "encodec_quantizer.py");
    return new EncodecQuantizer(await PythonWorker.start(executable, script, [...files, ...sizes]), folder, numFrames);
  }

  /** Frames per second, one frame a call. */
  async stream(numFrames: number): Promise<number> {
    return numFrames / Number(await this.#python.ask(`stream ${numFrames}`));
  }

  /** Frames per second, all frames a call. */
  async batch(numCalls: number): Promise<number> {
    return (numCalls * this.#numFrames) / Number(await this.#python.ask(`batch ${numCalls}`));
  }

  /** Its tokens of the latents, [F, K]. */
  async tokens(): Promise<Uint16Array> {
    const file = join(this.#folder, "tokens");
    await this.#python.ask(`tokens ${file}`);
    return new Uint16Array(new Uint8Array(readFileSync(file)).buffer);
  }

  /** Ends the process and removes its files. */
  stop(): void {
    this.#python.stop();
    rmSync(this.#folder, { recursive: true });
  }
}
