/** Signals and tokens in pieces, as streaming calls take them, and what such calls give, put together. */
import type { PcmAudio, TokenFrames } from "../../src/index";

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

/** Chunks of `size` samples; the last one may be shorter. */
export function* chunksOf({ channels, sampleRate }: PcmAudio, size: number): Generator<PcmAudio> {
  const length = channels[0]?.length ?? 0;
  for (let begin = 0; begin < length; begin += size) {
    yield { channels: channels.map((channel) => channel.subarray(begin, begin + size)), sampleRate };
  }
}

/** Frame by frame; the last one stands for what is left of the samples. */
export function* framesOf(tokens: TokenFrames): Generator<TokenFrames> {
  const { codes, numCodebooks } = tokens;
  const hopLength = tokens.sampleRate / tokens.frameRate;
  for (let frame = 0; frame * numCodebooks < codes.length; frame++) {
    const numSamples = Math.min(hopLength, tokens.numSamples - frame * hopLength);
    yield { ...tokens, numSamples, codes: codes.subarray(frame * numCodebooks, (frame + 1) * numCodebooks) };
  }
}

/** The first channel of all chunks. */
export function samplesOf(chunks: readonly PcmAudio[]): Float32Array {
  return Float32Array.from(chunks.flatMap(({ channels }) => [...(channels[0] ?? [])]));
}
