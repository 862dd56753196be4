/** The parts of the integer language model against the functions that they stand for. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  cosineOfTurns,
  divideDown,
  exp,
  squareRootDown,
  upperTail,
} from "../../../../codecs/encodec/language-model/integer/exact-math";
import {
  exponentialsInto,
  gelu,
  normalizeInto,
  normEpsilon,
  shiftDown,
} from "../../../../codecs/encodec/language-model/integer/fixed-point";
import { PositionWaves } from "../../../../codecs/encodec/language-model/integer/position-waves";

describe("functions for tables", () => {
  it("are those of Math", () => {
    for (let x = -20; x <= 20; x += 0.37) expect(Math.abs(exp(x) / Math.exp(x) - 1)).toBeLessThan(1e-12);
    for (let x = 0; x <= 1; x += 0.013) expect(cosineOfTurns(x)).toBeCloseTo(Math.cos(2 * Math.PI * x), 13);
  });

  it("give the normal distribution's tail", () => {
    // Abramowitz and Stegun, table 26.1.
    const table = [
      [0, 0.5],
      [1, 0.158655253931457],
      [2, 0.02275013194817921],
      [3, 0.00134989803163009],
    ] as const;
    for (const [x, tail] of table) expect(upperTail(x)).toBeCloseTo(tail, 13);
  });
});

describe("whole numbers", () => {
  it("are divided and rooted exactly, rounded down", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -(2 ** 52), max: 2 ** 52 }),
        fc.integer({ min: 1, max: 2 ** 40 }),
        (dividend, divisor) => {
          const [a, b] = [BigInt(dividend), BigInt(divisor)];
          const expected = a / b - (a % b < 0n ? 1n : 0n);
          expect(BigInt(divideDown(dividend, divisor))).toBe(expected);
          const root = BigInt(squareRootDown(Math.abs(dividend)));
          const square = BigInt(Math.abs(dividend));
          expect(root * root <= square && (root + 1n) * (root + 1n) > square).toBe(true);
        },
      ),
      {
        numRuns: 2000,
        seed: 2,
        examples: [
          [2 ** 52 - 1, 2 ** 28],
          [-1, 3],
          [0, 1],
        ],
      },
    );
  });

  it("are shifted to the nearest, and never leave 32 bits", () => {
    expect([3, 2, 1, -1, -2, -3].map((value) => shiftDown(value, 2))).toEqual([1, 1, 0, 0, 0, -1]);
    expect(shiftDown(2 ** 31 - 1, 2)).toBe(2 ** 29);
    expect(shiftDown(-(2 ** 31), 20)).toBe(-2048);
  });
});

describe("functions of activations", () => {
  it("are GELU within half a unit", () => {
    for (let value = -32768; value <= 32767; value += 7) {
      const x = value / 2048;
      const magnitude = Math.abs(x);
      const exact = Math.max(x, 0) - (magnitude < 6 ? magnitude * upperTail(magnitude) : 0);
      expect(Math.abs(gelu(value) - 2048 * exact)).toBeLessThanOrEqual(0.5);
    }
  });

  it("are the exponentials of softmax within a thousandth", () => {
    const values = Int32Array.of(0, -1 << 20, -3 << 20, -1 << 28, 1 << 10);
    const out = new Float64Array(5);
    const sum = exponentialsInto(out, values, 5, 20);
    const exact = [...values].map((value) => Math.exp((value - 1024) / 2 ** 20));
    const total = exact.reduce((a, b) => a + b);
    for (const [index, value] of exact.entries())
      expect(Math.abs((out[index] ?? 0) / sum - value / total)).toBeLessThan(1e-3);
    expect(out[3]).toBe(0);
  });

  it("are a layer normalization within two units", () => {
    const values = Int32Array.from({ length: 50 }, (_, index) => Math.round(3000 * Math.sin(index * index)) + 500);
    const out = new Int16Array(50);
    const norm = { gain: new Int32Array(50).fill(1.5 * 4096), bias: new Float64Array(50).fill(-0.25 * 2 ** 24) };
    normalizeInto(out, values, norm, normEpsilon(1e-5, 11));
    const mean = values.reduce((a, b) => a + b) / 50;
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 50);
    for (const [index, value] of values.entries()) {
      const exact = 2048 * ((1.5 * (value - mean)) / deviation - 0.25);
      expect(Math.abs((out[index] ?? 0) - exact)).toBeLessThan(2);
    }
  });

  it("stop at the ends of int16, where a norm's gain is large, and take equal numbers", () => {
    const out = new Int16Array(4);
    const norm = { gain: new Int32Array(4).fill(100 * 4096), bias: new Float64Array(4) };
    normalizeInto(out, Int32Array.of(5000, -5000, 0, 0), norm, normEpsilon(1e-5, 11));
    expect([...out]).toEqual([32767, -32768, 0, 0]);
    normalizeInto(out, Int32Array.of(7, 7, 7, 7), norm, 0);
    expect([...out]).toEqual([0, 0, 0, 0]);
  });
});

describe("PositionWaves", () => {
  it("are cosines and sines of places, minutes into a segment too", () => {
    const waves = new PositionWaves(200);
    const x = new Int16Array(200);
    for (let position = 0; position <= 20_002; position++) {
      x.fill(0);
      waves.addNextTo(x);
      if (position % 10_000 > 2) continue;
      for (let index = 0; index < 100; index += 9) {
        const phase = position / 10_000 ** (index / 99);
        // Half a place in the table of 8192 and half a unit: 1.3.
        expect(Math.abs((x[index] ?? 0) - 2048 * Math.cos(phase))).toBeLessThan(1.4);
        expect(Math.abs((x[100 + index] ?? 0) - 2048 * Math.sin(phase))).toBeLessThan(1.4);
      }
    }
  });
});
