/** Mutated weights files: each ends in a CheckpointError or in tensors whose sizes are true, and in short time. */
import { describe, expect, it } from "vitest";
import { readSafetensors, writeSafetensors } from "../../src/checkpoints/safetensors";
import type { WeightTensor } from "../../src/checkpoints/state-dict";
import { isCodecError } from "../../src/errors";
import { seededRandom } from "../helpers/synth-audio";

const numMutations = 12_000;

const tensors = new Map<string, WeightTensor>(
  Array.from({ length: 4 }, (_, index) => {
    const shape = [index + 1, 3];
    return [`layers.${index}.weight`, { dtype: "F32", shape, data: new Float32Array(3 * (index + 1)).fill(index) }];
  }),
);
const good = writeSafetensors(tensors, { revision: "r1" });

/** Reads a file to its last number. Gives the number of numbers, or the error's code. */
function outcome(bytes: Uint8Array): number | string {
  try {
    const found = [...readSafetensors(bytes).tensors.values()];
    return found.reduce((total, { shape, data }) => {
      expect(data.length).toBe(shape.reduce((product, size) => product * size, 1));
      return total + data.length;
    }, 0);
  } catch (error) {
    if (!isCodecError(error)) throw error;
    return error.code;
  }
}

describe("weights files", () => {
  it("cut off at any byte are refused", () => {
    for (let length = 0; length < good.length; length++) {
      expect(typeof outcome(good.subarray(0, length)), `cut at ${length}`).toBe("string");
    }
    expect(outcome(good)).toBe(30);
  });

  it(`with bytes changed, ${numMutations} of them, are refused or read within their own size`, () => {
    const random = seededRandom(11);
    const outcomes = new Map<string, number>();
    for (let round = 0; round < numMutations; round++) {
      const bytes = good.slice();
      const numChanges = 1 + Math.floor(random() * 4);
      for (let change = 0; change < numChanges; change++) {
        // A digit becomes another digit: that changes sizes and offsets, where anything else only breaks the JSON.
        const offset = Math.floor(random() * bytes.length);
        const isDigit = (bytes[offset] ?? 0) >= 0x30 && (bytes[offset] ?? 0) <= 0x39;
        bytes[offset] = isDigit ? 0x30 + Math.floor(random() * 10) : Math.floor(random() * 256);
      }
      const result = outcome(bytes);
      const kind = typeof result === "number" ? "read" : result;
      outcomes.set(kind, (outcomes.get(kind) ?? 0) + 1);
    }
    // All of the ways out were met: the mutations reach past the JSON parser.
    expect([...outcomes.keys()].sort()).toEqual([
      "bad-header",
      "limit-exceeded",
      "read",
      "truncated",
      "unsupported-dtype",
    ]);
  });
});
