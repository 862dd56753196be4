/**
 * How near our Lyra V2 is to LiteRT on the published files, clip by clip, as the numbers of codecs/lyra-v2/README.md.
 *
 * `python scripts/lyra-v2/parity.py MODELS OUT CLIP... && npx tsx scripts/lyra-v2/parity.ts MODELS OUT [WAV_FOLDER]`;
 * WAV_FOLDER gets the clips and what they decode to, one folder each for `reference`, 3.2, 6 and 9.2 kbps.
 */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeWavFile } from "../../src/audio/index";
import { writeLyra } from "../../src/container/index";
import { bitsPerSecond, type Codec, loadCodec, type TokenFrames } from "../../src/index";

const [models = "", folder = "", wavFolder] = process.argv.slice(2);
const names: string[] = JSON.parse(readFileSync(join(folder, "clips.json"), "utf8"));
const rates = [16, 30, 46];
const numStages = 46;

/** What was compared and what differed. */
interface Tally {
  numTokens: number;
  numWrongTokens: number;
  numFrames: number;
  numWrongFrames: number;
  numSamples: number;
  numWrongSamples: number;
  largestDifference: number;
  numWrongFiles: number;
}

const total: Tally = {
  numTokens: 0,
  numWrongTokens: 0,
  numFrames: 0,
  numWrongFrames: 0,
  numSamples: 0,
  numWrongSamples: 0,
  largestDifference: 0,
  numWrongFiles: 0,
};

await using codec = await loadCodec("lyra-v2", { weights: models, device: "cpu" });
for (const name of names) await compare(codec, name);
console.log(`${names.length} clips, ${(total.numFrames / 50).toFixed(0)} s`);
console.log(
  `tokens: ${total.numWrongTokens} of ${total.numTokens} differ, in ${total.numWrongFrames} of ${total.numFrames} frames`,
);
console.log(
  `samples, from the same tokens: ${total.numWrongSamples} of ${total.numSamples} differ, by ${total.largestDifference} at most`,
);
console.log(`.lyra files: ${total.numWrongFiles} of ${rates.length * names.length} differ`);

async function compare(codec: Codec, name: string): Promise<void> {
  const samples = floats(`${name}.samples.f32`);
  const audio = { channels: [samples], sampleRate: codec.identity.sampleRate };
  const tokens = await codec.encode(audio);
  const expected = new Uint16Array(bytesOf(`${name}.tokens.u16`));
  const wrong = [...expected.keys()].filter((at) => tokens.codes[at] !== expected[at]);
  const frames = new Set(wrong.map((at) => Math.floor(at / numStages)));
  total.numTokens += expected.length;
  total.numWrongTokens += wrong.length;
  total.numFrames += expected.length / numStages;
  total.numWrongFrames += frames.size;
  if (wavFolder !== undefined) await keep("reference", name, samples);
  for (const stages of rates) await compareRate(codec, name, stages, { ...tokens, codes: expected });
  console.log(`${name}: ${wrong.length} of ${expected.length} tokens differ, in ${frames.size} frames`);
}

/** Decodes their tokens, and packs ours. */
async function compareRate(codec: Codec, name: string, stages: number, theirs: TokenFrames): Promise<void> {
  const codes = theirs.codes.filter((_, at) => at % numStages < stages);
  const tokens: TokenFrames = { ...theirs, codes, numCodebooks: stages };
  const decoded = (await codec.decode(tokens)).channels[0] ?? new Float32Array();
  const expected = floats(`${name}.${stages}.samples.f32`);
  for (const [at, sample] of expected.entries()) {
    const difference = Math.abs(sample - (decoded[at] ?? Number.NaN));
    total.numSamples++;
    if (difference === 0) continue;
    total.numWrongSamples++;
    total.largestDifference = Math.max(total.largestDifference, difference);
  }
  const packets = Buffer.from(bytesOf(`${name}.${stages}.lyra`));
  if (!packets.equals(writeLyra(tokens))) total.numWrongFiles++;
  if (wavFolder !== undefined) await keep(`${bitsPerSecond(tokens) / 1000}kbps`, name, decoded);
}

async function keep(kind: string, name: string, samples: Float32Array): Promise<void> {
  mkdirSync(join(wavFolder as string, kind), { recursive: true });
  await writeWavFile(join(wavFolder as string, kind, `${name}.wav`), { channels: [samples], sampleRate: 16_000 });
}

function floats(file: string): Float32Array {
  return new Float32Array(bytesOf(file));
}

function bytesOf(file: string): ArrayBuffer {
  const bytes = readFileSync(join(folder, file));
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
}
