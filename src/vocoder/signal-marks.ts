/** Keeping account of where a signal begins and ends in a network that is late (see `CenteredTime`). */
import type { Tensor } from "../runtime/runtime";

/** One signal's marks. */
export class SignalMarks {
  readonly #delay: number;
  /** 1 for each of the last `delay` rows that belongs to the signal. */
  #recent: Float32Array;
  /** Results to come that lie before the signal's start. */
  #numBefore: number;

  constructor(delay: number) {
    this.#delay = delay;
    this.#recent = new Float32Array(delay);
    this.#numBefore = delay;
  }

  /**
   * The network's input `inside` for the next rows.
   *
   * Shapes   result [1, delay + length, 1]
   * @param isInside  whether the rows belong to the signal, or come behind its end
   */
  next(length: number, isInside: boolean): Tensor {
    const marks = new Float32Array(this.#delay + length);
    marks.set(this.#recent);
    if (isInside) marks.fill(1, this.#delay);
    this.#recent = marks.slice(length);
    return { data: marks, shape: [1, marks.length, 1] };
  }

  /** How many of the next results are to be left out, because they lie before the signal's start. */
  takeBefore(length: number): number {
    const count = Math.min(this.#numBefore, length);
    this.#numBefore -= count;
    return count;
  }
}
