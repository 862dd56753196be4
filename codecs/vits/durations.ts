/** From symbols to frames: how long each symbol lasts, and the prior of every frame. */
import type { NoiseSource } from "../../src/sampling/gaussian";

/** What the text network says of S symbols. */
export interface TextStatistics {
  /** [S, D] */
  readonly means: Float32Array;
  /** [S, D], logarithms of standard deviations */
  readonly logDeviations: Float32Array;
  /** [S], logarithms of frames */
  readonly logDurations: Float32Array;
}

/** A symbol lasts no longer, whatever a damaged model predicts: ten seconds and more at usual rates. */
const maxSymbolFrames = 1024;

/**
 * Whole frames of each symbol, rounded up.
 *
 * Shapes   logDurations [S]; result [S]
 * @param speakingRate  twice as fast halves what is rounded
 * @source Kim, Kong and Son 2021 (VITS), section 2.2.2
 */
export function symbolFrames(logDurations: Float32Array, speakingRate: number): Uint32Array {
  return Uint32Array.from(logDurations, (value) => {
    // In single precision, as the reference computes it: a product near a whole number has to fall on the same side.
    const frames = Math.fround(Math.fround(Math.exp(value)) * Math.fround(1 / speakingRate));
    return Math.min(maxSymbolFrames, Math.ceil(frames));
  });
}

/**
 * Draws the latents of the prior, in blocks, in the order of time.
 *
 * Memory   one block at a time
 *
 * @param blockFrames  frames of the n-th block; the last one is what is left
 */
export function* drawPrior(
  { means, logDeviations }: TextStatistics,
  durations: Uint32Array,
  {
    noise,
    noiseScale,
    blockFrames,
  }: { noise: NoiseSource; noiseScale: number; blockFrames: (block: number) => number },
): Generator<Float32Array, void> {
  const width = means.length / durations.length;
  const numFrames = durations.reduce((sum, count) => sum + count, 0);
  let [symbol, left] = [0, durations[0] ?? 0];
  for (let begin = 0, block = 0; begin < numFrames; block++) {
    const length = Math.min(blockFrames(block), numFrames - begin);
    const latents = noise.take(length * width);
    for (let frame = 0; frame < length; frame++, left--) {
      while (left === 0) left = durations[++symbol] ?? 0;
      for (let channel = 0; channel < width; channel++) {
        const [at, from] = [frame * width + channel, symbol * width + channel];
        const deviation = Math.exp(logDeviations[from] ?? 0) * noiseScale;
        latents[at] = (means[from] ?? 0) + (latents[at] ?? 0) * deviation;
      }
    }
    begin += length;
    yield latents;
  }
}
