import { describe, expect, it } from "vitest";
import {
  addDimensions,
  dimensionLabel,
  divideDimension,
  formatShape,
  isSameDimension,
  isSameShape,
  multiplyDimension,
  shiftDimension,
  symbol,
} from "../../../src/graph/dimension";

describe("sizes with a symbol", () => {
  const frames = symbol("F");

  it("are written as they are read", () => {
    expect(dimensionLabel(frames)).toBe("F");
    expect(dimensionLabel(symbol("F", 320))).toBe("320*F");
    expect(dimensionLabel(shiftDimension(symbol("F", 16), 2))).toBe("16*F+2");
    expect(dimensionLabel(shiftDimension(frames, -2))).toBe("F-2");
    expect(formatShape([symbol("B"), frames, 64])).toBe("[B, F, 64]");
  });

  it("add, multiply and divide like the expressions they stand for", () => {
    const padded = shiftDimension(frames, 2);
    expect(dimensionLabel(addDimensions(padded, symbol("F", 3)) ?? 0)).toBe("4*F+2");
    expect(dimensionLabel(addDimensions(padded, 5) ?? 0)).toBe("F+7");
    expect(dimensionLabel(addDimensions(5, padded) ?? 0)).toBe("F+7");
    expect(dimensionLabel(multiplyDimension(padded, 3))).toBe("3*F+6");
    expect(dimensionLabel(divideDimension(symbol("F", 320), 20) ?? 0)).toBe("16*F");
    expect(divideDimension(12, 4)).toBe(3);
  });

  it("have no sum or quotient where that would not be linear in one symbol", () => {
    expect(addDimensions(frames, symbol("B"))).toBeUndefined();
    expect(divideDimension(frames, 2)).toBeUndefined();
    expect(divideDimension(shiftDimension(symbol("F", 4), 2), 4)).toBeUndefined();
    expect(divideDimension(13, 4)).toBeUndefined();
  });

  it("are equal only when they are for every F", () => {
    expect(isSameDimension(symbol("F", 2), symbol("F", 2))).toBe(true);
    expect(isSameDimension(symbol("F", 2), frames)).toBe(false);
    expect(isSameDimension(frames, shiftDimension(frames, 1))).toBe(false);
    expect(isSameDimension(frames, symbol("B"))).toBe(false);
    expect(isSameDimension(frames, 1)).toBe(false);
    expect(isSameShape([frames, 3], [frames, 3])).toBe(true);
    expect(isSameShape([frames, 3], [frames])).toBe(false);
  });
});
