/**
 * VITS at the size of facebook/mms-tts-eng on random weights, one thread, beside transformers with weight norm folded.
 *
 *     npx tsx bench/pipeline/vits.bench.ts [--json] [--rounds 5] [--sentences 100]
 *
 * Three things: how long the first sound of a sentence of ten words takes (transformers gives all of it at once), seconds
 * of audio per second of processor time, and what resident memory a text of many sentences adds after its first ten.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { parseTokenizerConfig, VitsTokenizer } from "../../codecs/vits/tokenizer";
import { loadSpeechModel } from "../../src/index";
import { pythonEnvironment } from "../compare/python-environment";
import { PythonWorker } from "../compare/python-worker";
import { machine, median, processorSeconds, ratio, takeTurns } from "../harness";

const { values } = parseArgs({
  options: {
    json: { type: "boolean" },
    rounds: { type: "string", default: "5" },
    sentences: { type: "string", default: "100" },
  },
});
const sentence = "The quick brown fox jumps over the old lazy dog.";
const tokenizer = { phonemize: false };
const vocabulary = Object.fromEntries([..."_ 'abcdefghijklmnopqrstuvwxyz"].map((symbol, number) => [symbol, number]));
const scripts = join(import.meta.dirname, "..", "..", "scripts", "vits");
const python = pythonEnvironment(join(scripts, "requirements.txt"), []);
const folder = mkdtempSync(join(tmpdir(), "quantone-bench-"));
try {
  execFileSync(python, ["-W", "ignore", join(scripts, "make_vectors.py"), "full", folder], { stdio: "pipe" });
  await using model = await loadSpeechModel("vits", { weights: folder, vocabulary, tokenizer, device: "cpu" });
  const speed = await compare(model);
  const conditions = { machine: machine(), threads: 1, rounds: Number(values.rounds) };
  const report = { ...conditions, ...speed, memory: await measureMemory(model) };
  console.log(values.json ? JSON.stringify(report, null, 2) : report);
} finally {
  rmSync(folder, { recursive: true });
}

type Model = Awaited<ReturnType<typeof loadSpeechModel>>;

async function compare(model: Model) {
  const worker = await PythonWorker.start(python, join(import.meta.dirname, "..", "compare", "vits.py"), [folder]);
  const rules = new VitsTokenizer(new Map(Object.entries(vocabulary)), parseTokenizerConfig(tokenizer));
  const { symbols } = await rules.encode(sentence);
  const first: Record<"quantone" | "transformers", number[]> = { quantone: [], transformers: [] };
  let seed = 0;
  const audioPerSecond = await takeTurns(
    {
      async quantone() {
        const [beginWall, begin] = [performance.now(), processorSeconds()];
        let [numSamples, firstWall] = [0, 0];
        for await (const { channels } of model.synthesizeStream(sentence, { seed: seed++ })) {
          if (numSamples === 0) firstWall = performance.now() - beginWall;
          numSamples += channels[0]?.length ?? 0;
        }
        first.quantone.push(firstWall);
        return numSamples / model.sampleRate / (processorSeconds() - begin);
      },
      async transformers() {
        const [audio = 0, processor = 1, wall = 0] = (await worker.ask(symbols.join(" "))).split(" ").map(Number);
        first.transformers.push(wall * 1000);
        return audio / processor;
      },
    },
    Number(values.rounds),
  );
  worker.stop();
  return {
    rival: worker.greeting,
    firstSoundMs: { quantone: spread(first.quantone.slice(1)), transformers: spread(first.transformers.slice(1)) },
    audioSecondsPerProcessorSecond: {
      quantone: Number(median(audioPerSecond.quantone).toFixed(2)),
      transformers: Number(median(audioPerSecond.transformers).toFixed(2)),
      ratio: ratio(audioPerSecond.quantone, audioPerSecond.transformers),
    },
  };
}

/** The middle of the rounds, and the best of them. */
function spread(times: readonly number[]) {
  return { median: Math.round(median(times)), best: Math.round(Math.min(...times)) };
}

async function measureMemory(model: Model) {
  const numSentences = Number(values.sentences);
  const text = `${sentence} `.repeat(numSentences);
  let [numSamples, pauses, residentAfterTen] = [0, 0, 0];
  for await (const { channels } of model.synthesizeStream(text)) {
    const samples = channels[0] ?? new Float32Array();
    numSamples += samples.length;
    // Nothing but a pause is silent to the last bit.
    if (samples.every((sample) => sample === 0) && ++pauses === 10) residentAfterTen = residentMegabytes();
  }
  return {
    sentences: numSentences,
    audioSeconds: Math.round(numSamples / model.sampleRate),
    growthMegabytesAfterTenSentences: Math.round(residentMegabytes() - residentAfterTen),
    residentMegabytes: Math.round(residentMegabytes()),
  };
}

function residentMegabytes(): number {
  return process.memoryUsage().rss / 2 ** 20;
}
