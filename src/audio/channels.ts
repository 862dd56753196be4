/** Channels of a signal: how many become one, and how several lie in memory. */

/**
 * Averages channels into one.
 *
 * Shapes   `channels[c]` [T]; result [T]
 * Memory   reads `channels`; a single channel is returned as it is, anything else as a fresh copy
 * Numerics the sum runs in double precision in channel order, so the mean of equal channels is that channel exactly
 * @throws {RangeError} when there is no channel
 */
export function mixToMono(channels: readonly Float32Array[]): Float32Array {
  const first = channels[0];
  if (first === undefined) throw new RangeError('"channels" expected at least one channel, got none');
  if (channels.length === 1) return first;
  const sums = Float64Array.from(first);
  for (const channel of channels.slice(1)) {
    for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] as number) + (channel[i] as number);
  }
  const mono = new Float32Array(sums.length);
  for (let i = 0; i < mono.length; i++) mono[i] = (sums[i] as number) / channels.length;
  return mono;
}

/**
 * Puts the samples of several channels side by side.
 *
 * Shapes   `channels[c]` [T]; result [T, C] row-major
 * Memory   a single channel is returned as it is, anything else as a fresh copy
 */
export function interleave(channels: readonly Float32Array[]): Float32Array {
  const [first = new Float32Array(0)] = channels;
  const numChannels = channels.length;
  if (numChannels < 2) return first;
  const samples = new Float32Array(first.length * numChannels);
  for (const [channel, from] of channels.entries()) {
    for (let i = 0; i < from.length; i++) samples[i * numChannels + channel] = from[i] as number;
  }
  return samples;
}

/**
 * Takes the samples of several channels apart.
 *
 * Shapes   `samples` [T, C] row-major; result C channels [T]
 * Memory   a single channel is returned as it is, anything else as fresh copies
 */
export function deinterleave(samples: Float32Array, numChannels: number): Float32Array[] {
  if (numChannels === 1) return [samples];
  const length = samples.length / numChannels;
  return Array.from({ length: numChannels }, (_, channel) => {
    const taken = new Float32Array(length);
    for (let i = 0; i < length; i++) taken[i] = samples[i * numChannels + channel] as number;
    return taken;
  });
}
