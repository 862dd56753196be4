/**
 * How near our HiFi-GAN is to PyTorch at full size, whole and in windows, as the table of codecs/hifi-gan/README.md.
 *
 * `python scripts/hifi-gan/make_vectors.py full DIR && npx tsx scripts/hifi-gan/parity.ts DIR`; without DIR: the small
 * golden vocoders.
 */
import { reachOf } from "../../codecs/hifi-gan/generator-graph";
import { loadVocoder } from "../../src/index";
import { type HifiganGolden, hifiganFolder, readHifiganGolden } from "../../test/helpers/golden-hifi-gan";

const [, , given] = process.argv;
const names = given === undefined ? ["kind-1", "kind-2", "speecht5"] : ["v1", "v2", "v3", "speecht5"];

console.log(
  "| vocoder | frames | looks back, ahead | largest difference | root mean square | of the signal | stream |",
);
console.log("|---|---|---|---|---|---|---|");
for (const name of names) await report(await readHifiganGolden(name, given ?? hifiganFolder));

async function report({ source, config, weightsPath, logMel, waveform }: HifiganGolden): Promise<void> {
  await using vocoder = await loadVocoder({ config: source, weights: weightsPath }, { device: "cpu" });
  const samples = (await vocoder.vocode(logMel)).channels[0] ?? new Float32Array();
  const difference = samples.map((value, at) => value - (waveform[at] ?? Number.NaN));
  const { back, ahead } = reachOf(config);
  const streamed: number[] = [];
  for await (const piece of vocoder.vocodeStream(frames(logMel, config.mel.numMels))) streamed.push(...piece);
  const numDifferent = samples.filter((value, at) => value !== streamed[at]).length;
  const numbers = [largest(difference), rootMeanSquare(difference), rootMeanSquare(waveform)];
  const cells = [
    config.name,
    logMel.length / config.mel.numMels,
    `${back}, ${ahead} frames`,
    ...numbers.map((value) => value.toExponential(1)),
    streamed.length === samples.length ? `${numDifferent} samples differ` : `${streamed.length} samples`,
  ];
  console.log(`| ${cells.join(" | ")} |`);
}

function* frames(features: Float32Array, width: number): Generator<Float32Array> {
  for (let at = 0; at < features.length; at += width) yield features.subarray(at, at + width);
}

function largest(values: Float32Array): number {
  return values.reduce((worst, value) => Math.max(worst, Math.abs(value)), 0);
}

function rootMeanSquare(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}
