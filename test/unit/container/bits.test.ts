import { describe, expect, it } from "vitest";
import { BitReader } from "../../../src/container/entropy/bit-reader";
import { BitWriter } from "../../../src/container/entropy/bit-writer";
import { randomIntegers } from "../../helpers/token-samples";

describe("BitWriter", () => {
  it("puts the most significant bit first and fills up with zeros", () => {
    const writer = new BitWriter(4);
    writer.write(0b101, 3);
    writer.write(0b1111_0000_1, 9);
    expect([...writer.finish()]).toEqual([0b1011_1110, 0b0001_0000]);
  });
});

describe("BitReader", () => {
  it("reads back numbers of every width", () => {
    const random = randomIntegers(3);
    const numbers = Array.from({ length: 500 }, () => {
      const width = 1 + random(16);
      return { width, value: random(2 ** width) };
    });
    const numBits = numbers.reduce((sum, { width }) => sum + width, 0);
    const writer = new BitWriter(Math.ceil(numBits / 8));
    for (const { value, width } of numbers) writer.write(value, width);
    const reader = new BitReader(writer.finish());
    expect(numbers.map(({ width }) => reader.read(width))).toEqual(numbers.map(({ value }) => value));
    expect(reader.isAtPadding()).toBe(true);
  });

  it("notices padding that is not zero and bytes that are left", () => {
    const dirty = new BitReader(Uint8Array.of(0b1010_0001));
    dirty.read(4);
    expect(dirty.isAtPadding()).toBe(false);
    const long = new BitReader(Uint8Array.of(0, 0));
    long.read(8);
    expect(long.isAtPadding()).toBe(false);
  });
});
