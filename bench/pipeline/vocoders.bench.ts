/**
 * DiffWave in 6 steps, ours for 16 kHz too, and both Vocos, random weights, one thread: beside PyTorch in the same run.
 *
 *     npx tsx bench/pipeline/vocoders.bench.ts [--json] [--rounds 12] [--vocoder diffwave]
 *
 * Speed is of whole calls, features to samples, in processor time; the two sides take turns, and a ratio is the median of
 * what one round measured.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { loadVocoder } from "../../src/index";
import { noise } from "../../test/helpers/synth-audio";
import { pythonEnvironment } from "../compare/python-environment";
import { PythonWorker } from "../compare/python-worker";
import { machine, median, processorSeconds, ratio, takeTurns } from "../harness";

/** How long a signal each takes, so that a round ends within seconds, how many rounds, and the rate of its features. */
const vocoders = {
  diffwave: { seconds: 1, rounds: 3, script: "diffwave", file: "mel.pt", bitsPerSecond: undefined },
  "diffwave-16k": { seconds: 1, rounds: 5, script: "diffwave", file: "16k.pt", bitsPerSecond: undefined },
  "vocos-mel-24khz": { seconds: 10, rounds: 12, script: "vocos", file: "mel.bin", bitsPerSecond: undefined },
  "vocos-encodec-24khz": { seconds: 10, rounds: 12, script: "vocos", file: "encodec.bin", bitsPerSecond: 6000 },
} as const;
type Name = keyof typeof vocoders;

const { values } = parseArgs({
  options: {
    json: { type: "boolean" },
    rounds: { type: "string" },
    vocoder: { type: "string" },
  },
});
const compare = join(import.meta.dirname, "..", "compare");
const scripts = join(import.meta.dirname, "..", "..", "scripts");
const python = pythonEnvironment(join(compare, "vocoders-requirements.txt"), [
  "diffwave==0.1.7",
  "vocos==0.1.0",
  "encodec==0.1.1",
]);
const folder = mkdtempSync(join(tmpdir(), "quantone-bench-"));
try {
  const names = (Object.keys(vocoders) as Name[]).filter((name) => name === (values.vocoder ?? name));
  const measured: [string, object][] = [];
  for (const name of names) measured.push([name, await measure(name)]);
  const conditions = { machine: machine(), threads: 1, clock: "processor time" };
  const report = { ...conditions, vocoders: Object.fromEntries(measured) };
  console.log(values.json ? JSON.stringify(report, null, 2) : report);
} finally {
  rmSync(folder, { recursive: true });
}

async function measure(name: Name) {
  const { seconds, script, file, bitsPerSecond } = vocoders[name];
  const rounds = Number(values.rounds ?? vocoders[name].rounds);
  const models = join(folder, script);
  mkdirSync(models, { recursive: true });
  execFileSync(python, ["-W", "ignore", join(scripts, script, "make_vectors.py"), "full", models]);
  await using vocoder = await loadVocoder(name, { weights: join(models, file), device: "cpu", numThreads: 1 });
  const numFrames = Math.round((seconds * vocoder.sampleRate) / vocoder.hopLength);
  const features = noise(numFrames * vocoder.featureDim, 1).map((value) => 0.5 + 0.5 * value);
  const featuresFile = join(folder, "features.f32");
  writeFileSync(featuresFile, features);
  const rival = await PythonWorker.start(python, join(compare, "vocoders.py"), [name, models, featuresFile]);
  const options = bitsPerSecond === undefined ? {} : { bitsPerSecond };
  const ours = async () => {
    const begin = processorSeconds();
    await vocoder.vocode(features, options);
    return seconds / (processorSeconds() - begin);
  };
  const theirs = async () => seconds / Number(await rival.ask(`vocode ${numFrames}`));
  const speeds = await takeTurns({ ours, theirs }, rounds);
  await rival.ask(`audio ${numFrames}`);
  const audio = (await vocoder.vocode(features, options)).channels[0] ?? new Float32Array();
  rival.stop();
  return {
    rival: rival.greeting,
    seconds,
    rounds,
    realTimeFactor: Number(median(speeds.ours).toFixed(3)),
    rivals: Number(median(speeds.theirs).toFixed(3)),
    ratio: Number(ratio(speeds.ours, speeds.theirs).toFixed(2)),
    ...(script !== "diffwave" && { largestDifference: largestDifference(audio, join(folder, "audio.f32")) }),
  };
}

/** Both sides did the same work. DiffWave's draw noise of their own; scripts/diffwave/parity.ts gives both the same. */
function largestDifference(audio: Float32Array, file: string): number {
  const theirs = new Float32Array(new Uint8Array(readFileSync(file)).buffer);
  return theirs.reduce((worst, value, index) => Math.max(worst, Math.abs(value - (audio[index] ?? 0))), 0);
}
