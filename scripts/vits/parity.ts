/**
 * How near our VITS is to transformers' VitsModel, stage by stage, as the table of codecs/vits/README.md.
 *
 * `python scripts/vits/make_vectors.py full DIR && npx tsx scripts/vits/parity.ts DIR`, `speakers` in place of `full` for a
 * model of several voices; without DIR: the tiny models. Every stage has our own result of the stage before as its input.
 */
import { openVits } from "../../codecs/vits/index";
import type { NoiseSource } from "../../src/sampling/gaussian";
import type { SpeakOptions } from "../../src/synthesis/speech-model";
import { readVitsGolden, type VitsGolden } from "../../test/helpers/golden-vits";

const folders = process.argv[2] === undefined ? ["vits-tiny", "vits-tiny-speakers"] : [process.argv[2]];

console.log("| text | stage | largest difference | rms of the difference | rms of the signal |");
console.log("|---|---|---|---|---|");
for (const folder of folders) await report(readVitsGolden(folder));

async function report(golden: VitsGolden): Promise<void> {
  const numSymbols = golden.weights.get("text_encoder.embed_tokens.weight")?.shape[0] ?? 0;
  const vocabulary = Object.fromEntries(Array.from({ length: numSymbols }, (_, number) => [`<${number}>`, number]));
  const engine = await openVits({ config: undefined, weights: golden.folder }, { vocabulary, device: "cpu" });
  for (const [index, speaker] of golden.speakers.entries()) {
    const { vector } = golden;
    const symbols = [...vector(`${index}.tokens`)];
    const drawn = golden.has(`${index}.durationNoise`) ? vector(`${index}.durationNoise`) : new Float32Array();
    const label = `${symbols.length} symbols`;
    const statistics = await engine.textStatistics(symbols, speakOptions(speaker, given(drawn)));
    row(label, "means of the prior", statistics.means, vector(`${index}.means`));
    row(label, "log deviations", statistics.logDeviations, vector(`${index}.logDeviations`));
    row(label, "log durations", statistics.logDurations, vector(`${index}.logDurations`));
    const noise = given(joined([drawn, vector(`${index}.priorNoise`)]));
    const chunks: Float32Array[] = [];
    for await (const chunk of engine.speakSymbols(symbols, speakOptions(speaker, noise))) chunks.push(chunk);
    const expected = vector(`${index}.waveform`);
    row(`${label}, ${expected.length} samples`, "samples, in chunks", joined(chunks), expected);
  }
  if (golden.has("conversion.waveform")) {
    const noise = given(golden.vector("conversion.noise"));
    const { speaker: _, ...options } = speakOptions(0, noise);
    const stream = await engine.openConversion({ ...options, from: 0, to: 2 });
    const samples = golden.vector("conversion.samples");
    const parts = [await stream.push(samples), await stream.flush()];
    row(`${samples.length} samples`, "converted samples", joined(parts), golden.vector("conversion.waveform"));
  }
  await engine.dispose();
}

function speakOptions(speaker: number, noise: NoiseSource): SpeakOptions {
  const ownScales = { speakingRate: undefined, noiseScale: undefined, durationNoiseScale: undefined };
  return { speaker, noise, signal: undefined, ...ownScales };
}

/** Hands out given numbers in order. */
function given(numbers: Float32Array): NoiseSource {
  let at = 0;
  return {
    take(length) {
      at += length;
      return numbers.slice(at - length, at);
    },
  };
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function row(label: string, stage: string, actual: Float32Array, expected: Float32Array): void {
  if (actual.length !== expected.length) {
    throw new Error(`${stage}: ${actual.length} numbers instead of ${expected.length}`);
  }
  const difference = actual.map((value, index) => value - (expected[index] ?? 0));
  const largest = difference.reduce((worst, value) => Math.max(worst, Math.abs(value)), 0);
  const numbers = [largest, rootMeanSquare(difference), rootMeanSquare(expected)];
  console.log(`| ${label} | ${stage} | ${numbers.map((value) => value.toExponential(1)).join(" | ")} |`);
}

function rootMeanSquare(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}
