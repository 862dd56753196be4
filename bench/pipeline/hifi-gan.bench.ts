/**
 * HiFi-GAN V1, V2, V3 and 16k at full size on random weights, one thread, beside PyTorch with weight norm folded: as the
 * authors wrote it, and with the channels last in memory, a layout that nobody publishes and that is often faster.
 *
 *     npx tsx bench/pipeline/hifi-gan.bench.ts [--json] [--rounds 5] [--seconds 5] [--vocoder hifigan-v1]
 *
 * Speed is of whole calls, features to samples, in seconds of audio per second of processor time; the three take
 * turns, and a ratio is the median of what one round measured.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { loadVocoder } from "../../src/index";
import { maxDifference } from "../../test/helpers/golden";
import { noise } from "../../test/helpers/synth-audio";
import { pythonEnvironment } from "../compare/python-environment";
import { PythonWorker } from "../compare/python-worker";
import { machine, median, processorSeconds, ratio, takeTurns } from "../harness";

const versions = ["v1", "v2", "v3", "16k"];
const { values } = parseArgs({
  options: {
    json: { type: "boolean" },
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "5" },
    vocoder: { type: "string" },
  },
});
const root = join(import.meta.dirname, "..", "..");
const python = pythonEnvironment(join(root, "scripts", "hifi-gan", "requirements.txt"), []);
const folder = mkdtempSync(join(tmpdir(), "quantone-bench-"));
try {
  execFileSync(python, ["-W", "ignore", join(root, "scripts", "hifi-gan", "make_vectors.py"), "full", folder]);
  const chosen = versions.filter((version) => `hifigan-${version}` === (values.vocoder ?? `hifigan-${version}`));
  const measured: [string, object][] = [];
  for (const version of chosen) measured.push([`hifigan-${version}`, await measure(version)]);
  const conditions = { machine: machine(), threads: 1, clock: "processor time", rounds: Number(values.rounds) };
  const report = { ...conditions, vocoders: Object.fromEntries(measured) };
  if (values.json) console.log(JSON.stringify(report, null, 2));
  else console.dir(report, { depth: null });
} finally {
  rmSync(folder, { recursive: true });
}

async function measure(version: string) {
  const checkpoint = join(folder, version, "generator");
  await using vocoder = await loadVocoder(`hifigan-${version}`, { weights: checkpoint, device: "cpu", numThreads: 1 });
  const numFrames = Math.round((Number(values.seconds) * vocoder.sampleRate) / vocoder.hopLength);
  const seconds = (numFrames * vocoder.hopLength) / vocoder.sampleRate;
  const features = noise(numFrames * vocoder.featureDim, 1).map((value) => 2 * value - 5);
  const files = { features: join(folder, "features.f32"), audio: join(folder, "audio.f32") };
  writeFileSync(files.features, features);
  const config = join(root, "codecs", "hifi-gan", `config-${version}.json`);
  const script = join(root, "bench", "compare", "hifi_gan.py");
  const rival = await PythonWorker.start(python, script, [config, checkpoint, files.features]);
  const ours = async () => {
    const begin = processorSeconds();
    await vocoder.vocode(features);
    return seconds / (processorSeconds() - begin);
  };
  const theirs = (form: string) => async () => seconds / Number(await rival.ask(form));
  const contenders = { ours, published: theirs("published"), channelsLast: theirs("channels-last") };
  const speeds = await takeTurns(contenders, Number(values.rounds));
  await rival.ask(`published ${files.audio}`);
  rival.stop();
  const audio = (await vocoder.vocode(features)).channels[0] ?? new Float32Array();
  const expected = new Float32Array(new Uint8Array(readFileSync(files.audio)).buffer);
  return {
    rival: rival.greeting,
    seconds: Number(seconds.toFixed(2)),
    timesRealTime: Number(median(speeds.ours).toFixed(2)),
    published: against(speeds.ours, speeds.published),
    channelsLast: against(speeds.ours, speeds.channelsLast),
    // Both sides did the same work.
    largestDifference: maxDifference(audio, expected),
  };
}

/** One form of the rival: how fast it was, and how many times as fast we were. */
function against(ours: readonly number[], theirs: readonly number[]) {
  return { timesRealTime: Number(median(theirs).toFixed(2)), ratio: Number(ratio(ours, theirs).toFixed(2)) };
}
