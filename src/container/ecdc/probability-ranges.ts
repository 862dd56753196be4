/**
 * Probabilities -> the ranges of the arithmetic coder, as upstream makes them: in float32, step by step.
 *
 * Source   encodec 0.1.1, quantization/ac.py, build_stable_quantized_cdf
 */
import { RANGE_SCALE } from "./arithmetic-coder";

/** Probabilities are rounded down to multiples of it, so that small differences between machines may vanish. */
const STEP = Math.fround(1e-8);
/** No range is narrower, however improbable its code. */
const MIN_RANGE = 2;

/**
 * Ends of the codes' ranges, one behind the other.
 *
 * Shapes   probabilities [K, N]; result [K, N]
 * Memory   result is a fresh copy
 * Numerics float32 as upstream's tensors are; equal probabilities give equal ranges
 */
export function rangesOfProbabilities(probabilities: Float32Array, codebookSize: number): Uint32Array {
  const share = (MIN_RANGE * codebookSize) / RANGE_SCALE;
  const scale = Math.fround((1 - share) * RANGE_SCALE);
  const ends = new Uint32Array(probabilities.length);
  let end = 0;
  for (const [index, probability] of probabilities.entries()) {
    if (index % codebookSize === 0) end = 0;
    const rounded = Math.fround(Math.floor(Math.fround(probability / STEP)) * STEP);
    end += Math.floor(Math.fround(scale * rounded)) + MIN_RANGE;
    ends[index] = end;
  }
  return ends;
}
