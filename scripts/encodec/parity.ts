/**
 * How near our EnCodec is to PyPI encodec, stage by stage, as the table of codecs/encodec/README.md.
 *
 * `python scripts/encodec/make_vectors.py full DIR`, then `npx tsx scripts/encodec/parity.ts DIR/24khz`, and 48khz and
 * 32khz; without DIR: the tiny models.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { deinterleave, interleave } from "../../src/audio/channels";
import { type Codec, loadCodec, type PcmAudio } from "../../src/index";
import { ResidualQuantizer } from "../../src/rvq/quantize";
import {
  type EncodecVectors,
  encodecTinyFolder,
  encodecTinyFolders,
  encodecWeightsFile,
  readEncodecGolden,
} from "../../test/helpers/golden-encodec";

const [, , wanted] = process.argv;
for (const folder of wanted === undefined ? [encodecTinyFolder, ...Object.values(encodecTinyFolders)] : [wanted]) {
  await reportModel(folder);
}

type Golden = ReturnType<typeof readEncodecGolden>;

async function reportModel(folder: string): Promise<void> {
  const golden = readEncodecGolden(folder);
  const { differentInTransformers } = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
  console.log(
    `\n${golden.config.name}; transformers differs from encodec by ${JSON.stringify(differentInTransformers)}\n`,
  );
  console.log("| samples | stage | largest difference | root mean square of the difference | of the signal |");
  console.log("|---|---|---|---|---|");
  const config: object = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
  const weights = readFileSync(encodecWeightsFile(folder));
  await using codec = await loadCodec({ config, weights }, { device: "cpu" });
  for (const signal of golden.signals) await report(golden, codec, signal);
  if (!golden.config.isCausal) return;
  await using immediate = await loadCodec({ config: { ...config, startFrames: 1 }, weights }, { device: "cpu" });
  for (const signal of golden.signals) await reportImmediate(golden, immediate, signal);
}

function audioOf({ config }: Golden, { input }: EncodecVectors): PcmAudio {
  return { channels: deinterleave(input, config.numChannels), sampleRate: config.sampleRate };
}

async function report(golden: Golden, codec: Codec, signal: EncodecVectors): Promise<void> {
  const { numChannels } = golden.config;
  const audio = audioOf(golden, signal);
  const length = signal.input.length / numChannels;
  if (golden.config.segmentation === undefined) {
    row(length, "latents", await latentsOf(golden, signal), signal.latents);
  }
  const tokens = await codec.encode(audio);
  const wrong = countFrames(golden, tokens.codes, signal.tokens);
  const text = `${wrong.codes} of ${signal.tokens.length} differ (within the first 2, 4, 8, 16, 32 codebooks: ${byRate(golden, tokens.codes, signal.tokens)}); ${flips(golden, tokens.codes, signal)}`;
  console.log(`| ${length} | tokens | ${text} | | |`);
  if (signal.scales !== undefined) row(length, "scales", tokens.scales ?? new Float32Array(), signal.scales);
  const theirs = { ...tokens, codes: Uint16Array.from(signal.tokens), ...(signal.scales && { scales: signal.scales }) };
  const decoded = interleave((await codec.decode(theirs)).channels);
  row(length, "samples, from the same tokens", decoded, signal.waveform.subarray(0, decoded.length));
}

async function reportImmediate(golden: Golden, immediate: Codec, signal: EncodecVectors): Promise<void> {
  const audio = audioOf(golden, signal);
  const early = await immediate.encode(audio);
  const pieces: number[] = [];
  for await (const piece of immediate.encodeStream(frames(golden, audio))) pieces.push(...piece.codes);
  const different = countFrames(golden, Uint16Array.from(pieces), early.codes);
  console.log(
    `| ${signal.input.length} | stream that starts at once | ${different.codes} of ${pieces.length} tokens differ, all before frame ${different.lastFrame + 1} | | |`,
  );
}

async function latentsOf(golden: Golden, signal: EncodecVectors): Promise<Float32Array> {
  const { buildEncoder } = await import("../../codecs/encodec/encoder-graph");
  const { runNetwork } = await import("../../test/helpers/run-network");
  const network = buildEncoder(golden.config, golden.weights, "offline");
  return (await runNetwork(network, signal.input, 1)).latents ?? new Float32Array();
}

function row(length: number, stage: string, actual: Float32Array, expected: Float32Array): void {
  if (actual.length !== expected.length)
    throw new Error(`${stage}: ${actual.length} numbers instead of ${expected.length}`);
  const difference = actual.map((value, index) => value - (expected[index] ?? 0));
  const largest = difference.reduce((worst, value) => Math.max(worst, Math.abs(value)), 0);
  const numbers = [largest, rootMeanSquare(difference), rootMeanSquare(expected)].map((value) =>
    value.toExponential(1),
  );
  console.log(`| ${length} | ${stage} | ${numbers.join(" | ")} |`);
}

function rootMeanSquare(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}

function countFrames({ config }: Golden, actual: Uint16Array, expected: ArrayLike<number>) {
  if (actual.length !== expected.length) throw new Error(`${actual.length} tokens instead of ${expected.length}`);
  const wrong = [...actual.keys()].filter((index) => actual[index] !== expected[index]);
  const wrongFrames = new Set(wrong.map((index) => Math.floor(index / config.rvq.numCodebooks)));
  return { codes: wrong.length, lastFrame: Math.max(-1, ...wrongFrames) };
}

/** How many tokens differ at the rates of the published models: fewer codebooks are the first ones of more. */
function byRate({ config }: Golden, actual: Uint16Array, expected: ArrayLike<number>): string {
  const wrong = [...actual.keys()].filter((index) => actual[index] !== expected[index]);
  const stages = wrong.map((at) => at % config.rvq.numCodebooks);
  return [2, 4, 8, 16, 32].map((count) => stages.filter((stage) => stage < count).length).join(", ");
}

/** The first token that differs in each frame, by how much nearer it is: all others of the frame follow from it. */
function flips(golden: Golden, actual: Uint16Array, signal: EncodecVectors): string {
  const { numCodebooks, codebookSize, codebookDim } = golden.config.rvq;
  const quantizer = new ResidualQuantizer({ numCodebooks, codebookSize, codebookDim, codewords: codewords(golden) });
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

function codewords({ config, weights }: Golden): Float32Array {
  const { numCodebooks, codebookSize, codebookDim } = config.rvq;
  const joined = new Float32Array(numCodebooks * codebookSize * codebookDim);
  for (let stage = 0; stage < numCodebooks; stage++) {
    const tensor = weights.get(`quantizer.layers.${stage}.codebook.embed`);
    joined.set(tensor?.data ?? [], stage * codebookSize * codebookDim);
  }
  return joined;
}

function* frames({ config }: Golden, { channels, sampleRate }: PcmAudio): Generator<PcmAudio> {
  const [samples = new Float32Array()] = channels;
  for (let begin = 0; begin < samples.length; begin += config.hopLength) {
    yield { channels: [samples.subarray(begin, begin + config.hopLength)], sampleRate };
  }
}
