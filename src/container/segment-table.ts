/**
 * The segments of a packet, in front of its payload in containers of version 2.
 *
 *     0      2               2 + 4C
 *     | f    | C scales, f32 | the same of the next segment ...
 *
 * A segment has f frames; the places behind them hold token 0. Only the last two segments of a signal can be short: of
 * the last one there are no more places than frames, and the one before is filled up.
 */
import { segmentFrameCounts, segmentStride } from "../tokens/segmentation";
import { fault, type PacketFault, type PacketHead } from "./packet";
import { coveredSamples, type PlaceShape, placesPerSegment, segmentEntryBytes } from "./segment-places";

/** The segments of one packet. */
export interface PacketSegments {
  /** Frames of each. */
  readonly frameCounts: readonly number[];
  /** [S, C] */
  readonly scales: Float32Array;
}

/** The bytes of a table. */
export function writeSegmentTable({ frameCounts, scales }: PacketSegments, numChannels: number): Uint8Array {
  const entryBytes = segmentEntryBytes(numChannels);
  const bytes = new Uint8Array(frameCounts.length * entryBytes);
  const view = new DataView(bytes.buffer);
  for (const [index, count] of frameCounts.entries()) view.setUint16(index * entryBytes, count, true);
  for (const [index, scale] of scales.entries()) view.setFloat32(scaleOffset(index, numChannels), scale, true);
  return bytes;
}

/** Reads a table that is there in full. Nothing in it has been checked. */
export function readSegmentTable(bytes: Uint8Array, numChannels: number): PacketSegments {
  const entryBytes = segmentEntryBytes(numChannels);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const numSegments = bytes.length / entryBytes;
  const scales = Float32Array.from({ length: numSegments * numChannels }, (_, index) =>
    view.getFloat32(scaleOffset(index, numChannels), true),
  );
  const frameCounts = Array.from({ length: numSegments }, (_, index) => view.getUint16(index * entryBytes, true));
  return { frameCounts, scales };
}

/** Where the scale stands whose place in [S, C] is `index`. */
function scaleOffset(index: number, numChannels: number): number {
  return 2 * (Math.floor(index / numChannels) + 1) + 4 * index;
}

/**
 * What a table says that cannot be, of a packet whose head has been checked.
 *
 * @param previousCount  frames of the segment before, where that is known
 */
export function findTableFault(
  { frameCounts, scales }: PacketSegments,
  head: PacketHead,
  shape: PlaceShape,
  previousCount: number | undefined,
): PacketFault | undefined {
  const { segmentation, hopLength } = shape;
  if (segmentation === undefined) return undefined;
  const scale = scales.find((value) => !(value >= 0 && value < Number.POSITIVE_INFINITY));
  if (scale !== undefined) return fault(0, "scales that are finite and at least 0", scale);
  const stride = segmentStride(segmentation);
  const isLast = head.paddingSamples !== undefined;
  const numSegments = frameCounts.length;
  const numSamples = isLast ? coveredSamples(shape, head.numFrames) - (head.paddingSamples ?? 0) : numSegments * stride;
  // With the segment before, whose length the signal's end may have cut, too.
  const known = previousCount === undefined ? frameCounts : [previousCount, ...frameCounts];
  const run = { ...segmentation, hopLength, numSegments: known.length };
  const runSamples = numSamples + (known.length - numSegments) * stride;
  const numFrames = known.reduce((sum, count) => sum + count, 0);
  const expected = segmentFrameCounts({ ...run, numSamples: runSamples, numFrames });
  const lastPlaces = head.numFrames - (numSegments - 1) * placesPerSegment(segmentation, hopLength);
  const isEndFull = !isLast || numSegments === 0 || frameCounts.at(-1) === lastPlaces;
  if (isEndFull && expected?.every((count, index) => count === known[index])) return undefined;
  return fault(0, `the frames of segments of ${runSamples} samples`, known.join(", ").slice(0, 40));
}
