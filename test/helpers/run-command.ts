/** The command line in this process: what it writes, and what it ends with. */
import { Writable } from "node:stream";
import type { CliEnvironment } from "../../src/cli/environment";
import { runCommandLine } from "../../src/cli/program";

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Fills in what a test's environment leaves out: nothing to read, no systems, and none that can be loaded. */
export async function runCommand(
  args: readonly string[],
  environment: Partial<Omit<CliEnvironment, "stderr">>,
): Promise<CommandResult> {
  const [stdout, stderr] = [new Collected(), new Collected()];
  const exitCode = await runCommandLine([...args], {
    stdin: (async function* () {})(),
    signal: new AbortController().signal,
    codecs: [],
    loadCodec: refuse,
    vocoders: [],
    loadVocoder: refuse,
    speechModels: [],
    loadSpeechModel: refuse,
    languageModelCodecs: [],
    loadLanguageModel: refuse,
    findInstalledWeights: async () => undefined,
    openRuntime: refuse,
    now: () => performance.now(),
    stdout,
    ...environment,
    stderr,
  });
  return { exitCode, stdout: stdout.text, stderr: stderr.text };
}

class Collected extends Writable {
  text = "";

  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

const refuse = () => Promise.reject(new Error("not asked for"));
