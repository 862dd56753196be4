/**
 * Functions for the tables of the integer model, from additions, multiplications and divisions of float64 alone. IEEE 754
 * and ECMAScript fix every bit of those; `Math.exp` and its like may differ from engine to engine.
 */

/** Below every number here a term of a series changes nothing. */
const NEGLIGIBLE = 1e-20;
/** Of 10,000, whose powers are the periods of the position embedding. */
export const LN_10000 = 9.210340371976184;
const TWO_PI = 6.283185307179586;
const SQRT_TWO_PI = 2.5066282746310002;
/** Halvings before the series of the exponential, which converges fast below 1 / 32. */
const NUM_HALVINGS = 10;

/** e to the power of `x`, for |x| below 32; within 1e-12 of itself. */
export function exp(x: number): number {
  const reduced = x / 2 ** NUM_HALVINGS;
  let term = 1;
  let sum = 1;
  for (let n = 1; term > NEGLIGIBLE || term < -NEGLIGIBLE; n++) {
    term *= reduced / n;
    sum += term;
  }
  for (let count = 0; count < NUM_HALVINGS; count++) sum *= sum;
  return sum;
}

/** The cosine of so many turns, for 0 to 1; within 1e-14. */
export function cosineOfTurns(turns: number): number {
  const angle = TWO_PI * (turns > 0.5 ? turns - 1 : turns);
  let term = 1;
  let sum = 1;
  for (let n = 2; term > NEGLIGIBLE || term < -NEGLIGIBLE; n += 2) {
    term *= (-angle * angle) / (n * (n - 1));
    sum += term;
  }
  return sum;
}

/**
 * How probable it is that a normal variable exceeds `x`, for 0 to 6; within 1e-13.
 *
 * Source   Marsaglia 2004, "Evaluating the Normal Distribution": 1/2 - density * (x + x^3 / 3 + x^5 / 15 + ...)
 */
export function upperTail(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 3; term > NEGLIGIBLE; n += 2) {
    term *= (x * x) / n;
    sum += term;
  }
  return 0.5 - (sum * exp((-x * x) / 2)) / SQRT_TWO_PI;
}

/** The nearest whole number; halves go up. */
export function roundHalfUp(x: number): number {
  return Math.floor(x + 0.5);
}

/**
 * The quotient of whole numbers, rounded down.
 *
 * @param divisor  positive; it and the dividend are below 2^53 in magnitude
 */
export function divideDown(dividend: number, divisor: number): number {
  const quotient = Math.floor(dividend / divisor);
  // A quotient close below a whole number may have been rounded to it.
  return quotient * divisor > dividend ? quotient - 1 : quotient;
}

/** The square root of a whole number below 2^53, rounded down. */
export function squareRootDown(value: number): number {
  let root = Math.floor(Math.sqrt(value));
  while (root * root > value) root--;
  while ((root + 1) * (root + 1) <= value) root++;
  return root;
}
