/**
 * Encoding as audio comes in: chunks of any size → tokens of the frames that they complete.
 *
 * The one-shot `encode` runs through here too, so chunking cannot change the tokens by construction; what is left to
 * arithmetic is measured in test/streaming.
 */
import { mixToMono } from "../audio/channels";
import { assertPcmAudio, numSamples, type PcmAudio } from "../audio/pcm-audio";
import { StreamingResampler } from "../audio/resample";
import type { DenoiseFrame } from "../encoder/denoising";
import type { EncoderStream } from "../encoder/encoder";
import { AudioFormatError } from "../errors";
import { type CodecStages, encodeFrames } from "../pipeline";
import type { TokenFrames } from "../tokens/token-frames";
import { SampleQueue } from "./sample-queue";

/** How audio becomes tokens; resolved from what the caller asked for. */
export interface TokenEncoderConfig {
  /** Stages in use. */
  readonly activeCodebooks: number;
  /** Channels are averaged into one, or each is coded by itself. */
  readonly channels: "mix" | "separate";
  /** Most frames that one network call takes: bounds the memory of a long chunk. */
  readonly blockFrames: number;
  /** Stops the work between two network calls. */
  readonly signal?: AbortSignal | undefined;
  /** Whether to take noise away, for an encoder that can. */
  readonly denoise?: DenoiseFrame | undefined;
}

/** Everything of one coded channel that lasts from chunk to chunk. */
interface ChannelState {
  readonly encoder: EncoderStream;
  readonly queue: SampleQueue;
}

/** One signal on its way to tokens. */
export class TokenEncoder {
  readonly #stages: CodecStages;
  readonly #config: TokenEncoderConfig;
  #input: { numChannels: number; sampleRate: number } | undefined;
  #channels: ChannelState[] = [];
  #resampler: StreamingResampler | undefined;
  /** Samples per channel that came in so far, to say where a bad one is. */
  #numReceived = 0;
  /** Frames that must wait before the networks are called: more than one until they have started. */
  #neededFrames = 1;
  #takesPartialFrame = false;

  constructor(stages: CodecStages, config: TokenEncoderConfig) {
    this.#stages = stages;
    this.#config = config;
  }

  /**
   * Takes the next chunk and gives the tokens of all frames that are now whole, perhaps none.
   *
   * @throws {RangeError} when the sample rate or the number of channels differs from the first chunk's
   * @throws {AudioFormatError} code `corrupt-audio` when a sample is not finite
   */
  async push(chunk: PcmAudio): Promise<TokenFrames> {
    assertPcmAudio(chunk);
    for (const [index, samples] of chunk.channels.entries()) assertFinite(samples, index, this.#numReceived);
    this.#numReceived += numSamples(chunk);
    await this.#open(chunk);
    this.#enqueue(this.#resampler?.push(this.#select(chunk.channels)) ?? this.#select(chunk.channels));
    const { hopLength } = this.#stages.identity;
    const whole = Math.floor((this.#channels[0]?.queue.length ?? 0) / hopLength);
    const count = whole < this.#neededFrames ? 0 : whole;
    return this.#encodeFrames(count, count * hopLength);
  }

  /** Gives the tokens of what is left; the last frame is filled up with silence unless the encoder does that. */
  async flush(): Promise<TokenFrames> {
    if (this.#resampler !== undefined) this.#enqueue(this.#resampler.flush());
    const queued = this.#channels[0]?.queue.length ?? 0;
    return this.#encodeFrames(Math.ceil(queued / this.#stages.identity.hopLength), queued);
  }

  async #open(chunk: PcmAudio): Promise<void> {
    const { sampleRate } = this.#stages.identity;
    const input = { numChannels: chunk.channels.length, sampleRate: chunk.sampleRate };
    if (this.#input === undefined) {
      const encoder = await this.#stages.encoder();
      this.#neededFrames = encoder.startFrames ?? 1;
      this.#takesPartialFrame = encoder.takesPartialFrame ?? false;
      const numCoded = this.#config.channels === "separate" ? input.numChannels : 1;
      this.#channels = Array.from({ length: numCoded }, () => ({
        encoder: encoder.openStream(this.#config.denoise),
        queue: new SampleQueue(),
      }));
      if (input.sampleRate !== sampleRate) {
        this.#resampler = await StreamingResampler.create(input.sampleRate, sampleRate, numCoded);
      }
      this.#input = input;
    } else if (input.numChannels !== this.#input.numChannels || input.sampleRate !== this.#input.sampleRate) {
      throw new RangeError(
        `"chunk" expected ${this.#input.numChannels} channels at ${this.#input.sampleRate} Hz like the chunks before it, got ${input.numChannels} at ${input.sampleRate} Hz`,
      );
    }
  }

  #select(channels: readonly Float32Array[]): readonly Float32Array[] {
    return this.#config.channels === "separate" ? channels : [mixToMono(channels)];
  }

  #enqueue(channels: readonly Float32Array[]): void {
    for (const [index, samples] of channels.entries()) this.#channels[index]?.queue.push(samples);
  }

  /** Encodes `count` frames from the queues, block by block, into codes [F, C, K]. */
  async #encodeFrames(count: number, coveredSamples: number): Promise<TokenFrames> {
    const { identity } = this.#stages;
    const { activeCodebooks, blockFrames, signal } = this.#config;
    const numChannels = this.#channels.length;
    const codes = new Uint16Array(count * numChannels * activeCodebooks);
    if (count > 0) this.#neededFrames = 1;
    signal?.throwIfAborted();
    for (let first = 0; first < count; first += blockFrames) {
      signal?.throwIfAborted();
      const frames = Math.min(blockFrames, count - first);
      for (const [index, { encoder, queue }] of this.#channels.entries()) {
        const wanted = frames * identity.hopLength;
        const samples = queue.take(this.#takesPartialFrame ? Math.min(wanted, queue.length) : wanted);
        const block = await encodeFrames(this.#stages, encoder, samples, activeCodebooks);
        for (let frame = 0; frame < frames; frame++) {
          const from = block.subarray(frame * activeCodebooks, (frame + 1) * activeCodebooks);
          codes.set(from, ((first + frame) * numChannels + index) * activeCodebooks);
        }
      }
    }
    return {
      codec: identity.name,
      revision: identity.revision,
      sampleRate: identity.sampleRate,
      frameRate: identity.frameRate,
      numSamples: coveredSamples,
      numChannels,
      numCodebooks: activeCodebooks,
      codebookSize: identity.codebookSize,
      codes,
    };
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
