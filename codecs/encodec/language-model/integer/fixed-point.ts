/**
 * The integer model's arithmetic: what a number is worth, and the functions that are not sums of products.
 *
 * Activations are int16 in units of 2^-11, and stop at +-16. All else is whole numbers below 2^53, held in doubles or in
 * int32, so that every step is exact; docs/ecdc-integer.md is the specification.
 */
import { cosineOfTurns, divideDown, exp, roundHalfUp, squareRootDown, upperTail } from "./exact-math";

/** Bits behind the point of an activation. */
export const ACTIVATION_BITS = 11;
/** Bits behind the point of an attention share, and of a gain. */
export const SHARE_BITS = 15;
export const GAIN_BITS = 12;
/** Bits that a mean and a deviation have beyond those of the numbers. */
const MEAN_BITS = 4;
const MAX_INT16 = 32767;

/** Exponentials are powers of two in steps of 2^-10, with 28 bits behind the point. */
const POWER_BITS = 10;
const EXP_BITS = 28;
/** log2(e) with 20 bits behind the point. */
const LOG2_E = 1_512_775;
const LOG2_E_BITS = 20;

const powers = /* @__PURE__ */ Float64Array.from({ length: 1 << POWER_BITS }, (_, index) =>
  roundHalfUp(2 ** EXP_BITS * exp((-index / 2 ** POWER_BITS) * Math.LN2)),
);

/** Where GELU has become the identity, or zero, to the last bit. */
const GELU_LENGTH = 6 << ACTIVATION_BITS;

/** x * P(normal variable > x), in units of activations: what GELU takes away from max(x, 0). */
const geluLoss = /* @__PURE__ */ Int16Array.from({ length: GELU_LENGTH }, (_, index) =>
  roundHalfUp(index * upperTail(index / 2 ** ACTIVATION_BITS)),
);

/** A turn has 2^40 parts, and the table of its cosines 2^13. */
export const PHASE_BITS = 40;
const WAVE_LENGTH_BITS = 13;
const WAVE_LENGTH = 1 << WAVE_LENGTH_BITS;

const wave = /* @__PURE__ */ Int16Array.from({ length: WAVE_LENGTH }, (_, index) =>
  roundHalfUp(2 ** ACTIVATION_BITS * cosineOfTurns(index / WAVE_LENGTH)),
);

/** A whole number as int16: what lies beyond stops at the ends. */
export function clampInt16(value: number): number {
  return Math.max(-MAX_INT16 - 1, Math.min(MAX_INT16, value));
}

/** An int32 divided by 2^bits, to the nearest whole number, halves up; `bits` is at least 2. */
export function shiftDown(value: number, bits: number): number {
  return ((value >> (bits - 1)) + 1) >> 1;
}

/** The Gaussian error linear unit of an activation. */
export function gelu(value: number): number {
  const magnitude = Math.abs(value);
  return Math.max(value, 0) - (magnitude < GELU_LENGTH ? (geluLoss[magnitude] as number) : 0);
}

/** The cosine of a part of a turn in units of 2^-40, and a quarter later its sine. */
export function waveAt(phase: number, quarters: number): number {
  const index = roundHalfUp(phase / 2 ** (PHASE_BITS - WAVE_LENGTH_BITS)) - quarters * (WAVE_LENGTH / 4);
  return wave[index & (WAVE_LENGTH - 1)] as number;
}

/**
 * Exponentials relative to that of the largest number.
 *
 * Shapes   values and out [N] or longer
 * @param bits  behind the point of `values`
 * @returns the sum of the exponentials, whose unit is 2^-28
 */
export function exponentialsInto(out: Float64Array, values: Int32Array, length: number, bits: number): number {
  let largest = values[0] as number;
  for (let index = 1; index < length; index++) largest = Math.max(largest, values[index] as number);
  const unit = 2 ** (bits + LOG2_E_BITS - POWER_BITS);
  let sum = 0;
  for (let index = 0; index < length; index++) {
    const power = Math.floor(((largest - (values[index] as number)) * LOG2_E) / unit);
    const octaves = Math.floor(power / 2 ** POWER_BITS);
    const part = power - octaves * 2 ** POWER_BITS;
    const value = octaves > EXP_BITS ? 0 : (powers[part] as number) >> octaves;
    out[index] = value;
    sum += value;
  }
  return sum;
}

/** Gain and bias of a layer normalization, with 12 bits behind the point and with 24. */
export interface IntegerNorm {
  readonly gain: Int32Array;
  readonly bias: Float64Array;
}

/**
 * Layer normalization -> activations.
 *
 * Shapes   values and out [D], D at most 2048
 * Memory   reads `values`, overwrites `out`
 * @param values  below 2^17 in magnitude
 * @param epsilon  of `normEpsilon`
 */
export function normalizeInto(out: Int16Array, values: Int32Array, { gain, bias }: IntegerNorm, epsilon: number): void {
  const length = values.length;
  let sum = 0;
  for (const value of values) sum += value;
  const mean = divideDown(sum * 2 ** MEAN_BITS, length);
  let squares = 0;
  for (const value of values) squares += (value * 2 ** MEAN_BITS - mean) ** 2;
  const deviation = Math.max(1, squareRootDown(divideDown(squares, length) + epsilon));
  for (let index = 0; index < length; index++) {
    const distance = (values[index] as number) * 2 ** MEAN_BITS - mean;
    const normal = divideDown(distance * 2 ** GAIN_BITS, deviation);
    const scaled = normal * (gain[index] as number) + (bias[index] as number);
    out[index] = clampInt16(roundHalfUp(scaled / 2 ** (2 * GAIN_BITS - ACTIVATION_BITS)));
  }
}

/** What `normalizeInto` takes as epsilon for values with `bits` bits behind the point. */
export function normEpsilon(epsilon: number, bits: number): number {
  return roundHalfUp(epsilon * 4 ** (bits + MEAN_BITS));
}
