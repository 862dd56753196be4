/** Places of a container -> tokens: in version 1 they are the same, in version 2 places without a frame are left out. */
import { segmentFrames, segmentStride } from "../tokens/segmentation";
import type { TokenFrames } from "../tokens/token-frames";
import { type ContainerHeader, formatOf } from "./header";
import { coveredSamples, placesPerSegment, segmentsWithin } from "./segment-places";
import type { PacketSegments } from "./segment-table";

/** Consecutive places, the first of which begins a segment. */
export interface PlacedTokens {
  /** Tokens of all places [P, C, K]. */
  readonly codes: Uint16Array;
  /** What was read of their segments. Not used in version 1. */
  readonly segments: PacketSegments;
  /** Samples by which the places reach beyond the signal, when it ends with them. */
  readonly paddingSamples: number | undefined;
}

/**
 * What stands for segments that were lost: a scale of 0, so that they are silent.
 *
 * @param samplesBehind  of the signal, as far as is known: a segment before its end may have been cut short
 */
export function lostSegments(
  header: ContainerHeader,
  numPlaces: number,
  samplesBehind = Number.POSITIVE_INFINITY,
): PacketSegments {
  const { segmentation, hopLength, numChannels } = header;
  const frameCounts = new Array<number>(segmentsWithin(header, numPlaces)).fill(0);
  if (segmentation !== undefined && frameCounts.length > 0) {
    const left = segmentStride(segmentation) + samplesBehind;
    frameCounts[frameCounts.length - 1] = segmentFrames(segmentation, hopLength, left);
  }
  return { frameCounts, scales: new Float32Array(frameCounts.length * numChannels) };
}

/** The tokens of places whose packets have been checked. */
export function tokensOfPlaces(header: ContainerHeader, placed: PlacedTokens): TokenFrames {
  const { numChannels, numCodebooks, segmentation, hopLength } = header;
  const { codes, segments, paddingSamples } = placed;
  const perPlace = numChannels * numCodebooks;
  const numPlaces = codes.length / perPlace;
  const covered = coveredSamples(header, numPlaces);
  if (segmentation === undefined) {
    return { ...formatOf(header), numSamples: Math.max(0, covered - (paddingSamples ?? 0)), codes };
  }
  const { frameCounts: readCounts, scales } = segments;
  const numSegments = readCounts.length;
  const isEnd = paddingSamples !== undefined;
  const stride = segmentStride(segmentation);
  const numSamples = isEnd ? covered - paddingSamples : numSegments * stride;
  const places = placesPerSegment(segmentation, hopLength);
  const lastPlaces = numPlaces - (numSegments - 1) * places;
  // The length tells how many frames segments have, lost ones too, except the last one when others follow it.
  const frameCounts = readCounts.map((readCount, index) => {
    if (index < numSegments - 1) return segmentFrames(segmentation, hopLength, numSamples - index * stride);
    return isEnd ? lastPlaces : readCount;
  });
  return { ...formatOf(header), numSamples, scales, codes: gather(codes, frameCounts, places * perPlace, perPlace) };
}

/** The first `count` frames of each segment, one segment behind the other. */
function gather(codes: Uint16Array, frameCounts: readonly number[], perSegment: number, perFrame: number): Uint16Array {
  const gathered = new Uint16Array(perFrame * frameCounts.reduce((sum, count) => sum + count, 0));
  let at = 0;
  for (const [index, count] of frameCounts.entries()) {
    const from = index * perSegment;
    gathered.set(codes.subarray(from, from + count * perFrame), at);
    at += count * perFrame;
  }
  return gathered;
}
