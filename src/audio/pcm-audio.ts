/** Audio as the pipeline sees it: planar float samples and a sample rate. No file formats here. */

/**
 * Decoded audio in memory.
 *
 * Shapes   `channels[c]` is [T], the same T for every channel
 * Units    samples in [-1, 1]; `sampleRate` in Hz
 */
export interface PcmAudio {
  readonly channels: readonly Float32Array[];
  readonly sampleRate: number;
}

/** The number of samples of each channel. */
export function numSamples(audio: PcmAudio): number {
  return audio.channels[0]?.length ?? 0;
}

/**
 * Checks audio that a caller handed in.
 *
 * @throws {TypeError} when a channel is no Float32Array or there is no channel
 * @throws {RangeError} when channels differ in length or the sample rate is not a positive number
 */
export function assertPcmAudio(audio: PcmAudio): void {
  if (!Array.isArray(audio?.channels) || audio.channels.length === 0) {
    throw new TypeError(`"audio.channels" expected at least one Float32Array, got ${String(audio?.channels)}`);
  }
  if (!Number.isFinite(audio.sampleRate) || audio.sampleRate <= 0) {
    throw new RangeError(`"audio.sampleRate" expected a positive number of Hz, got ${String(audio.sampleRate)}`);
  }
  const length = numSamples(audio);
  for (const [index, channel] of audio.channels.entries()) {
    if (!(channel instanceof Float32Array)) {
      throw new TypeError(
        `"audio.channels[${index}]" expected a Float32Array, got ${Object.prototype.toString.call(channel)}`,
      );
    }
    if (channel.length !== length) {
      throw new RangeError(
        `"audio.channels[${index}]" expected ${length} samples like channel 0, got ${channel.length}`,
      );
    }
  }
}
