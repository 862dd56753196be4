/**
 * Decoding as tokens come in, for codecs that code segments: each segment is decoded by itself and fades into the next.
 * Its samples are final up to where the next one begins, and given out then.
 */
import { deinterleave } from "../audio/channels";
import type { PcmAudio } from "../audio/pcm-audio";
import { TokenError } from "../errors";
import { type CodecStages, decodeSegment } from "../pipeline";
import { type Segmentation, segmentStride } from "../tokens/segmentation";
import { splitSegments } from "../tokens/split-segments";
import type { TokenFrames } from "../tokens/token-frames";
import { channelCodes } from "./channel-codes";
import { OverlapAdd } from "./overlap-add";
import { assertTokensOf, expectSame } from "./token-checks";
import type { TokenDecoderConfig } from "./token-decoder";

/** One signal on its way back to audio, segment by segment. */
export class SegmentDecoder {
  readonly #stages: CodecStages;
  readonly #stride: number;
  readonly #config: TokenDecoderConfig;
  /** One for each channel of the audio. */
  #overlaps: OverlapAdd[] = [];
  #isComplete = false;

  constructor(stages: CodecStages, segmentation: Segmentation, config: TokenDecoderConfig) {
    this.#stages = stages;
    this.#stride = segmentStride(segmentation);
    this.#config = config;
  }

  /**
   * Takes the next segments and gives the samples up to the end of the last one, or to where the next one begins.
   *
   * @throws {TokenError} when the tokens are another codec's, out of range, or follow the signal's end
   */
  async push(tokens: TokenFrames): Promise<PcmAudio> {
    const { identity } = this.#stages;
    assertTokensOf(identity, tokens);
    const numOutputs = tokens.numChannels * (identity.jointChannels ?? 1);
    if (this.#overlaps.length === 0) {
      this.#overlaps = Array.from({ length: numOutputs }, () => new OverlapAdd(this.#stride));
    }
    expectSame("numChannels", this.#overlaps.length, numOutputs);
    const channels = this.#overlaps.map(() => new Float32Array(tokens.numSamples));
    this.#config.signal?.throwIfAborted();
    for (const [index, segment] of splitSegments(tokens).entries()) {
      this.#config.signal?.throwIfAborted();
      if (this.#isComplete) throw behindTheEnd(segment);
      this.#isComplete = segment.numSamples < this.#stride;
      for (const [channel, samples] of (await this.#decode(segment)).entries()) {
        const finished = this.#overlaps[channel]?.push(samples) ?? samples;
        channels[channel]?.set(finished.subarray(0, segment.numSamples), index * this.#stride);
      }
    }
    return { channels, sampleRate: identity.sampleRate };
  }

  /** Gives no more: what is left of the last segment overlaps nothing. */
  async flush(): Promise<PcmAudio> {
    return { channels: this.#overlaps.map(() => new Float32Array(0)), sampleRate: this.#stages.identity.sampleRate };
  }

  /** The samples of every channel of one segment. */
  async #decode(segment: TokenFrames): Promise<Float32Array[]> {
    const { jointChannels = 1 } = this.#stages.identity;
    const { numChannels, numCodebooks, scales = [] } = segment;
    const decoder = await this.#stages.decoder();
    const channels: Float32Array[] = [];
    for (let channel = 0; channel < numChannels; channel++) {
      const coded = { codes: channelCodes(segment, channel), scale: scales[channel] ?? 0 };
      const samples = await decodeSegment(this.#stages, decoder, coded, numCodebooks);
      channels.push(...deinterleave(samples, jointChannels));
    }
    return channels;
  }
}

function behindTheEnd({ numSamples }: TokenFrames): TokenError {
  const message = `a segment behind the end of the signal expected none, got ${numSamples} samples; pass the pieces in order`;
  return new TokenError("shape-mismatch", message, { expected: 0, actual: numSamples });
}
