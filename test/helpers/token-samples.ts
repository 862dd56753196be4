/** Tokens for tests, from a seed: the same numbers on every machine. */
import type { Segmentation } from "../../src/tokens/segmentation";
import type { TokenFormat, TokenFrames } from "../../src/tokens/token-frames";

/** A source of whole numbers in [0, limit). */
export type RandomInteger = (limit: number) => number;

/**
 * A generator with the same output everywhere.
 *
 * Source   linear congruential, multiplier and increment of Knuth and Lewis; only its upper 24 bits are used
 */
export function randomIntegers(seed: number): RandomInteger {
  let state = seed >>> 0;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(((state >>> 8) * limit) / 2 ** 24);
  };
}

/** How tokens follow each other. */
export type TokenTexture = "uniform" | "markov" | "constant";

const speech: TokenFormat = {
  codec: "test-codec",
  revision: "r1",
  sampleRate: 16000,
  frameRate: 50,
  numChannels: 1,
  numCodebooks: 4,
  codebookSize: 1024,
};

/**
 * Tokens of a format.
 *
 * `uniform` tokens cannot be compressed. `markov` ones repeat the token of the frame before in six of ten cases, and
 * else prefer low numbers. `constant` ones are the best case.
 */
export function makeTokens(
  numFrames: number,
  options: Partial<TokenFormat> & { texture?: TokenTexture; seed?: number; paddingSamples?: number } = {},
): TokenFrames {
  const { texture = "markov", seed = 1, paddingSamples = 0, ...fields } = options;
  const format = { ...speech, ...fields };
  const perFrame = format.numChannels * format.numCodebooks;
  const random = randomIntegers(seed);
  const codes = new Uint16Array(numFrames * perFrame);
  for (let at = 0; at < codes.length; at++) {
    codes[at] = nextToken(texture, codes[at - perFrame], format.codebookSize, random);
  }
  const numSamples = Math.round((numFrames * format.sampleRate) / format.frameRate) - paddingSamples;
  return { ...format, numSamples, codes };
}

function nextToken(
  texture: TokenTexture,
  previous: number | undefined,
  codebookSize: number,
  random: RandomInteger,
): number {
  if (texture === "constant") return codebookSize - 1;
  if (texture === "uniform") return random(codebookSize);
  if (previous !== undefined && random(10) < 6) return previous;
  return Math.min(random(codebookSize), random(codebookSize));
}

/** Segments of 10 frames of 10 samples, of which 15 samples overlap: no whole number of frames. */
export const testSegmentation: Segmentation = { segmentSamples: 100, overlapSamples: 15 };

/** Tokens of a codec with segments, for a signal of so many samples. */
export function makeSegmentedTokens(
  numSamples: number,
  options: Parameters<typeof makeTokens>[1] & { segmentation?: Segmentation } = {},
): TokenFrames {
  const { segmentation = testSegmentation, ...fields } = options;
  const format = { sampleRate: 1000, frameRate: 100, ...fields };
  const stride = segmentation.segmentSamples - segmentation.overlapSamples;
  let frames = 0;
  for (let begin = 0; begin < numSamples; begin += stride) {
    const length = Math.min(segmentation.segmentSamples, numSamples - begin);
    frames += Math.ceil((length * format.frameRate) / format.sampleRate);
  }
  const tokens = makeTokens(frames, format);
  const random = randomIntegers((fields.seed ?? 1) + 1);
  const numScales = Math.ceil(numSamples / stride) * tokens.numChannels;
  const scales = Float32Array.from({ length: numScales }, () => random(1 << 20) / (1 << 20));
  return { ...tokens, numSamples, segmentation, scales };
}
