/**
 * How near our SoundStream is to its PyTorch twin, stage by stage, as the table of codecs/soundstream/README.md.
 *
 * In training/: `python -m quantone_training.soundstream.make_vectors full DIR`; then, at the root:
 * `npx tsx scripts/soundstream/parity.ts DIR`. Without DIR: the two small models.
 */
import { join } from "node:path";
import { loadCodec, type PcmAudio, type TokenFrames } from "../../src/index";
import { ResidualQuantizer } from "../../src/rvq/quantize";
import {
  type DenoisingCase,
  isDenoised,
  readSoundstreamGolden,
  type SoundstreamGolden,
  type SoundstreamVectors,
  soundstreamFolder,
} from "../../test/helpers/golden-soundstream";
import { runNetwork } from "../../test/helpers/run-network";

const given = process.argv[2];
const folders = given === undefined ? [soundstreamFolder("encoder"), soundstreamFolder("decoder")] : [given];

console.log("| model | samples | denoising | stage | largest difference | rms of the difference | rms of the signal |");
console.log("|---|---|---|---|---|---|---|");
for (const folder of folders) {
  const golden = readSoundstreamGolden(folder);
  const cases: DenoisingCase[] = golden.config.denoising === undefined ? ["off"] : ["off", "switched"];
  for (const signal of golden.signals) for (const denoising of cases) await report(golden, signal, denoising);
}

async function report(golden: SoundstreamGolden, signal: SoundstreamVectors, denoising: DenoisingCase): Promise<void> {
  const { config, folder } = golden;
  const { sampleRate, hopLength, frameRate } = config;
  const title = `| ${config.encoderChannels} channels | ${signal.input.length} | ${denoising} |`;
  const expected = signal[denoising];
  const denoise = (seconds: number) => isDenoised(golden, denoising, Math.round(seconds * frameRate));
  const encodeOptions = config.denoising === "encoder" ? { denoise } : {};
  const decodeOptions = config.denoising === "decoder" ? { denoise } : {};
  await using codec = await loadCodec("soundstream", { weights: join(folder, "weights.safetensors"), device: "cpu" });
  const audio: PcmAudio = { channels: [signal.input], sampleRate };
  if (config.denoising === undefined) row(title, "latents", await latentsOf(golden, signal), expected.latents);
  const tokens = await codec.encode(audio, encodeOptions);
  console.log(`${title} tokens | ${tokenDifferences(golden, tokens.codes, expected)} | | |`);
  const theirs = { ...tokens, codes: Uint16Array.from(expected.tokens) };
  const decoded = samplesOf([await codec.decode(theirs, decodeOptions)]);
  row(title, "samples, from the same tokens", decoded, expected.waveform);
  const pieces: TokenFrames[] = [];
  for await (const piece of codec.encodeStream(framesOf(audio, hopLength), encodeOptions)) pieces.push(piece);
  const streamed = pieces.flatMap(({ codes }) => [...codes]);
  const chunks: PcmAudio[] = [];
  for await (const chunk of codec.decodeStream(pieces, decodeOptions)) chunks.push(chunk);
  const whole = samplesOf([await codec.decode(tokens, decodeOptions)]);
  const numTokens = streamed.filter((code, index) => code !== tokens.codes[index]).length;
  const numSamples = samplesOf(chunks).filter((value, index) => value !== whole[index]).length;
  const isComplete = streamed.length === tokens.codes.length && samplesOf(chunks).length === whole.length;
  if (!isComplete) throw new Error("frame by frame gives another number of tokens or samples");
  const verdict = `${numTokens} tokens and ${numSamples} samples differ from the call on the whole`;
  console.log(`${title} frame by frame | ${verdict} | | |`);
}

async function latentsOf({ config, weights }: SoundstreamGolden, { input }: SoundstreamVectors): Promise<Float32Array> {
  const { buildEncoder } = await import("../../codecs/soundstream/encoder-graph");
  const padded = new Float32Array(Math.ceil(input.length / config.hopLength) * config.hopLength);
  padded.set(input);
  const { latents } = await runNetwork(buildEncoder(config, weights, "offline"), padded, config.hopLength);
  return latents ?? new Float32Array();
}

function row(title: string, stage: string, actual: Float32Array, expected: Float32Array): void {
  if (actual.length !== expected.length)
    throw new Error(`${stage}: ${actual.length} numbers instead of ${expected.length}`);
  const difference = actual.map((value, index) => value - (expected[index] ?? 0));
  const largest = difference.reduce((worst, value) => Math.max(worst, Math.abs(value)), 0);
  const numbers = [largest, rootMeanSquare(difference), rootMeanSquare(expected)];
  console.log(`${title} ${stage} | ${numbers.map((value) => value.toExponential(1)).join(" | ")} |`);
}

/** How many tokens differ, and how near a tie the first one of each frame that does is: the others follow from it. */
function tokenDifferences(
  { config, weights }: SoundstreamGolden,
  actual: Uint16Array,
  { tokens, latents }: SoundstreamVectors[DenoisingCase],
): string {
  const { numCodebooks, codebookSize, codebookDim } = config.rvq;
  const codewords = weights.get("rvq.codebooks")?.data ?? new Float32Array();
  const quantizer = new ResidualQuantizer({ numCodebooks, codebookSize, codebookDim, codewords });
  const margins: number[] = [];
  let numDifferent = 0;
  for (let frame = 0; frame * numCodebooks < actual.length; frame++) {
    const ours = actual.subarray(frame * numCodebooks, (frame + 1) * numCodebooks);
    const theirs = tokens.subarray(frame * numCodebooks, (frame + 1) * numCodebooks);
    numDifferent += ours.filter((code, stage) => code !== theirs[stage]).length;
    const stage = ours.findIndex((code, index) => code !== theirs[index]);
    if (stage < 0) continue;
    const target = latents.subarray(frame * codebookDim, (frame + 1) * codebookDim);
    const distance = (last: number) => {
      const reached = quantizer.dequantize(Uint16Array.from([...ours.subarray(0, stage), last]), stage + 1);
      return target.reduce((sum, value, index) => sum + (value - (reached[index] ?? 0)) ** 2, 0);
    };
    const [chosen, other] = [distance(ours[stage] ?? 0), distance(theirs[stage] ?? 0)];
    margins.push(Math.abs(chosen - other) / chosen);
  }
  const ties =
    margins.length === 0 ? "" : `, distances of the first in a frame apart by ${Math.max(...margins)} at most`;
  return `${numDifferent} of ${tokens.length} differ${ties}`;
}

function* framesOf({ channels: [samples = new Float32Array()], sampleRate }: PcmAudio, hopLength: number) {
  for (let begin = 0; begin < samples.length; begin += hopLength) {
    yield { channels: [samples.subarray(begin, begin + hopLength)], sampleRate };
  }
}

function samplesOf(chunks: readonly PcmAudio[]): Float32Array {
  return Float32Array.from(chunks.flatMap(({ channels }) => [...(channels[0] ?? [])]));
}

function rootMeanSquare(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}
