/** The position embedding in whole numbers: waves that go on by a fixed part of a turn each frame. */
import { exp, LN_10000, roundHalfUp } from "./exact-math";
import { clampInt16, PHASE_BITS, waveAt } from "./fixed-point";

const TURN = 2 ** PHASE_BITS;
const TWO_PI = 6.283185307179586;

/** Cosines and sines of one segment's frames in turn. */
export class PositionWaves {
  readonly #steps: Float64Array;
  readonly #phases: Float64Array;

  /** @param dim  width of the transformer: half of it cosines, half sines */
  constructor(dim: number) {
    const half = dim / 2;
    this.#steps = Float64Array.from({ length: half }, (_, index) =>
      // A period of 10,000 to the power of index / (half - 1).
      roundHalfUp((TURN / TWO_PI) * exp((-index / (half - 1)) * LN_10000)),
    );
    this.#phases = new Float64Array(half);
  }

  /** Adds the next frame's embedding to activations [D]. */
  addNextTo(x: Int16Array): void {
    const half = this.#phases.length;
    for (let index = 0; index < half; index++) {
      const phase = this.#phases[index] as number;
      x[index] = clampInt16((x[index] as number) + waveAt(phase, 0));
      x[half + index] = clampInt16((x[half + index] as number) + waveAt(phase, 1));
      this.#phases[index] = (phase + (this.#steps[index] as number)) % TURN;
    }
  }
}
