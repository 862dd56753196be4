/**
 * What cannot be seen in decoded clips: tokens and streams of `speech-16k`, over the clips of robustness_clips.py.
 *
 *     npx tsx bench/quality/robustness.ts --clips CLIPS --out DECODED
 *
 * Writes `DECODED/streams.json`, for each condition: the codeword perplexity of the first codebooks, and how much differs
 * between one call and streams in pieces of any size. And a control for robustness.py, `DECODED/forgetful-6000`: clean
 * speech from a decoder that forgets its past at every frame, as a broken stream would.
 */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join, parse } from "node:path";
import { parseArgs } from "node:util";
import { readAudioFile, writeWavFile } from "../../src/audio/index";
import { concatAudio, numSamples } from "../../src/audio/pcm-audio";
import { type Codec, concatTokenFrames, loadCodec, numFrames, type PcmAudio, type TokenFrames } from "../../src/index";
import { seededRandom } from "../../test/helpers/synth-audio";

/** Of these the perplexity is told: the first stages carry the most. */
const codebooksTold = 4;
const longestChunkSamples = 5000;
const longestPieceFrames = 40;

const { values } = parseArgs({ options: { clips: { type: "string" }, out: { type: "string" } } });
if (values.clips === undefined || values.out === undefined) throw new Error("give --clips FOLDER and --out FOLDER");
const { clips, out } = values;

/** Cuts into pieces of seeded sizes from 1 to `longest`. */
function* cuts(length: number, longest: number): Generator<{ begin: number; end: number }> {
  const random = seededRandom(1);
  for (let begin = 0; begin < length; ) {
    const end = Math.min(length, begin + 1 + Math.floor(random() * longest));
    yield { begin, end };
    begin = end;
  }
}

function* chunksOf({ channels, sampleRate }: PcmAudio): Generator<PcmAudio> {
  const length = channels[0]?.length ?? 0;
  for (const { begin, end } of cuts(length, longestChunkSamples)) {
    yield { channels: channels.map((channel) => channel.subarray(begin, end)), sampleRate };
  }
}

function* piecesOf(tokens: TokenFrames, hopLength: number, longestFrames: number): Generator<TokenFrames> {
  const { codes, numCodebooks } = tokens;
  for (const { begin, end } of cuts(numFrames(tokens), longestFrames)) {
    const samples = Math.min(tokens.numSamples, end * hopLength) - begin * hopLength;
    yield { ...tokens, numSamples: samples, codes: codes.subarray(begin * numCodebooks, end * numCodebooks) };
  }
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

/** 2 to the entropy of one stage's codewords: as many equally frequent ones would be as hard to guess. */
function perplexity({ codes, numCodebooks, codebookSize }: TokenFrames, stage: number): number {
  const ofStage = codes.filter((_, at) => at % numCodebooks === stage);
  const counts = new Float64Array(codebookSize);
  for (const code of ofStage) counts[code] = (counts[code] ?? 0) + 1;
  const shares = counts.filter((count) => count > 0).map((count) => count / ofStage.length);
  return 2 ** shares.reduce((bits, share) => bits - share * Math.log2(share), 0);
}

/** Codes that differ, or the largest difference of samples; infinite when there are not as many. */
function numDifferent(a: Uint16Array, b: Uint16Array): number {
  return a.length === b.length ? a.reduce((sum, code, at) => sum + Number(code !== b[at]), 0) : Infinity;
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Infinity;
  return a.reduce((largest, sample, at) => Math.max(largest, Math.abs(sample - (b[at] ?? 0))), 0);
}

async function examine(codec: Codec, clip: PcmAudio) {
  const { hopLength, sampleRate } = codec.identity;
  const tokens = await codec.encode(clip);
  const streamed = concatTokenFrames(await collect(codec.encodeStream(chunksOf(clip))));
  const whole = await codec.decode(tokens);
  const pieces = await collect(codec.decodeStream(piecesOf(tokens, hopLength, longestPieceFrames)));
  const joined = concatAudio(pieces, 1, sampleRate);
  return {
    perplexity: Array.from({ length: codebooksTold }, (_, stage) => Math.round(perplexity(tokens, stage))),
    differentTokens: numDifferent(tokens.codes, streamed.codes),
    largestSampleDifference: largestDifference(mono(whole), mono(joined)),
  };
}

function mono(audio: PcmAudio): Float32Array {
  return audio.channels[0] ?? new Float32Array(numSamples(audio));
}

/** What comes out when every frame is decoded by itself. */
async function decodeForgetting(codec: Codec, clip: PcmAudio): Promise<PcmAudio> {
  const { hopLength, sampleRate } = codec.identity;
  const frames: PcmAudio[] = [];
  for (const frame of piecesOf(await codec.encode(clip), hopLength, 1)) frames.push(await codec.decode(frame));
  return concatAudio(frames, 1, sampleRate);
}

await using codec = await loadCodec("speech-16k");
const control = join(out, "forgetful-6000");
mkdirSync(control, { recursive: true });
const examined: Record<string, Awaited<ReturnType<typeof examine>>> = {};
for (const name of readdirSync(clips).sort()) {
  const clip = await readAudioFile(join(clips, name));
  examined[parse(name).name.split("--")[1] ?? name] = await examine(codec, clip);
  if (name === "clean--clean.wav") {
    await writeWavFile(join(control, name), await decodeForgetting(codec, clip), { sampleFormat: "f32" });
  }
  console.error(name);
}
const report = { revision: codec.identity.revision, conditions: examined };
writeFileSync(join(out, "streams.json"), `${JSON.stringify(report, null, 1)}\n`);
