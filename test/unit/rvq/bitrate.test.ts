import { describe, expect, it } from "vitest";
import { activeCodebooksFor, bitsPerSecondOf } from "../../../src/rvq/bitrate";

const facts = { frameRate: 50, numCodebooks: 12, codebookSize: 1024 };

describe("bitsPerSecondOf", () => {
  it("multiplies frames, stages and bits of a token", () => {
    expect(bitsPerSecondOf(facts)).toBe(6000);
    expect(bitsPerSecondOf(facts, 1)).toBe(500);
    expect(bitsPerSecondOf({ frameRate: 12.5, numCodebooks: 8, codebookSize: 2048 }, 8)).toBe(1100);
  });
});

describe("activeCodebooksFor", () => {
  it.each([
    [{}, 12],
    [{ numCodebooks: 3 }, 3],
    [{ bitsPerSecond: 500 }, 1],
    [{ bitsPerSecond: 999 }, 1],
    [{ bitsPerSecond: 3000 }, 6],
    [{ bitsPerSecond: 6000 }, 12],
    [{ bitsPerSecond: 1e9 }, 12],
    [{ bitsPerSecond: Number.POSITIVE_INFINITY }, 12],
  ])("%j -> %i", (wish, expected) => {
    expect(activeCodebooksFor(facts, wish)).toBe(expected);
  });

  it("finds each number of stages again from its rate, also where the rate is no round number", () => {
    const odd = { frameRate: 86.1328125, numCodebooks: 9, codebookSize: 1000 };
    for (let stages = 1; stages <= 9; stages++) {
      expect(activeCodebooksFor(odd, { bitsPerSecond: bitsPerSecondOf(odd, stages) })).toBe(stages);
    }
  });

  it.each([
    [{ numCodebooks: 13 }, new RangeError('"numCodebooks" expected an integer from 1 to 12, got 13')],
    [{ numCodebooks: 0.5 }, new RangeError('"numCodebooks" expected an integer from 1 to 12, got 0.5')],
    [{ bitsPerSecond: 499 }, new RangeError('"bitsPerSecond" expected at least 500, one codebook, got 499')],
    [{ bitsPerSecond: Number.NaN }, new RangeError('"bitsPerSecond" expected at least 500, one codebook, got NaN')],
    [
      { bitsPerSecond: 3000, numCodebooks: 6 },
      new TypeError('"bitsPerSecond" and "numCodebooks" expected one of the two, got 3000 and 6'),
    ],
  ])("refuses %j", (wish, error) => {
    expect(() => activeCodebooksFor(facts, wish)).toThrow(error);
  });
});
