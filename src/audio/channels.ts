/** Channels of a signal: how many become one. */

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
