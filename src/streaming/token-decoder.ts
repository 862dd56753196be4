/** Decoding as tokens come in: token frames → the audio that they complete, already freed of the codec's delay. */
import { deinterleave } from "../audio/channels";
import type { PcmAudio } from "../audio/pcm-audio";
import type { DenoiseFrame } from "../encoder/denoising";
import { TokenError } from "../errors";
import { concatFloats } from "../kernels/concat";
import { type CodecStages, type DecodingState, decodeFrames } from "../pipeline";
import { bitsPerSecondOf } from "../rvq/bitrate";
import { concatTokenFrames } from "../tokens/concat-token-frames";
import { numFrames, type TokenFrames } from "../tokens/token-frames";
import { channelCodes } from "./channel-codes";
import { assertTokensOf, expectSame } from "./token-checks";

const noSamples = new Float32Array(0);

/** How tokens become audio. */
export interface TokenDecoderConfig {
  /** Most frames that one network call takes: bounds the memory of a long piece. */
  readonly blockFrames: number;
  /** Stops the work between two network calls. */
  readonly signal?: AbortSignal | undefined;
  /** Whether to take noise away, for a decoder that can. */
  readonly denoise?: DenoiseFrame | undefined;
}

/** One signal on its way back to audio. */
export class TokenDecoder {
  readonly #stages: CodecStages;
  readonly #config: TokenDecoderConfig;
  #channels: DecodingState[] = [];
  /** Samples per channel that the tokens so far stand for. */
  #totalSamples = 0;
  /** Samples per channel produced so far, counted from the delay's first. */
  #producedSamples = 0;
  #isComplete = false;
  /** Frames that must wait before the networks are called: more than one until they have started. */
  #neededFrames = 1;
  /** Pieces that wait until there are so many. */
  #held: TokenFrames[] = [];
  #numHeld = 0;

  constructor(stages: CodecStages, config: TokenDecoderConfig) {
    this.#stages = stages;
    this.#config = config;
  }

  /**
   * Takes the next frames and gives the samples that are now final, perhaps none.
   *
   * @throws {TokenError} when the tokens are another codec's, out of range, or follow a last piece that was cut short
   */
  async push(tokens: TokenFrames): Promise<PcmAudio> {
    this.#check(tokens);
    if (this.#channels.length === 0) await this.#open(tokens);
    const frames = numFrames(tokens);
    const { hopLength } = this.#stages.identity;
    this.#totalSamples += tokens.numSamples;
    this.#isComplete ||= tokens.numSamples < frames * hopLength;
    if (this.#numHeld + frames < this.#neededFrames) {
      // A copy: the caller may use its buffer again.
      this.#numHeld += frames;
      const { codes, lostFrames } = tokens;
      this.#held.push({ ...tokens, codes: codes.slice(), ...(lostFrames && { lostFrames: lostFrames.slice() }) });
      return this.#trim(this.#channels.map(() => noSamples));
    }
    return this.#trim(await this.#decodeChannels([...this.#held, tokens]));
  }

  /** Gives the samples that the codec's delay held back. */
  async flush(): Promise<PcmAudio> {
    const held = this.#held.length === 0 ? [] : await this.#decodeChannels(this.#held);
    const channels: Float32Array[] = [];
    for (const [index, { decoder, vocoder }] of this.#channels.entries()) {
      const frames = await decoder.flush();
      const late = frames === undefined ? noSamples : await vocoder.push(frames);
      channels.push(concatFloats([held[index] ?? noSamples, late, await vocoder.flush()]));
    }
    return this.#trim(channels);
  }

  async #open({ numChannels, numCodebooks }: TokenFrames): Promise<void> {
    const decoder = await this.#stages.decoder();
    this.#producedSamples = -(decoder.delaySamples + this.#stages.vocoder.delaySamples);
    this.#neededFrames = decoder.startFrames ?? 1;
    const bitsPerSecond = bitsPerSecondOf(this.#stages.identity, numCodebooks);
    this.#channels = Array.from({ length: numChannels }, () => ({
      decoder: decoder.openStream(this.#config.denoise),
      vocoder: this.#stages.vocoder.openStream(bitsPerSecond),
    }));
  }

  #check(tokens: TokenFrames): void {
    const { identity } = this.#stages;
    assertTokensOf(identity, tokens);
    if (this.#channels.length > 0) expectSame("numChannels", this.#channels.length, tokens.numChannels);
    const frames = numFrames(tokens);
    const { hopLength } = identity;
    const covered = Math.ceil(tokens.numSamples / hopLength);
    if (covered !== frames || (this.#isComplete && frames > 0)) {
      throw new TokenError(
        "shape-mismatch",
        `"numSamples" expected ${frames} frames of ${hopLength} samples with only the last piece cut short, got ${tokens.numSamples}; pass the pieces in order`,
        { expected: frames * hopLength, actual: tokens.numSamples },
      );
    }
  }

  async #decodeChannels(pieces: readonly TokenFrames[]): Promise<Float32Array[]> {
    const tokens = concatTokenFrames(pieces);
    this.#held = [];
    this.#numHeld = 0;
    const blockFrames = Math.max(this.#config.blockFrames, this.#neededFrames);
    if (tokens.codes.length > 0) this.#neededFrames = 1;
    return Promise.all(
      this.#channels.map((state, index) => this.#decodeFrames(state, channelCodes(tokens, index), tokens, blockFrames)),
    );
  }

  /** Runs one channel's frames through dequantizer, decoder and vocoder, block by block. */
  async #decodeFrames(
    state: DecodingState,
    codes: Uint16Array,
    tokens: TokenFrames,
    blockFrames: number,
  ): Promise<Float32Array> {
    const { numCodebooks } = tokens;
    const count = codes.length / numCodebooks;
    // Vocoders that look ahead give fewer samples at first, and more later.
    const samples: Float32Array[] = [];
    const { signal } = this.#config;
    signal?.throwIfAborted();
    for (let first = 0; first < count; first += blockFrames) {
      signal?.throwIfAborted();
      const block = codes.subarray(first * numCodebooks, (first + blockFrames) * numCodebooks);
      const lost = tokens.lostFrames?.subarray(first, first + blockFrames);
      samples.push(await decodeFrames(this.#stages, state, block, numCodebooks, lost));
    }
    return concatFloats(samples);
  }

  /** Cuts off the samples before the first and after the last one of the signal. */
  #trim(decoded: readonly Float32Array[]): PcmAudio {
    const { jointChannels = 1 } = this.#stages.identity;
    const channels = decoded.flatMap((samples) => deinterleave(samples, jointChannels));
    const fresh = channels[0]?.length ?? 0;
    const begin = Math.min(fresh, Math.max(0, -this.#producedSamples));
    const end = Math.max(begin, Math.min(fresh, this.#totalSamples - this.#producedSamples));
    this.#producedSamples += fresh;
    return {
      channels: channels.map((samples) => samples.slice(begin, end)),
      sampleRate: this.#stages.identity.sampleRate,
    };
  }
}
