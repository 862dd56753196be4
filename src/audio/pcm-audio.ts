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

/**
 * Audio that is read chunk by chunk, so that its length costs no memory.
 *
 * Memory   each chunk is fresh and belongs to the reader
 */
export interface AudioStream {
  /** What kind of file it comes from, such as `wav`. */
  readonly format: string;
  readonly sampleRate: number;
  readonly numChannels: number;
  /** Samples of each channel, when the source tells before it is read to its end. */
  readonly numSamples: number | undefined;
  /** All of the audio, once. Leaving the loop closes the source. */
  readonly chunks: AsyncIterable<PcmAudio>;
  /** Closes the source of a stream that is not read to its end. */
  close(): Promise<void>;
}

/**
 * Joins consecutive chunks of one signal.
 *
 * Memory   the result is a fresh copy
 */
export function concatAudio(chunks: readonly PcmAudio[], numChannels: number, sampleRate: number): PcmAudio {
  const length = chunks.reduce((sum, chunk) => sum + numSamples(chunk), 0);
  const channels = Array.from({ length: numChannels }, () => new Float32Array(length));
  let offset = 0;
  for (const chunk of chunks) {
    for (const [index, channel] of chunk.channels.entries()) channels[index]?.set(channel, offset);
    offset += numSamples(chunk);
  }
  return { channels, sampleRate };
}
