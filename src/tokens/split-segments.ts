/** Taking tokens of a codec with segments apart again. */
import { segmentFrameCounts, segmentStride } from "./segmentation";
import { hopLengthOf, numFrames, type TokenFrames } from "./token-frames";

/**
 * The segments of tokens that `assertTokenFrames` has passed, each a piece of its own; `concatTokenFrames` joins them.
 *
 * Shapes   `codes` of each is [f, C, K], `scales` [1, C]
 * Memory   views of `tokens`
 * @throws {TypeError} when the tokens have no segments
 */
export function splitSegments(tokens: TokenFrames): TokenFrames[] {
  const { segmentation, scales, numChannels, numCodebooks, numSamples, lostFrames } = tokens;
  if (segmentation === undefined || scales === undefined) {
    throw new TypeError(`"tokens" expected those of a codec with segments, got ${tokens.codec}'s`);
  }
  const numSegments = scales.length / numChannels;
  const hopLength = hopLengthOf(tokens);
  const run = { ...segmentation, hopLength, numSegments, numSamples, numFrames: numFrames(tokens) };
  const stride = segmentStride(segmentation);
  const perFrame = numChannels * numCodebooks;
  let at = 0;
  return (segmentFrameCounts(run) ?? []).map((count, index) => {
    const begin = at;
    at += count * perFrame;
    return {
      ...tokens,
      numSamples: Math.min(stride, numSamples - index * stride),
      scales: scales.subarray(index * numChannels, (index + 1) * numChannels),
      codes: tokens.codes.subarray(begin, at),
      ...(lostFrames && { lostFrames: lostFrames.subarray(begin / perFrame, at / perFrame) }),
    };
  });
}
