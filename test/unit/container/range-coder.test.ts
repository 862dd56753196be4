import { describe, expect, it } from "vitest";
import { RangeDecoder, RangeEncoder } from "../../../src/container/entropy/range-coder";
import { randomIntegers } from "../../helpers/token-samples";

function roundTrip(decisions: readonly { bit: number; probability: number }[]) {
  const encoder = new RangeEncoder(3 * decisions.length + 16);
  for (const { bit, probability } of decisions) encoder.encode(bit, probability);
  const bytes = encoder.finish() ?? new Uint8Array();
  const decoder = new RangeDecoder(bytes);
  return { bytes, bits: decisions.map(({ probability }) => decoder.decode(probability)) };
}

/** What the decisions cost by information theory, in bytes. */
function idealBytes(decisions: readonly { bit: number; probability: number }[]): number {
  const bits = decisions.map(
    ({ bit, probability }) => -Math.log2((bit === 1 ? probability : 65536 - probability) / 65536),
  );
  return bits.reduce((sum, cost) => sum + cost, 0) / 8;
}

describe("the range coder", () => {
  it.each([1, 2, 3, 4, 5])("reads back decisions of any probability (seed %i)", (seed) => {
    const random = randomIntegers(seed);
    const decisions = Array.from({ length: 20_000 }, () => {
      const probability = 1 + random(65535);
      return { probability, bit: random(65536) < probability ? 1 : 0 };
    });
    const { bytes, bits } = roundTrip(decisions);
    expect(bits).toEqual(decisions.map(({ bit }) => bit));
    // Off by less than 0.1 %: bounds rounded to 8 bits, as in 32-bit implementations, cost 0.2 % and fail.
    expect(bytes.length).toBeLessThan(idealBytes(decisions) * 1.001 + 2);
  });

  it("carries through a run of 0xff bytes", () => {
    // Improbable zeros raise `low` to just under a power of two, and the ending tips it over or not.
    for (let length = 0; length < 400; length++) {
      const decisions = Array.from({ length }, () => ({ bit: 0, probability: 65535 }));
      const ending = [1, 0, 0, 1].map((bit) => ({ bit, probability: 40000 }));
      const all = [...decisions, ...ending];
      expect(roundTrip(all).bits).toEqual(all.map(({ bit }) => bit));
    }
  });

  it("writes no zero bytes at the end, and nothing for certain ones", () => {
    const certain = Array.from({ length: 1000 }, () => ({ bit: 1, probability: 65535 }));
    expect(roundTrip(certain).bytes.length).toBe(0);
    expect(roundTrip([{ bit: 0, probability: 32768 }]).bytes).toEqual(Uint8Array.of(0x80));
  });

  it("gives nothing when the bytes do not fit", () => {
    const encoder = new RangeEncoder(10);
    const random = randomIntegers(1);
    for (let index = 0; index < 96; index++) encoder.encode(random(2), 32768);
    expect(encoder.finish()).toBeUndefined();
  });

  it("decodes any bytes to some decisions", () => {
    for (const byte of [0x00, 0x7f, 0xff]) {
      const decoder = new RangeDecoder(new Uint8Array(8).fill(byte));
      const bits = Array.from({ length: 1000 }, () => decoder.decode(50000));
      expect(bits.every((bit) => bit === 0 || bit === 1)).toBe(true);
    }
  });
});
