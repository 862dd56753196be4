/** Tokens of several signals at once → audio of each. */
import { deinterleave } from "../audio/channels";
import type { PcmAudio } from "../audio/pcm-audio";
import type { Decoder, DecoderBatch } from "../decoder/decoder";
import type { CodecStages } from "../pipeline";
import { segmentStride } from "../tokens/segmentation";
import { splitSegments } from "../tokens/split-segments";
import type { TokenFrames } from "../tokens/token-frames";
import { channelCodes } from "./channel-codes";
import { OverlapAdd } from "./overlap-add";
import { type BatchSteps, runBatch } from "./run-batch";

/** How a batch becomes audio. */
export interface BatchDecoderConfig {
  readonly blockFrames: number;
  /** Most frames of all signals together in one network call. */
  readonly maxFrames: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Decodes signals with the same number of codebooks side by side; each gets the samples that it would get alone.
 *
 * @param decoder  one that takes batches, of a codec whose vocoder hands its samples on
 */
export async function decodeBatch(
  stages: CodecStages,
  decoder: Decoder & Required<Pick<Decoder, "openBatch">>,
  signals: readonly TokenFrames[],
  config: BatchDecoderConfig,
): Promise<PcmAudio[]> {
  const { identity } = stages;
  const [{ numCodebooks } = { numCodebooks: 1 }] = signals;
  const pieces = signals.map((tokens) =>
    tokens.segmentation === undefined || tokens.codes.length === 0 ? [tokens] : splitSegments(tokens),
  );
  const rows = pieces.flat().flatMap((piece) => channelsOf(piece).map((channel) => channelCodes(piece, channel)));
  const samples = await runBatch(rows, {
    open: (numSignals) => sampleSteps(stages, decoder.openBatch(numSignals), numCodebooks),
    perFrame: numCodebooks,
    startFrames: decoder.startFrames ?? 1,
    ...config,
  });
  let row = 0;
  return signals.map((tokens, index) => {
    const audio = new JoinedAudio(tokens, identity.jointChannels ?? 1);
    for (const piece of pieces[index] ?? []) {
      audio.add(piece, samples.slice(row, row + piece.numChannels));
      row += piece.numChannels;
    }
    return { channels: audio.channels, sampleRate: identity.sampleRate };
  });
}

function channelsOf({ numChannels }: TokenFrames): number[] {
  return Array.from({ length: numChannels }, (_, channel) => channel);
}

function sampleSteps(
  stages: CodecStages,
  batch: DecoderBatch,
  numCodebooks: number,
): BatchSteps<Uint16Array, Float32Array> {
  return {
    async push(codes) {
      const { features } = await batch.push(stages.quantizer.dequantize(codes, numCodebooks));
      return features;
    },
    select: (signals) => sampleSteps(stages, batch.select(signals), numCodebooks),
  };
}

/** The channels of one signal, put together from what was decoded. */
class JoinedAudio {
  readonly channels: Float32Array[];
  readonly #jointChannels: number;
  readonly #overlaps: readonly OverlapAdd[];
  #position = 0;

  constructor({ numChannels, numSamples, segmentation }: TokenFrames, jointChannels: number) {
    this.#jointChannels = jointChannels;
    this.channels = Array.from({ length: numChannels * jointChannels }, () => new Float32Array(numSamples));
    this.#overlaps = segmentation ? this.channels.map(() => new OverlapAdd(segmentStride(segmentation))) : [];
  }

  /** Adds a piece: all of the signal, or its next segment. */
  add({ numSamples, scales }: TokenFrames, decoded: readonly Float32Array[]): void {
    const channels = decoded.flatMap((samples, index) => {
      const scale = scales?.[index];
      const leveled = scale === undefined ? samples : samples.map((sample) => sample * scale);
      return deinterleave(leveled, this.#jointChannels);
    });
    for (const [channel, samples] of channels.entries()) {
      const finished = this.#overlaps[channel]?.push(samples) ?? samples;
      this.channels[channel]?.set(finished.subarray(0, numSamples), this.#position);
    }
    this.#position += numSamples;
  }
}
