/**
 * Where segments lie in a container of version 2: each takes the same number of frames' places, whatever it holds, so
 * that packets are equally long and can be found. Without segments every frame has a place of its own.
 */
import { type Segmentation, segmentCount, segmentStride } from "../tokens/segmentation";
import type { PacketShape } from "./limits";

/** What a header says about places. */
export interface PlaceShape extends PacketShape {
  readonly hopLength: number;
  readonly segmentation?: Segmentation;
}

/** Places of a segment. */
export function placesPerSegment(segmentation: Segmentation, hopLength: number): number {
  return segmentation.segmentSamples / hopLength;
}

/** Segments that so many places belong to; 0 without segments. */
export function segmentsWithin({ segmentation, hopLength }: PlaceShape, numPlaces: number): number {
  return segmentation === undefined ? 0 : Math.ceil(numPlaces / placesPerSegment(segmentation, hopLength));
}

/** Bytes of what a packet of so many places says about its segments. */
export function segmentTableBytes(shape: PlaceShape, numPlaces: number): number {
  return segmentsWithin(shape, numPlaces) * segmentEntryBytes(shape.numChannels);
}

/** Bytes of the entry of one segment: frames as u16, and a float32 for each channel. */
export function segmentEntryBytes(numChannels: number): number {
  return 2 + 4 * numChannels;
}

/** Samples that so many places reach to. */
export function coveredSamples(shape: PlaceShape, numPlaces: number): number {
  const { segmentation, hopLength } = shape;
  if (segmentation === undefined || numPlaces === 0) return numPlaces * hopLength;
  const before = segmentsWithin(shape, numPlaces) - 1;
  const inLast = numPlaces - before * placesPerSegment(segmentation, hopLength);
  return before * segmentStride(segmentation) + inLast * hopLength;
}

/** Whether a signal can end with so many places, the last `paddingSamples` samples of which are beyond it. */
export function isPossibleEnd(shape: PlaceShape, numPlaces: number, paddingSamples: number): boolean {
  const numSamples = coveredSamples(shape, numPlaces) - paddingSamples;
  const { segmentation, hopLength } = shape;
  if (segmentation === undefined || numSamples <= 0) return numSamples >= 0;
  return paddingSamples < hopLength && segmentCount(segmentation, numSamples) === segmentsWithin(shape, numPlaces);
}
