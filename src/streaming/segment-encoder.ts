/**
 * Encoding as audio comes in, for codecs that code segments: chunks of any size → tokens of the segments that they
 * complete. No more than a segment waits, and nothing is remembered from one to the next but what they overlap.
 */
import type { PcmAudio } from "../audio/pcm-audio";
import { concatCodes } from "../kernels/concat";
import { type CodecStages, encodeSegment } from "../pipeline";
import { type Segmentation, segmentStride } from "../tokens/segmentation";
import type { TokenFrames } from "../tokens/token-frames";
import { AudioIntake } from "./audio-intake";
import { interleaveCodes } from "./channel-codes";
import type { TokenEncoderConfig } from "./token-encoder";
import { tokenFormat } from "./token-format";

/** One signal on its way to tokens, segment by segment. */
export class SegmentEncoder {
  readonly #stages: CodecStages;
  readonly #segmentation: Segmentation;
  readonly #config: TokenEncoderConfig;
  readonly #intake: AudioIntake;

  constructor(stages: CodecStages, segmentation: Segmentation, config: TokenEncoderConfig) {
    this.#stages = stages;
    this.#segmentation = segmentation;
    this.#config = config;
    this.#intake = new AudioIntake({ identity: stages.identity, channels: config.channels });
  }

  /**
   * Takes the next chunk and gives the tokens of all segments that are now whole, perhaps none.
   *
   * @throws {RangeError} when the sample rate or the number of channels differs from the first chunk's
   * @throws {AudioFormatError} code `corrupt-audio` when a sample is not finite
   */
  async push(chunk: PcmAudio): Promise<TokenFrames> {
    await this.#intake.push(chunk);
    return this.#encodeSegments(this.#segmentation.segmentSamples);
  }

  /** Gives the tokens of what is left: the last two segments may be shorter. */
  async flush(): Promise<TokenFrames> {
    this.#intake.flush();
    return this.#encodeSegments(1);
  }

  /** Encodes segments as long as `leastSamples` wait. */
  async #encodeSegments(leastSamples: number): Promise<TokenFrames> {
    const { signal, activeCodebooks } = this.#config;
    const { queues } = this.#intake;
    const codes: Uint16Array[] = [];
    const scales: number[] = [];
    let numSamples = 0;
    signal?.throwIfAborted();
    while (this.#intake.numWaiting >= leastSamples && this.#intake.numWaiting > 0) {
      signal?.throwIfAborted();
      numSamples += Math.min(this.#intake.numWaiting, segmentStride(this.#segmentation));
      const coded = [];
      for (const queue of queues) coded.push(await this.#encodeNext(queue));
      const channels = coded.map((channel) => channel.codes);
      codes.push(interleaveCodes(channels, activeCodebooks));
      scales.push(...coded.map(({ scale }) => scale));
    }
    const format = tokenFormat(this.#stages.identity, queues.length, activeCodebooks);
    return { ...format, numSamples, scales: Float32Array.from(scales), codes: concatCodes(codes) };
  }

  async #encodeNext(queue: AudioIntake["queues"][number]): Promise<{ codes: Uint16Array; scale: number }> {
    const { jointChannels = 1 } = this.#stages.identity;
    const samples = queue.peek(this.#segmentation.segmentSamples * jointChannels);
    queue.drop(segmentStride(this.#segmentation) * jointChannels);
    return encodeSegment(this.#stages, await this.#stages.encoder(), samples, this.#config.activeCodebooks);
  }
}
