#!/usr/bin/env node
/** The program `quantone`: the command line in the world of this process. */
import { languageModelCodecs, loadLanguageModel } from "../../codecs/encodec/language-model/index";
import { findInstalledWeights } from "../checkpoints/installed-weights";
import { codecs, loadCodec, loadSpeechModel, loadVocoder, speechModels, vocoders } from "../index";
import { openRuntime } from "../runtime/open-runtime";
import { runCommandLine } from "./program";

const stopping = new AbortController();
// The first interrupt stops the job and tidies up; a second one ends the process as usual.
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.once(name, () => {
    stopping.abort(new Error(`got ${name}`));
    // A job that waits for input would not look at the signal before more of it comes.
    process.stdin.destroy();
  });
}

// Some decoders report damage here before they throw it; one message is enough.
console.error = () => undefined;

// A reader that goes away, such as `head`, is noticed by whoever writes next; it must not end the process by itself.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);

process.exitCode = await runCommandLine(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  signal: stopping.signal,
  codecs,
  loadCodec,
  vocoders,
  loadVocoder,
  speechModels,
  loadSpeechModel,
  languageModelCodecs,
  loadLanguageModel,
  findInstalledWeights,
  openRuntime,
  now: () => performance.now(),
});
