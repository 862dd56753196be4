/** The arithmetic coder of `.ecdc` files: what goes in comes out, whatever the ranges, and its interval's oddest shapes. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ArithmeticDecoder, ArithmeticEncoder, RANGE_SCALE } from "../../../src/container/ecdc/arithmetic-coder";
import { rangesOfProbabilities } from "../../../src/container/ecdc/probability-ranges";

/** Ends of ranges at least 2 wide that need not use up all of 2^24. */
const anyEnds = fc
  .array(fc.oneof(fc.constant(2), fc.integer({ min: 2, max: 500 }), fc.integer({ min: 2, max: 1_600_000 })), {
    minLength: 2,
    maxLength: 10,
  })
  .map((widths) => {
    let end = 0;
    return Uint32Array.from(widths, (width) => (end += width));
  });

const anyCodes = fc.array(
  anyEnds.chain((ends) => fc.record({ ends: fc.constant(ends), code: fc.nat(ends.length - 1) })),
  { maxLength: 60 },
);

type Codes = readonly { readonly ends: Uint32Array; readonly code: number }[];

function encode(codes: Codes): Uint8Array {
  const encoder = new ArithmeticEncoder();
  for (const { ends, code } of codes) encoder.encode(ends[code - 1] ?? 0, ends[code] ?? 0);
  return encoder.finish();
}

/** The codes of `bytes` from `offset` on, and where they end. */
function decode(bytes: Uint8Array, offset: number, codes: Codes): { decoded: number[]; end: number } {
  const decoder = new ArithmeticDecoder(bytes, offset);
  const decoded = codes.map(({ ends }) => decoder.decode(ends, 0, ends.length));
  return { decoded, end: decoder.finish() };
}

describe("the arithmetic coder", () => {
  it("gives back any codes, and finds the end of each run without being told", () => {
    fc.assert(
      fc.property(anyCodes, anyCodes, (first, second) => {
        const parts = [encode(first), encode(second)];
        const bytes = new Uint8Array(Buffer.concat(parts));
        const one = decode(bytes, 0, first);
        const two = decode(bytes, one.end, second);
        expect(one).toEqual({ decoded: first.map(({ code }) => code), end: parts[0]?.length });
        expect(two).toEqual({ decoded: second.map(({ code }) => code), end: bytes.length });
      }),
      { numRuns: 400, seed: 1 },
    );
  });

  it("takes what the ranges say: a code of probability 1 / 2 a bit, one that is nearly sure next to none", () => {
    const half = { ends: Uint32Array.of(RANGE_SCALE / 2, RANGE_SCALE), code: 1 };
    const sure = { ends: Uint32Array.of(RANGE_SCALE - 2, RANGE_SCALE), code: 0 };
    expect(encode(Array(8000).fill(half)).length).toBeGreaterThanOrEqual(1000);
    expect(encode(Array(8000).fill(half)).length).toBeLessThanOrEqual(1004);
    // 3 bytes end the run; 8000 codes of 1.7e-7 bits are none.
    expect(encode(Array(8000).fill(sure)).length).toBeLessThanOrEqual(4);
  });

  it("keeps its interval across a power of two, where no bit can be dropped", () => {
    // The middle third stays across the middle for as long as it is chosen, 1.6 bits wider each time.
    const third = Math.floor(RANGE_SCALE / 3);
    const middle = { ends: Uint32Array.of(third, 2 * third + 1, RANGE_SCALE), code: 1 };
    const codes = [...Array(15).fill(middle), { ...middle, code: 2 }, middle];
    const bytes = encode(codes);
    expect(decode(bytes, 0, codes)).toEqual({ decoded: codes.map(({ code }) => code), end: bytes.length });
  });

  it("refuses an interval that grows beyond what a writer can have", () => {
    const third = Math.floor(RANGE_SCALE / 3);
    const ends = Uint32Array.of(third, 2 * third + 1, RANGE_SCALE);
    // One half in binary: always in the middle third.
    const bytes = Uint8Array.of(0x01, ...Array(40).fill(0));
    const decoder = new ArithmeticDecoder(bytes, 0);
    const pull = () => {
      for (let count = 0; count < 100; count++) decoder.decode(ends, 0, 3);
    };
    expect(pull).toThrow(/bits/);
  });
});

describe("rangesOfProbabilities", () => {
  it("rounds down, gives every code 2 and starts anew with each codebook", () => {
    const ends = [...rangesOfProbabilities(Float32Array.of(0.5, 0.5, 1, 0), 2)];
    // Of 2^24 - 4 parts half each; in float32, 0.5 / 1e-8 may come out a little below.
    for (const [index, end] of [2 ** 23, 2 ** 24, 2 ** 24 - 2, 2 ** 24].entries()) {
      expect(end - (ends[index] ?? 0)).toBeGreaterThanOrEqual(0);
      expect(end - (ends[index] ?? 0)).toBeLessThan(5);
    }
    expect((ends[3] ?? 0) - (ends[2] ?? 0)).toBe(2);
  });
});
