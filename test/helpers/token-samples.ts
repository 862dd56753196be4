/** Tokens for tests, from a seed: the same numbers on every machine. */
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
