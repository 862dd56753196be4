/**
 * How near our EnCodec is to PyPI encodec, stage by stage, as the table of codecs/encodec/README.md.
 *
 * `python scripts/encodec/make_vectors.py full DIR && npx tsx scripts/encodec/parity.ts DIR`; without DIR: the tiny model.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadCodec, type PcmAudio } from "../../src/index";
import { ResidualQuantizer } from "../../src/rvq/quantize";
import { type EncodecVectors, encodecTinyFolder, readEncodecGolden } from "../../test/helpers/golden-encodec";

const folder = process.argv[2] ?? encodecTinyFolder;
const golden = readEncodecGolden(folder);
const { numCodebooks, codebookSize, codebookDim } = golden.config.rvq;
const quantizer = new ResidualQuantizer({ numCodebooks, codebookSize, codebookDim, codewords: codewords() });

console.log("| samples | stage | largest difference | root mean square of the difference | of the signal |");
console.log("|---|---|---|---|---|");
for (const signal of golden.signals) await report(signal);

async function report(signal: EncodecVectors): Promise<void> {
  const config: object = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
  const weights = readFileSync(join(folder, "weights.safetensors"));
  await using codec = await loadCodec({ config, weights }, { device: "cpu" });
  const audio: PcmAudio = { channels: [signal.input], sampleRate: golden.config.sampleRate };
  const latents = await latentsOf(audio);
  row(signal, "latents", latents, signal.latents);
  const tokens = await codec.encode(audio);
  const wrong = countFrames(tokens.codes, signal.tokens);
  const text = `${wrong.codes} of ${signal.tokens.length} differ (within the first 2, 4, 8, 16, 32 codebooks: ${byRate(tokens.codes, signal.tokens)}); ${flips(tokens.codes, signal)}`;
  console.log(`| ${signal.input.length} | tokens | ${text} | | |`);
  const theirs = { ...tokens, codes: Uint16Array.from(signal.tokens) };
  const decoded = (await codec.decode(theirs)).channels[0] ?? new Float32Array();
  row(signal, "samples, from the same tokens", decoded, signal.waveform.subarray(0, decoded.length));
  await using immediate = await loadCodec({ config: { ...config, startFrames: 1 }, weights }, { device: "cpu" });
  const early = await immediate.encode(audio);
  const pieces: number[] = [];
  for await (const piece of immediate.encodeStream(frames(audio))) pieces.push(...piece.codes);
  const different = countFrames(Uint16Array.from(pieces), early.codes);
  console.log(
    `| ${signal.input.length} | stream that starts at once | ${different.codes} of ${pieces.length} tokens differ, all before frame ${different.lastFrame + 1} | | |`,
  );
}

async function latentsOf(audio: PcmAudio): Promise<Float32Array> {
  const { buildEncoder } = await import("../../codecs/encodec/encoder-graph");
  const { runNetwork } = await import("../../test/helpers/run-network");
  const samples = audio.channels[0] ?? new Float32Array();
  const network = buildEncoder(golden.config, golden.weights, "offline");
  return (await runNetwork(network, samples, golden.config.hopLength)).latents ?? new Float32Array();
}

function row(signal: EncodecVectors, stage: string, actual: Float32Array, expected: Float32Array): void {
  if (actual.length !== expected.length)
    throw new Error(`${stage}: ${actual.length} numbers instead of ${expected.length}`);
  const difference = actual.map((value, index) => value - (expected[index] ?? 0));
  const largest = difference.reduce((worst, value) => Math.max(worst, Math.abs(value)), 0);
  const numbers = [largest, rootMeanSquare(difference), rootMeanSquare(expected)].map((value) =>
    value.toExponential(1),
  );
  console.log(`| ${signal.input.length} | ${stage} | ${numbers.join(" | ")} |`);
}

function rootMeanSquare(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}

function countFrames(actual: Uint16Array, expected: ArrayLike<number>) {
  if (actual.length !== expected.length) throw new Error(`${actual.length} tokens instead of ${expected.length}`);
  const wrong = [...actual.keys()].filter((index) => actual[index] !== expected[index]);
  const frames = new Set(wrong.map((index) => Math.floor(index / numCodebooks)));
  return { codes: wrong.length, frames: frames.size, lastFrame: Math.max(-1, ...frames) };
}

/** How many tokens differ at the rates of the published model: fewer codebooks are the first ones of more. */
function byRate(actual: Uint16Array, expected: ArrayLike<number>): string {
  const stages = [...actual.keys()].filter((index) => actual[index] !== expected[index]).map((at) => at % numCodebooks);
  return [2, 4, 8, 16, 32].map((count) => stages.filter((stage) => stage < count).length).join(", ");
}

/** The first token that differs in each frame, by how much nearer it is: all others of the frame follow from it. */
function flips(actual: Uint16Array, signal: EncodecVectors): string {
  const margins: number[] = [];
  for (let frame = 0; frame * numCodebooks < actual.length; frame++) {
    const ours = actual.subarray(frame * numCodebooks, (frame + 1) * numCodebooks);
    const stage = ours.findIndex((code, index) => code !== signal.tokens[frame * numCodebooks + index]);
    if (stage < 0) continue;
    const latents = signal.latents.subarray(frame * codebookDim, (frame + 1) * codebookDim);
    const distance = (last: number) => {
      const codes = Uint16Array.from([...ours.subarray(0, stage), last]);
      const reached = quantizer.dequantize(codes, stage + 1);
      return latents.reduce((sum, value, index) => sum + (value - (reached[index] ?? 0)) ** 2, 0);
    };
    const [chosen, theirs] = [distance(ours[stage] ?? 0), distance(signal.tokens[frame * numCodebooks + stage] ?? 0)];
    margins.push(Math.abs(chosen - theirs) / chosen);
  }
  if (margins.length === 0) return "no near tie";
  return `the first of each frame is a near tie: distances differ by ${Math.max(...margins).toExponential(1)} of themselves at most`;
}

function codewords(): Float32Array {
  const stages = Array.from({ length: numCodebooks }, (_, stage) => {
    const tensor = golden.weights.get(`quantizer.layers.${stage}.codebook.embed`);
    return [...(tensor?.data ?? [])];
  });
  return Float32Array.from(stages.flat());
}

function* frames({ channels, sampleRate }: PcmAudio): Generator<PcmAudio> {
  const [samples = new Float32Array()] = channels;
  const { hopLength } = golden.config;
  for (let begin = 0; begin < samples.length; begin += hopLength) {
    yield { channels: [samples.subarray(begin, begin + hopLength)], sampleRate };
  }
}
