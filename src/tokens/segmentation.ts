/**
 * Segments: stretches of equal length that some codecs cut a signal into and code each by itself, every one overlapping
 * the next.
 *
 *     signal   |----------------------------------------|
 *     segment  |---------------|
 *                          |---------------|
 *                                      |----------------|   shorter, as the signal ends
 *
 * Segments begin every `segmentSamples - overlapSamples` samples as long as there is signal. So the last one may hold
 * nothing but what overlaps the one before, and then that one is cut short, too.
 */

/** How a codec cuts signals. */
export interface Segmentation {
  /** Samples of a whole segment: a multiple of the hop length. */
  readonly segmentSamples: number;
  /** Samples that two neighbours share, at most half a segment. */
  readonly overlapSamples: number;
}

/** Samples from the start of a segment to that of the next. */
export function segmentStride({ segmentSamples, overlapSamples }: Segmentation): number {
  return segmentSamples - overlapSamples;
}

/** How many segments a signal is cut into; none when it is empty. */
export function segmentCount(segmentation: Segmentation, numSamples: number): number {
  return Math.ceil(numSamples / segmentStride(segmentation));
}

/** Frames of the segment at which a signal still has so many samples: all of a segment's, or fewer at the end. */
export function segmentFrames({ segmentSamples }: Segmentation, hopLength: number, samplesLeft: number): number {
  return Math.ceil(Math.min(samplesLeft, segmentSamples) / hopLength);
}

/** Consecutive segments: all of a signal, or a piece of it. */
export interface SegmentRun extends Segmentation {
  readonly hopLength: number;
  readonly numSegments: number;
  /** Samples from the start of the first segment to the start of the one behind the last, or to the signal's end. */
  readonly numSamples: number;
  readonly numFrames: number;
}

/**
 * The frames of each segment of a run; undefined when the run cannot be one.
 *
 * Only the end of the signal makes segments short, so all but the last follow from the length. Of the last one, whether
 * others follow it is not known here: it has what is left, which must be one or the other.
 */
export function segmentFrameCounts(run: SegmentRun): number[] | undefined {
  const { segmentSamples, hopLength, numSegments, numSamples, numFrames } = run;
  const stride = segmentStride(run);
  if (numSegments !== segmentCount(run, numSamples)) return undefined;
  const counts = Array.from({ length: numSegments }, (_, index) =>
    segmentFrames(run, hopLength, numSamples - index * stride),
  );
  const surplus = numFrames - counts.reduce((sum, count) => sum + count, 0);
  const last = counts.at(-1);
  if (last === undefined || surplus === 0) return surplus === 0 ? counts : undefined;
  // A segment that others follow reaches into the next one, by as much as there is of that.
  const isFollowed = numSamples === numSegments * stride && surplus > 0 && last + surplus <= segmentSamples / hopLength;
  return isFollowed ? [...counts.slice(0, -1), last + surplus] : undefined;
}

/** What is wrong with a segmentation for frames of `hopLength` samples; undefined when nothing is. */
export function segmentationFault(segmentation: Segmentation, hopLength: number): string | undefined {
  const { segmentSamples, overlapSamples } = segmentation;
  if (!Number.isSafeInteger(segmentSamples) || segmentSamples < 1 || segmentSamples % hopLength !== 0) {
    return `"segmentSamples" expected a multiple of ${hopLength}, got ${segmentSamples}`;
  }
  if (!Number.isSafeInteger(overlapSamples) || overlapSamples < 0 || 2 * overlapSamples > segmentSamples) {
    return `"overlapSamples" expected 0 to half of ${segmentSamples}, got ${overlapSamples}`;
  }
  return undefined;
}
