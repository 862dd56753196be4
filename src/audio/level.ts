/** How loud a stretch of audio is. */

/** What keeps the level of silence from being zero, by which nothing can be divided. */
const leastLevel = 1e-8;

/**
 * The root mean square of the mean of all channels, and a little more.
 *
 * Shapes   `samples` [T, C] row-major, T at least 1
 * Numerics each number is rounded to float32 where PyTorch does it, and the sum runs in double precision: what PyTorch
 *          gives up to the rounding of its own sum
 * Source   Défossez et al. 2022 (EnCodec), section 3.4; encodec 0.1.1, model.py
 */
export function levelOf(samples: Float32Array, numChannels: number): number {
  let sum = 0;
  const length = samples.length / numChannels;
  for (let i = 0; i < length; i++) {
    let mix = 0;
    for (let channel = 0; channel < numChannels; channel++) mix += samples[i * numChannels + channel] as number;
    const mono = Math.fround(mix / numChannels);
    sum += Math.fround(mono * mono);
  }
  const rootMeanSquare = Math.fround(Math.sqrt(Math.fround(sum / length)));
  return Math.fround(rootMeanSquare + Math.fround(leastLevel));
}

/**
 * The samples divided by their level.
 *
 * Shapes   `samples` [T, C] row-major
 * Memory   fresh samples
 */
export function leveled(samples: Float32Array, numChannels: number): { samples: Float32Array; level: number } {
  const level = levelOf(samples, numChannels);
  return { samples: samples.map((sample) => sample / level), level };
}
