/** Several signals at once → tokens of each. */
import { leveled } from "../audio/level";
import type { PcmAudio } from "../audio/pcm-audio";
import type { Encoder, EncoderBatch } from "../encoder/encoder";
import { type CodecStages, encodeFrames } from "../pipeline";
import { concatTokenFrames } from "../tokens/concat-token-frames";
import { segmentStride } from "../tokens/segmentation";
import type { TokenFrames } from "../tokens/token-frames";
import { AudioIntake } from "./audio-intake";
import { interleaveCodes } from "./channel-codes";
import { type BatchSteps, runBatch } from "./run-batch";
import type { TokenEncoderConfig } from "./token-encoder";
import { tokenFormat } from "./token-format";

/** How a batch becomes tokens. */
export interface BatchEncoderConfig extends TokenEncoderConfig {
  /** Most frames of all signals together in one network call. */
  readonly maxFrames: number;
}

/** A stretch that the network takes by itself: the whole signal, or one segment. */
interface Stretch {
  /** Channels that are coded by themselves. */
  readonly numChannels: number;
  /** What is coded of each; nothing when the signal is empty. */
  readonly rows: readonly Float32Array[];
  readonly numSamples: number;
}

/**
 * Encodes signals side by side; each gets the tokens that it would get alone.
 *
 * @param encoder  one that takes batches
 */
export async function encodeBatch(
  stages: CodecStages,
  encoder: Encoder & Required<Pick<Encoder, "openBatch">>,
  audios: readonly PcmAudio[],
  config: BatchEncoderConfig,
): Promise<TokenFrames[]> {
  const { identity } = stages;
  const { activeCodebooks, blockFrames, maxFrames, signal } = config;
  const perFrame = identity.hopLength * (identity.jointChannels ?? 1);
  const stretches = await Promise.all(audios.map((audio) => stretchesOf(stages, audio, config)));
  const rows = stretches.flat().flatMap((stretch) => stretch.rows);
  const levels = identity.segmentation && rows.map((samples) => leveled(samples, identity.jointChannels ?? 1));
  const inputs = levels?.map(({ samples }) => samples) ?? rows;
  const codes = await runBatch(encoder.takesPartialFrame ? inputs : inputs.map((row) => filledUp(row, perFrame)), {
    open: (numSignals) => codeSteps(stages, encoder.openBatch(numSignals), activeCodebooks),
    perFrame,
    startFrames: encoder.startFrames ?? 1,
    blockFrames,
    maxFrames,
    signal,
  });
  let row = 0;
  return stretches.map((pieces) => {
    const tokens = pieces.map(({ rows: { length }, numChannels, numSamples }): TokenFrames => {
      const rowsOf = <T>(all: readonly T[]): T[] => all.slice(row, row + length);
      const scales = levels && Float32Array.from(rowsOf(levels).map(({ level }) => level));
      const joint = interleaveCodes(rowsOf(codes), activeCodebooks);
      row += length;
      const format = tokenFormat(identity, numChannels, activeCodebooks);
      return { ...format, numSamples, ...(scales && { scales }), codes: joint };
    });
    return concatTokenFrames(tokens);
  });
}

/** What the network takes of a signal, piece by piece; one empty piece of an empty signal. */
async function stretchesOf(
  { identity }: CodecStages,
  audio: PcmAudio,
  { channels }: BatchEncoderConfig,
): Promise<Stretch[]> {
  const intake = new AudioIntake({ identity, channels });
  await intake.push(audio);
  intake.flush();
  const { segmentation, jointChannels = 1 } = identity;
  const numChannels = intake.queues.length;
  if (intake.numWaiting === 0) return [{ numChannels, rows: [], numSamples: 0 }];
  if (segmentation === undefined) {
    const rows = intake.queues.map((queue) => queue.peek(queue.length));
    return [{ numChannels, rows, numSamples: intake.numWaiting }];
  }
  const stride = segmentStride(segmentation);
  const stretches: Stretch[] = [];
  while (intake.numWaiting > 0) {
    const numSamples = Math.min(stride, intake.numWaiting);
    const rows = intake.queues.map((queue) => queue.peek(segmentation.segmentSamples * jointChannels));
    for (const queue of intake.queues) queue.drop(stride * jointChannels);
    stretches.push({ numChannels, rows, numSamples });
  }
  return stretches;
}

function codeSteps(
  stages: CodecStages,
  batch: EncoderBatch,
  activeCodebooks: number,
): BatchSteps<Float32Array, Uint16Array> {
  return {
    push: (samples) => encodeFrames(stages, batch, samples, activeCodebooks),
    select: (signals) => codeSteps(stages, batch.select(signals), activeCodebooks),
  };
}

/** The samples with silence up to a whole frame. */
function filledUp(samples: Float32Array, perFrame: number): Float32Array {
  if (samples.length % perFrame === 0) return samples;
  const filled = new Float32Array(Math.ceil(samples.length / perFrame) * perFrame);
  filled.set(samples);
  return filled;
}
