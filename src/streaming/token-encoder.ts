/**
 * Encoding as audio comes in: chunks of any size → tokens of the frames that they complete.
 *
 * The one-shot `encode` runs through here too, so chunking cannot change the tokens by construction; what is left to
 * arithmetic is measured in test/streaming.
 */
import type { PcmAudio } from "../audio/pcm-audio";
import type { DenoiseFrame } from "../encoder/denoising";
import type { EncoderStream } from "../encoder/encoder";
import { type NoiseDetector, noiseFrames } from "../encoder/noise-detector";
import { type CodecStages, encodeSentFrames } from "../pipeline";
import type { TokenFrames } from "../tokens/token-frames";
import { AudioIntake } from "./audio-intake";
import { tokenFormat } from "./token-format";

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
  /** Listens to each channel for frames that need not be sent. Default: all are. */
  readonly openNoiseDetector?: (() => NoiseDetector) | undefined;
}

/** One signal on its way to tokens. */
export class TokenEncoder {
  readonly #stages: CodecStages;
  readonly #config: TokenEncoderConfig;
  readonly #intake: AudioIntake;
  /** One for each channel that is coded by itself. */
  #encoders: EncoderStream[] = [];
  /** One for each of them, or none where every frame is sent. */
  #detectors: NoiseDetector[] = [];
  /** Frames that must wait before the networks are called: more than one until they have started. */
  #neededFrames = 1;
  #takesPartialFrame = false;

  constructor(stages: CodecStages, config: TokenEncoderConfig) {
    this.#stages = stages;
    this.#config = config;
    this.#intake = new AudioIntake({ identity: stages.identity, channels: config.channels });
  }

  /**
   * Takes the next chunk and gives the tokens of all frames that are now whole, perhaps none.
   *
   * @throws {RangeError} when the sample rate or the number of channels differs from the first chunk's
   * @throws {AudioFormatError} code `corrupt-audio` when a sample is not finite
   */
  async push(chunk: PcmAudio): Promise<TokenFrames> {
    await this.#intake.push(chunk);
    if (this.#encoders.length === 0) await this.#open();
    const { hopLength } = this.#stages.identity;
    const whole = Math.floor(this.#intake.numWaiting / hopLength);
    const count = whole < this.#neededFrames ? 0 : whole;
    return this.#encodeFrames(count, count * hopLength);
  }

  /** Gives the tokens of what is left; the last frame is filled up with silence unless the encoder does that. */
  async flush(): Promise<TokenFrames> {
    this.#intake.flush();
    const { numWaiting } = this.#intake;
    return this.#encodeFrames(Math.ceil(numWaiting / this.#stages.identity.hopLength), numWaiting);
  }

  async #open(): Promise<void> {
    const encoder = await this.#stages.encoder();
    this.#neededFrames = encoder.startFrames ?? 1;
    this.#takesPartialFrame = encoder.takesPartialFrame ?? false;
    const { denoise, openNoiseDetector } = this.#config;
    this.#encoders = this.#intake.queues.map(() => encoder.openStream(denoise));
    if (openNoiseDetector !== undefined) this.#detectors = this.#encoders.map(openNoiseDetector);
  }

  /** Encodes `count` frames from the queues, block by block, into codes [F, C, K]. */
  async #encodeFrames(count: number, coveredSamples: number): Promise<TokenFrames> {
    const { identity } = this.#stages;
    const { activeCodebooks, signal } = this.#config;
    const blockFrames = Math.max(this.#config.blockFrames, this.#neededFrames);
    const numChannels = this.#encoders.length;
    const codes = new Uint16Array(count * numChannels * activeCodebooks);
    const lostFrames = new Uint8Array(count);
    if (count > 0) this.#neededFrames = 1;
    signal?.throwIfAborted();
    for (let first = 0; first < count; first += blockFrames) {
      signal?.throwIfAborted();
      const frames = Math.min(blockFrames, count - first);
      const channels = this.#encoders.map((_, index) => this.#take(index, frames));
      const lost = noiseFrames(this.#detectors, channels, frames);
      lostFrames.set(lost, first);
      for (const [index, encoder] of this.#encoders.entries()) {
        const samples = channels[index] as Float32Array;
        const block = await encodeSentFrames(this.#stages, encoder, samples, activeCodebooks, lost);
        for (let frame = 0; frame < frames; frame++) {
          const from = block.subarray(frame * activeCodebooks, (frame + 1) * activeCodebooks);
          codes.set(from, ((first + frame) * numChannels + index) * activeCodebooks);
        }
      }
    }
    const marks = lostFrames.includes(1) ? { lostFrames } : {};
    return { ...tokenFormat(identity, numChannels, activeCodebooks), numSamples: coveredSamples, codes, ...marks };
  }

  #take(index: number, frames: number): Float32Array {
    const { hopLength, jointChannels = 1 } = this.#stages.identity;
    const queue = this.#intake.queues[index];
    if (queue === undefined) return new Float32Array(0);
    const wanted = frames * hopLength * jointChannels;
    return queue.take(this.#takesPartialFrame ? Math.min(wanted, queue.length) : wanted);
  }
}
