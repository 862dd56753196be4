/** Codes of channels that are coded by themselves: [F, K] of each <-> [F, C, K] of all. */
import { numFrames, type TokenFrames } from "../tokens/token-frames";

/** The codes [F, K] of one channel, out of [F, C, K]. */
export function channelCodes(tokens: TokenFrames, channel: number): Uint16Array {
  const { codes, numChannels, numCodebooks } = tokens;
  if (numChannels === 1) return codes;
  const frames = numFrames(tokens);
  const selected = new Uint16Array(frames * numCodebooks);
  for (let frame = 0; frame < frames; frame++) {
    const at = (frame * numChannels + channel) * numCodebooks;
    selected.set(codes.subarray(at, at + numCodebooks), frame * numCodebooks);
  }
  return selected;
}

/** Codes [F, C, K] of all channels from those of each, [F, K]. */
export function interleaveCodes(channels: readonly Uint16Array[], numCodebooks: number): Uint16Array {
  const [first = new Uint16Array(0)] = channels;
  if (channels.length < 2) return first;
  const codes = new Uint16Array(first.length * channels.length);
  for (const [channel, from] of channels.entries()) {
    for (let at = 0; at < from.length; at += numCodebooks) {
      codes.set(from.subarray(at, at + numCodebooks), at * channels.length + channel * numCodebooks);
    }
  }
  return codes;
}
