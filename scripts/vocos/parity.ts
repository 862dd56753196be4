/**
 * How near our Vocos is to PyPI vocos, stage by stage, as the table of codecs/vocos/README.md.
 *
 * `python scripts/vocos/make_vectors.py full DIR && npx tsx scripts/vocos/parity.ts DIR`; without DIR: the tiny models.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { buildBackbone } from "../../codecs/vocos/backbone-graph";
import type { VocosConfig } from "../../codecs/vocos/config";
import type { StateDict } from "../../src/checkpoints/state-dict";
import { loadVocoder, melSpectrogram } from "../../src/index";
import { NetworkSession } from "../../src/runtime/network-session";
import { openRuntime } from "../../src/runtime/open-runtime";
import {
  goldenRate,
  readVocosGolden,
  type VocosKind,
  type VocosVectors,
  vocosTinyFolder,
} from "../../test/helpers/golden-vocos";

const cpu = { device: "cpu" } as const;
const folder = process.argv[2] ?? vocosTinyFolder;

console.log("| model | frames | stage | largest difference | root mean square of the difference | of the signal |");
console.log("|---|---|---|---|---|---|");
for (const kind of ["mel", "encodec"] as const) {
  const { config, weights, signals } = await readVocosGolden(kind, folder);
  for (const [index, signal] of signals.entries()) {
    const bitsPerSecond = goldenRate(config, index);
    const row = rowOf(`${kind}, ${signal.numFrames} frames`);
    if (signal.samples !== undefined && config.mel !== undefined) {
      row("features", melSpectrogram(signal.samples, config.mel), signal.features);
    }
    row("spectrum", await spectrumOf(config, weights, signal, bitsPerSecond), signal.spectrum);
    row("audio", await audioOf(kind, signal, bitsPerSecond), signal.audio);
  }
}

async function spectrumOf(
  config: VocosConfig,
  weights: StateDict,
  { features, numFrames }: VocosVectors,
  bitsPerSecond: number | undefined,
): Promise<Float32Array> {
  const network = buildBackbone(config, weights, "offline");
  await using session = await NetworkSession.create(await openRuntime(cpu), network);
  const marks = config.encodec?.bitsPerSecond.map((rate) => (rate === bitsPerSecond ? 1 : 0));
  const { spectrum } = await session.run({
    features: { data: features, shape: [1, numFrames, config.featureDim] },
    ...(marks && { rate: { data: Float32Array.from(marks), shape: [marks.length] } }),
  });
  return spectrum?.data ?? new Float32Array();
}

async function audioOf(kind: VocosKind, { features }: VocosVectors, bitsPerSecond: number | undefined) {
  const config = JSON.parse(readFileSync(join(folder, `${kind}.json`), "utf8"));
  await using vocoder = await loadVocoder({ config, weights: join(folder, `${kind}.bin`) }, cpu);
  const audio = await vocoder.vocode(features, bitsPerSecond === undefined ? {} : { bitsPerSecond });
  return audio.channels[0] ?? new Float32Array();
}

/** Prints rows of one signal. What comes behind the end of PyTorch's is left out: features and samples of a last hop. */
function rowOf(title: string): (stage: string, actual: Float32Array, expected: Float32Array) => void {
  return (stage, actual, expected) => {
    if (actual.length < expected.length) {
      throw new Error(`${stage}: ${actual.length} numbers instead of ${expected.length}`);
    }
    const difference = expected.map((value, index) => value - (actual[index] ?? 0));
    const largest = difference.reduce((worst, value) => Math.max(worst, Math.abs(value)), 0);
    const numbers = [largest, rootMeanSquare(difference), rootMeanSquare(expected)];
    console.log(`| ${title.replace(", ", " | ")} | ${stage} | ${numbers.map((n) => n.toExponential(1)).join(" | ")} |`);
  };
}

function rootMeanSquare(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}
