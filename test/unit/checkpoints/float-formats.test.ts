import { describe, expect, it } from "vitest";
import {
  decodeBfloat16,
  decodeBigIntegers,
  decodeFloat16,
  decodeFloat32,
  decodeFloat64,
  decodeIntegers,
} from "../../../src/checkpoints/float-formats";

/** Half precision by moving its bits into a float32, which is not how the decoder does it. */
function referenceHalf(pattern: number): number {
  const bits = new Uint32Array(1);
  const value = new Float32Array(bits.buffer);
  const sign = (pattern & 0x8000) << 16;
  const rest = pattern & 0x7fff;
  if (rest < 0x400) return (sign === 0 ? 1 : -1) * rest * 2 ** -24;
  bits[0] = sign | (rest >= 0x7c00 ? 0x7f800000 | ((rest & 0x3ff) << 13) : (rest << 13) + ((127 - 15) << 23));
  return value[0] ?? 0;
}

describe("half precision", () => {
  it("decodes each of its 65,536 numbers, NaN and signs of zero included", () => {
    const patterns = Uint16Array.from({ length: 2 ** 16 }, (_, pattern) => pattern);
    const decoded = decodeFloat16(new Uint8Array(patterns.buffer));
    const wrong = patterns.filter((pattern, index) => !Object.is(decoded[index], referenceHalf(pattern)));
    expect([...wrong]).toEqual([]);
  });

  it("has the values of the standard's table", () => {
    const bytes = new Uint8Array(Uint16Array.of(0x3c00, 0xc000, 0x7bff, 0x0400, 0x0001, 0x7c00, 0xfc00, 0x3555).buffer);
    const third = 0.333251953125;
    const infinity = Number.POSITIVE_INFINITY;
    expect([...decodeFloat16(bytes)]).toEqual([1, -2, 65504, 2 ** -14, 2 ** -24, infinity, -infinity, third]);
  });
});

describe("the other formats", () => {
  it("take a brain float as the upper half of a float32", () => {
    const bytes = new Uint8Array(Uint16Array.of(0x3f80, 0xc000, 0x7f80, 0x4049).buffer);
    expect([...decodeBfloat16(bytes)]).toEqual([1, -2, Number.POSITIVE_INFINITY, 3.140625]);
  });

  it("view aligned float32 and copy the rest", () => {
    const bytes = new Uint8Array(12);
    new DataView(bytes.buffer).setFloat32(4, 1.5, true);
    const aligned = bytes.subarray(4, 8);
    expect([...decodeFloat32(aligned)]).toEqual([1.5]);
    expect(decodeFloat32(aligned).buffer).toBe(bytes.buffer);
    new DataView(bytes.buffer).setFloat32(5, -2.5, true);
    expect([...decodeFloat32(bytes.subarray(5, 9))]).toEqual([-2.5]);
  });

  it("take double precision and integers of every width to the nearest float32", () => {
    const doubles = new Uint8Array(Float64Array.of(1.5, -0.1, 1e300).buffer);
    expect([...decodeFloat64(doubles)]).toEqual([1.5, Math.fround(-0.1), Number.POSITIVE_INFINITY]);
    const wide = new Uint8Array(BigInt64Array.of(-3n, 2n ** 24n + 1n).buffer);
    expect([...decodeBigIntegers(wide, BigInt64Array)]).toEqual([-3, 2 ** 24]);
    expect([...decodeBigIntegers(wide.subarray(0, 8), BigUint64Array)]).toEqual([2 ** 64]);
    expect([...decodeIntegers(Uint8Array.of(0xff, 0x80), Int8Array)]).toEqual([-1, -128]);
    expect([...decodeIntegers(Uint8Array.of(0xff, 0x80), Uint16Array)]).toEqual([0x80ff]);
  });

  it("read from odd offsets", () => {
    const bytes = Uint8Array.of(9, 0x00, 0x3c, 0xff, 0xff, 0xff, 0xff);
    expect([...decodeFloat16(bytes.subarray(1, 3))]).toEqual([1]);
    expect([...decodeBfloat16(Uint8Array.of(9, 0x80, 0x3f).subarray(1))]).toEqual([1]);
    expect([...decodeIntegers(bytes.subarray(3), Int32Array)]).toEqual([-1]);
  });
});
