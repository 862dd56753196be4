/** Audio as callers have it → samples as the networks take them: checked, mixed, at the codec's rate, waiting in queues. */
import { interleave, mixToMono } from "../audio/channels";
import { assertPcmAudio, numSamples, type PcmAudio } from "../audio/pcm-audio";
import { StreamingResampler } from "../audio/resample";
import { AudioFormatError } from "../errors";
import type { CodecIdentity } from "../pipeline";
import { SampleQueue } from "./sample-queue";

/** What becomes of the channels. */
export interface IntakeConfig {
  readonly identity: CodecIdentity;
  /**
   * `mix` makes as many channels as the codec takes: of fewer or more the mean, in each. `separate` codes each by itself.
   */
  readonly channels: "mix" | "separate";
}

/** One signal on its way to the encoder. */
export class AudioIntake {
  readonly #config: IntakeConfig;
  #input: { numChannels: number; sampleRate: number } | undefined;
  #queues: SampleQueue[] = [];
  #resampler: StreamingResampler | undefined;
  /** Samples per channel that came in so far, to say where a bad one is. */
  #numReceived = 0;

  constructor(config: IntakeConfig) {
    this.#config = config;
  }

  /** A queue for each channel that is coded by itself; in it, the samples [T, C] of those that are coded together. */
  get queues(): readonly SampleQueue[] {
    return this.#queues;
  }

  /** Samples per channel that wait. */
  get numWaiting(): number {
    return (this.#queues[0]?.length ?? 0) / this.#jointChannels;
  }

  /**
   * Takes the next chunk.
   *
   * @throws {RangeError} when the sample rate or the number of channels differs from the first chunk's
   * @throws {AudioFormatError} code `corrupt-audio` when a sample is not finite
   */
  async push(chunk: PcmAudio): Promise<void> {
    assertPcmAudio(chunk);
    for (const [index, samples] of chunk.channels.entries()) assertFinite(samples, index, this.#numReceived);
    this.#numReceived += numSamples(chunk);
    await this.#open(chunk);
    const channels = this.#select(chunk.channels);
    this.#enqueue(this.#resampler?.push(channels) ?? channels);
  }

  /** Puts into the queues what the resampler held back. */
  flush(): void {
    if (this.#resampler !== undefined) this.#enqueue(this.#resampler.flush());
  }

  get #jointChannels(): number {
    return this.#config.identity.jointChannels ?? 1;
  }

  async #open(chunk: PcmAudio): Promise<void> {
    const { sampleRate } = this.#config.identity;
    const input = { numChannels: chunk.channels.length, sampleRate: chunk.sampleRate };
    if (this.#input === undefined) {
      const numCoded = this.#config.channels === "separate" ? input.numChannels : 1;
      this.#queues = Array.from({ length: numCoded }, () => new SampleQueue());
      if (input.sampleRate !== sampleRate) {
        const numSelected = this.#select(chunk.channels).length;
        this.#resampler = await StreamingResampler.create(input.sampleRate, sampleRate, numSelected);
      }
      this.#input = input;
    } else if (input.numChannels !== this.#input.numChannels || input.sampleRate !== this.#input.sampleRate) {
      throw new RangeError(
        `"chunk" expected ${this.#input.numChannels} channels at ${this.#input.sampleRate} Hz like the chunks before it, got ${input.numChannels} at ${input.sampleRate} Hz`,
      );
    }
  }

  #select(channels: readonly Float32Array[]): readonly Float32Array[] {
    const isTakenAsIs = this.#config.channels === "separate" || channels.length === this.#jointChannels;
    return isTakenAsIs ? channels : [mixToMono(channels)];
  }

  #enqueue(channels: readonly Float32Array[]): void {
    const [first = new Float32Array(0)] = channels;
    if (this.#jointChannels > 1) {
      const isMixed = channels.length === 1;
      const joint = isMixed ? new Array<Float32Array>(this.#jointChannels).fill(first) : channels;
      this.#queues[0]?.push(interleave(joint));
    } else {
      for (const [index, samples] of channels.entries()) this.#queues[index]?.push(samples);
    }
  }
}

/** One sample that is no number would spoil every frame after it, since the networks remember. */
function assertFinite(samples: Float32Array, channel: number, offset: number): void {
  // Zero times a number is zero unless the number is NaN or infinite: one sum instead of a branch for each sample.
  let probe = 0;
  for (const sample of samples) probe += sample * 0;
  if (probe === 0) return;
  const at = samples.findIndex((sample) => !Number.isFinite(sample));
  const where = `sample ${offset + at} of channel ${channel}`;
  throw new AudioFormatError(
    "corrupt-audio",
    `audio expected finite samples, got ${samples[at]} at ${where}; mend the input`,
  );
}
