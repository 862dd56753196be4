/**
 * The embedded codec, with its real weights, in any chunking: the same tokens, the same samples, in their places.
 */
import { readdirSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { readAudioFile } from "../../src/audio/index";
import { concatAudio, type PcmAudio } from "../../src/audio/pcm-audio";
import { resample } from "../../src/audio/resample";
import { concatTokenFrames, loadCodec, type TokenFrames } from "../../src/index";
import { hasShared, sharedPath } from "../helpers/shared";
import { speechLike } from "../helpers/synth-audio";

const sampleRate = 16_000;
const hop = 320;
const codec = await loadCodec("speech-16k");
afterAll(() => codec.dispose());

function* chunksOf(samples: Float32Array, sizes: readonly number[]): Generator<PcmAudio> {
  for (let begin = 0, turn = 0; begin < samples.length; turn++) {
    const end = begin + (sizes[turn % sizes.length] ?? 1);
    yield { channels: [samples.subarray(begin, end)], sampleRate };
    begin = end;
  }
}

async function encodeChunked(samples: Float32Array, sizes: readonly number[]): Promise<TokenFrames> {
  const pieces: TokenFrames[] = [];
  for await (const piece of codec.encodeStream(chunksOf(samples, sizes))) pieces.push(piece);
  return concatTokenFrames(pieces);
}

/** Sizes that fall on, beside and far from the frame border, and one that makes every network call a single frame. */
const chunkings: readonly (readonly number[])[] = [[hop], [hop - 1, hop + 1, 1], [7919], [17, 4001, 160]];

function countDifferences(a: Uint16Array, b: Uint16Array): number {
  return a.reduce((count, code, at) => count + (code === b[at] ? 0 : 1), 0);
}

describe("speech-16k in chunks", () => {
  const samples = speechLike(12 * sampleRate + 77, 3);

  it.each(chunkings)("gives the tokens of the one-shot call (%j ...)", async (...sizes) => {
    const whole = await codec.encode({ channels: [samples], sampleRate });
    const chunked = await encodeChunked(samples, sizes);
    expect(chunked.numSamples).toBe(samples.length);
    expect(chunked.codes.length).toBe(whole.codes.length);
    // A codec that forgot its state between calls differs in most codes.
    expect(countDifferences(whole.codes, chunked.codes)).toBe(0);
  });

  it("keeps eight paths unless told otherwise", async () => {
    const audio = { channels: [samples], sampleRate };
    const [own, eight, one] = [{}, { beamWidth: 8 }, { beamWidth: 1 }].map((options) => codec.encode(audio, options));
    const { codes } = await (own as Promise<TokenFrames>);
    expect((await eight)?.codes).toEqual(codes);
    // A search along one path parts from that of eight in nearly every frame, and then in most stages.
    expect(countDifferences(codes, (await one)?.codes ?? codes)).toBeGreaterThan(codes.length / 3);
  });

  it("gives tokens that vary: the comparison above is not between constants", async () => {
    const { codes, numCodebooks } = await codec.encode({ channels: [samples], sampleRate });
    const firstStage = codes.filter((_, at) => at % numCodebooks === 0);
    expect(new Set(firstStage).size).toBeGreaterThan(50);
  });

  it.each([[1], [3], [49, 1, 50]])("decodes to the samples of the one-shot call (%j frames)", async (...sizes) => {
    const tokens = await codec.encode({ channels: [samples], sampleRate });
    const whole = await codec.decode(tokens);
    const chunks: PcmAudio[] = [];
    for await (const chunk of codec.decodeStream(piecesOf(tokens, sizes))) chunks.push(chunk);
    const joined = concatAudio(chunks, 1, sampleRate);
    expect(joined.channels[0]?.length).toBe(samples.length);
    // To the bit, on the CPU (docs/decisions/0011). A seam of one lost or doubled frame is off by more than 0.1.
    expect(largestDifference(whole, joined)).toBe(0);
  });

  it("keeps every sample in its place", async () => {
    const decoded = await codec.decode(await codec.encode({ channels: [samples], sampleRate }));
    // A delay that was not compensated shifts the peak: one frame by 320 samples.
    expect(Math.abs(bestLag(samples, decoded.channels[0] ?? new Float32Array(0)))).toBeLessThanOrEqual(2);
  });
});

describe.skipIf(!hasShared)("speech-16k on five minutes of recorded speech (needs ../shared)", () => {
  it("gives the same tokens in awkward chunks", async () => {
    const samples = await recordedSpeech(300);
    expect(samples.length).toBeGreaterThanOrEqual(300 * sampleRate);
    const whole = await codec.encode({ channels: [samples], sampleRate });
    for (const sizes of [[hop], [7919, 1, 319]]) {
      const chunked = await encodeChunked(samples, sizes);
      expect(chunked.codes.length).toBe(whole.codes.length);
      const differences = countDifferences(whole.codes, chunked.codes);
      process.stdout.write(`chunks of ${sizes}: ${differences} of ${whole.codes.length} codes differ\n`);
      expect(differences).toBe(0);
    }
  }, 300_000);
});

function* piecesOf(tokens: TokenFrames, sizes: readonly number[]): Generator<TokenFrames> {
  const { codes, numCodebooks } = tokens;
  const frames = codes.length / numCodebooks;
  for (let begin = 0, turn = 0; begin < frames; turn++) {
    const end = Math.min(frames, begin + (sizes[turn % sizes.length] ?? 1));
    const numSamples = Math.min(tokens.numSamples, end * hop) - begin * hop;
    yield { ...tokens, numSamples, codes: codes.subarray(begin * numCodebooks, end * numCodebooks) };
    begin = end;
  }
}

function largestDifference(a: PcmAudio, b: PcmAudio): number {
  const other = b.channels[0];
  let largest = 0;
  for (const [at, sample] of (a.channels[0] ?? []).entries())
    largest = Math.max(largest, Math.abs(sample - (other?.[at] ?? 9)));
  return largest;
}

/** The shift in samples, within 400, at which `decoded` resembles `samples` most. */
function bestLag(samples: Float32Array, decoded: Float32Array): number {
  let best = { lag: 0, product: Number.NEGATIVE_INFINITY };
  for (let lag = -400; lag <= 400; lag++) {
    let product = 0;
    for (let n = 400; n < samples.length - 400; n += 3) product += (samples[n] ?? 0) * (decoded[n + lag] ?? 0);
    if (product > best.product) best = { lag, product };
  }
  return best.lag;
}

/** Recordings one after the other, at least this long. */
async function recordedSpeech(seconds: number): Promise<Float32Array> {
  const folders = ["audio/lyra", "audio/eval"].map(sharedPath);
  const files = folders.flatMap((folder) => readdirSync(folder).map((name) => `${folder}/${name}`));
  const clips: PcmAudio[] = [];
  let length = 0;
  for (const file of files.filter((name) => /\.(wav|flac)$/.test(name))) {
    const clip = await resample(await readAudioFile(file), sampleRate);
    clips.push(clip);
    length += clip.channels[0]?.length ?? 0;
    if (length >= seconds * sampleRate) break;
  }
  return concatAudio(clips, 1, sampleRate).channels[0] ?? new Float32Array(0);
}
