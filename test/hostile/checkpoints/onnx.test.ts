/** Mutated ONNX models: each ends in a CheckpointError or in tensors whose sizes are true. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { memorySource } from "../../../src/checkpoints/byte-source";
import { readOnnxWeights } from "../../../src/checkpoints/onnx-weights";
import { CheckpointError } from "../../../src/errors";
import { seededRandom } from "../../helpers/synth-audio";

const path = join(import.meta.dirname, "..", "..", "golden", "checkpoints", "weights.onnx");
const good = new Uint8Array(readFileSync(path));

function outcome(bytes: Uint8Array): string {
  try {
    const { tensors } = readOnnxWeights(memorySource(bytes));
    for (const { shape, data } of tensors.values()) {
      expect(data.length).toBe(shape.reduce((product, size) => product * size, 1));
    }
    return "read";
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    return error.code;
  }
}

describe("an ONNX model", () => {
  it("cut off at any byte is refused, or has fewer tensors", () => {
    expect(outcome(good)).toBe("read");
    for (let length = 0; length < good.length; length++) outcome(good.subarray(0, length));
    expect(outcome(good.subarray(0, good.length / 2))).toBe("corrupt");
  });

  it("with bytes changed, 5,000 times, is refused or read within its own size", () => {
    const random = seededRandom(3);
    const outcomes = new Set<string>();
    for (let round = 0; round < 5000; round++) {
      const bytes = good.slice();
      for (let change = 0; change < 1 + (round % 3); change++) {
        const offset = Math.floor(random() * bytes.length);
        bytes[offset] = (bytes[offset] ?? 0) ^ (1 << Math.floor(random() * 8));
      }
      outcomes.add(outcome(bytes));
    }
    expect([...outcomes].sort()).toEqual(["corrupt", "no-weights", "read", "unsupported-dtype"]);
  });

  it.each([
    ["as many as it claims", 3, [1, 2, 3], "read"],
    ["fewer numbers than it claims", 3, [1, 0x80, 1], "corrupt"],
    ["more numbers than it claims", 2, [1, 2, 3], "corrupt"],
  ])("that has %s, each as long as it likes, is told apart", (_, claimed, varints, expected) => {
    const message = (field: number, content: readonly number[]) => [8 * field + 2, content.length, ...content];
    const int32 = 6;
    const tensor = [0x08, claimed, 0x10, int32, ...message(8, [0x77]), ...message(5, varints)];
    expect(outcome(Uint8Array.from([0x08, 9, ...message(7, message(5, tensor))]))).toBe(expected);
  });
});
