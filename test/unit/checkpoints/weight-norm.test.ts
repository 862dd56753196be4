import { describe, expect, it } from "vitest";
import type { StateDict, WeightTensor } from "../../../src/checkpoints/state-dict";
import { foldWeightNorm } from "../../../src/checkpoints/weight-norm";

function tensor(shape: readonly number[], ...numbers: number[]): WeightTensor {
  return { dtype: "F32", shape, data: Float32Array.from(numbers) };
}

const direction = tensor([2, 2], 3, 4, 0, 2);

describe("folding", () => {
  // Left as they are, the directions would give 3, 4, 0, 2 each time.
  it.each([
    ["rows", tensor([2, 1], 10, 1), [6, 8, 0, 1]],
    ["columns", tensor([1, 2], 3, Math.sqrt(20)), [3, 4, 0, 2]],
    ["the whole", tensor([], Math.sqrt(29) * 2), [6, 8, 0, 4]],
    ["the whole, with axes", tensor([1, 1], Math.sqrt(29) * 3), [9, 12, 0, 6]],
  ])("scales %s to the magnitude", (_, magnitude, expected) => {
    for (const [g, v, name] of [
      ["a.weight_g", "a.weight_v", "a.weight"],
      ["parametrizations.weight.original0", "parametrizations.weight.original1", "weight"],
      ["lstm.weight_hh_l0_g", "lstm.weight_hh_l0_v", "lstm.weight_hh_l0"],
    ] as const) {
      const folded = foldWeightNorm(
        new Map([
          [g, magnitude],
          [v, direction],
        ]),
      );
      expect([...folded.keys()]).toEqual([name]);
      const data = folded.get(name)?.data ?? [];
      for (const [index, value] of expected.entries()) expect(data[index]).toBeCloseTo(value, 5);
    }
  });

  it("leaves all else, and the order", () => {
    const plain = tensor([1], 7);
    const weights: StateDict = new Map([
      ["bias", plain],
      ["weight_g", tensor([2, 1], 5, 2)],
      ["weight_v", direction],
      ["other_g", plain],
      ["lonely.weight_g", plain],
    ]);
    const folded = foldWeightNorm(weights);
    expect([...folded.keys()]).toEqual(["bias", "weight", "other_g", "lonely.weight_g"]);
    expect(folded.get("bias")).toBe(plain);
    expect(folded.size).toBe(4);
    expect(folded.has("weight_v")).toBe(false);
    expect(folded.get("weight_v")).toBeUndefined();
    expect([...(folded.get("weight")?.data ?? [])]).toEqual([3, 4, 0, 2]);
  });

  it("gives state dicts without weight norm as they are", () => {
    const weights = new Map([["w", direction]]);
    expect(foldWeightNorm(weights)).toBe(weights);
  });

  it("refuses factors that do not belong together", () => {
    for (const magnitude of [tensor([3, 1], 1, 1, 1), tensor([2], 1, 1), tensor([2, 2], 1, 1, 1, 1)]) {
      const weights = new Map([
        ["weight_g", magnitude],
        ["weight_v", direction],
      ]);
      expect(() => foldWeightNorm(weights)).toThrow(expect.objectContaining({ code: "corrupt", tensor: "weight_g" }));
    }
  });
});
