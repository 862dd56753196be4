import { describe, expect, it } from "vitest";
import { OverlapAdd } from "../../../src/streaming/overlap-add";

describe("OverlapAdd", () => {
  const constant = (length: number, value: number) => new Float32Array(length).fill(value);

  it("leaves a signal as it is where its segments agree", () => {
    const overlap = new OverlapAdd(8);
    const signal = Float32Array.from({ length: 27 }, (_, index) => Math.sin(index));
    const parts = [0, 8, 16, 24].map((begin) => [...overlap.push(signal.slice(begin, begin + 10))]);
    expect(parts.map((part) => part.length)).toEqual([8, 8, 8, 3]);
    for (const [index, value] of parts.flat().entries()) expect(value).toBeCloseTo(signal[index] ?? 0, 6);
  });

  it("fades from one segment to the next", () => {
    const overlap = new OverlapAdd(8);
    expect([...overlap.push(constant(12, 1))]).toEqual(new Array(8).fill(1));
    const [first = 0, second = 0, third = 0, fourth = 0, ...alone] = overlap.push(constant(12, 0));
    // Weights 4, 3, 2, 1 against 1, 2, 3, 4, of thirteenths.
    for (const [index, value] of [first, second, third, fourth].entries()) {
      expect(value).toBeCloseTo((4 - index) / 5, 6);
    }
    expect(alone).toEqual([0, 0, 0, 0]);
  });

  it("takes its weights from the first segment, and lets a last one end within the overlap", () => {
    const overlap = new OverlapAdd(8);
    overlap.push(constant(12, 1));
    const end = [...overlap.push(constant(2, 1))];
    expect(end.length).toBe(4);
    for (const value of end) expect(value).toBeCloseTo(1, 6);
  });
});
