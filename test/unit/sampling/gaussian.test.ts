import { describe, expect, it } from "vitest";
import { GaussianSource } from "../../../src/sampling/gaussian";

describe("GaussianSource", () => {
  it("gives the same numbers for a seed, whatever the portions", () => {
    const whole = new GaussianSource(7).take(101);
    const source = new GaussianSource(7);
    const parts = [1, 2, 33, 0, 65].flatMap((length) => [...source.take(length)]);
    expect(parts).toEqual([...whole]);
    expect([...whole]).not.toEqual([...new GaussianSource(8).take(101)]);
    expect([...whole]).not.toEqual([...new GaussianSource(7, 1).take(101)]);
    expect([...new GaussianSource(0, 1).take(101)]).not.toEqual([...new GaussianSource(1, 0).take(101)]);
  });

  it("keeps the numbers that seeds stood for in earlier versions", () => {
    expect([...new GaussianSource(0).take(3)].map((value) => value.toFixed(6))).toMatchInlineSnapshot(`
      [
        "-2.478378",
        "-1.364851",
        "0.095087",
      ]
    `);
  });

  it("has the moments of the normal distribution and no memory", () => {
    const n = 200_000;
    const values = new GaussianSource(1).take(n);
    const mean = (of: (value: number, index: number) => number) =>
      values.reduce((sum, value, index) => sum + of(value, index), 0) / n;
    // Four standard errors each. Uniform numbers of the same variance have a fourth moment of 1.8 instead of 3.
    expect(Math.abs(mean((x) => x))).toBeLessThan(4 / Math.sqrt(n));
    expect(Math.abs(mean((x) => x * x) - 1)).toBeLessThan(4 * Math.sqrt(2 / n));
    expect(Math.abs(mean((x) => x ** 4) - 3)).toBeLessThan(4 * Math.sqrt(96 / n));
    for (const lag of [1, 2, 3, 4]) {
      expect(Math.abs(mean((x, i) => x * (values[(i + lag) % n] ?? 0)))).toBeLessThan(4 / Math.sqrt(n));
    }
  });

  it("refuses what is no seed", () => {
    for (const seed of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 32]) {
      expect(() => new GaussianSource(seed)).toThrow(
        new RangeError(`"seed" expected a whole number from 0 to 4294967295, got ${seed}`),
      );
    }
  });
});
