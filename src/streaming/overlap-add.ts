/**
 * Joining segments that overlap: each counts most in its middle.
 *
 *     weights   /\  of one segment, /\ of the next: where two overlap, the one fades out as the other fades in
 *
 * Source   encodec 0.1.1, utils.py
 */

/** Puts the segments of one channel together, each `stride` samples behind the one before. */
export class OverlapAdd {
  readonly #stride: number;
  #weights: Float32Array | undefined;
  /** What segments so far gave to samples that the next one reaches, too, and by what weights. */
  #sums = new Float32Array(0);
  #weightSums = new Float32Array(0);

  constructor(stride: number) {
    this.#stride = stride;
  }

  /**
   * Takes the next segment and gives the samples that are now final, up to the start of the segment behind it.
   *
   * Shapes   `segment` [T], of which the first is the longest; result [stride], or fewer where the segment and the one
   *          before end earlier
   * Numerics float32, in the order of upstream's sum
   */
  push(segment: Float32Array): Float32Array {
    this.#weights ??= triangle(segment.length);
    const length = Math.max(segment.length, this.#sums.length);
    const sums = new Float32Array(length);
    const weightSums = new Float32Array(length);
    sums.set(this.#sums);
    weightSums.set(this.#weightSums);
    for (let i = 0; i < segment.length; i++) {
      const weight = this.#weights[i] as number;
      sums[i] = (sums[i] as number) + Math.fround(weight * (segment[i] as number));
      weightSums[i] = (weightSums[i] as number) + weight;
    }
    const samples = sums.slice(0, this.#stride);
    for (let i = 0; i < samples.length; i++) samples[i] = (samples[i] as number) / (weightSums[i] as number);
    this.#sums = sums.slice(this.#stride);
    this.#weightSums = weightSums.slice(this.#stride);
    return samples;
  }
}

/** Weights that rise from the ends to the middle, none of them zero. */
function triangle(length: number): Float32Array {
  const step = Math.fround(1 / (length + 1));
  return Float32Array.from({ length }, (_, index) => {
    // The numbers of a linspace from 0 to 1, counted from the nearer end as PyTorch does.
    const isFirstHalf = 2 * (index + 1) < length + 2;
    const place = isFirstHalf ? Math.fround(step * (index + 1)) : Math.fround(1 - Math.fround(step * (length - index)));
    return 0.5 - Math.abs(Math.fround(place - 0.5));
  });
}
