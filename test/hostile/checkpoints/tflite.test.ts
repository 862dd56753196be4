/** Mutated TFLite files: each ends in a CheckpointError or in tensors whose sizes are true. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { memorySource } from "../../../src/checkpoints/byte-source";
import { FlatBuffer } from "../../../src/checkpoints/tflite/flatbuffer";
import { readTflite, tfliteWeights } from "../../../src/checkpoints/tflite/tflite-model";
import { CheckpointError } from "../../../src/errors";
import { seededRandom } from "../../helpers/synth-audio";

const path = join(import.meta.dirname, "..", "..", "golden", "checkpoints", "weights.tflite");
const good = new Uint8Array(readFileSync(path));

function outcome(bytes: Uint8Array): string {
  try {
    for (const { shape, data } of tfliteWeights(readTflite(memorySource(bytes))).values()) {
      expect(data.length).toBe(shape.reduce((product, size) => product * size, 1));
    }
    return "read";
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    return error.code;
  }
}

describe("a TFLite file", () => {
  it("gives its operator with the options it was written with", () => {
    const [graph] = readTflite(memorySource(good)).subgraphs;
    const options = { padding: "VALID", strideWidth: 2, strideHeight: 3, fusedActivation: "RELU" };
    expect(graph?.operators).toEqual([
      {
        name: "CONV_2D",
        inputs: [0, 3, -1],
        outputs: [0],
        options: { ...options, dilationWidth: 1, dilationHeight: 1 },
      },
    ]);
  });

  it("cut off at any byte is refused, or read within what is left", () => {
    expect(outcome(good)).toBe("read");
    for (let length = 0; length < good.length; length++) outcome(good.subarray(0, length));
    expect(outcome(good.subarray(0, good.length / 2))).toBe("corrupt");
  });

  it("with bytes changed, 5,000 times, is refused or read within its own size", () => {
    const random = seededRandom(5);
    const outcomes = new Set<string>();
    for (let round = 0; round < 5000; round++) {
      const bytes = good.slice();
      for (let change = 0; change < 1 + (round % 3); change++) {
        const offset = Math.floor(random() * bytes.length);
        bytes[offset] = random() < 0.5 ? Math.floor(random() * 256) : (bytes[offset] ?? 0) ^ (1 << (round % 8));
      }
      outcomes.add(outcome(bytes));
    }
    for (const expected of ["corrupt", "read", "unsupported-format"]) expect([...outcomes]).toContain(expected);
  });
});

describe("a list of a flatbuffer", () => {
  /** A table whose one field is a list of this many zeros. */
  function tableWithList(length: number): FlatBuffer {
    const bytes = new Uint8Array(24 + 4 * length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, 12, true);
    for (const [index, value] of [6, 8, 4].entries()) view.setUint16(4 + 2 * index, value, true);
    view.setInt32(12, 8, true);
    view.setUint32(16, 4, true);
    view.setUint32(20, length, true);
    return new FlatBuffer(bytes);
  }

  it("is read, unless it is longer than any model's: 2^27 elements would end the process", () => {
    expect(tableWithList(5).root().int32s(0)).toEqual([0, 0, 0, 0, 0]);
    expect(() =>
      tableWithList(2 ** 22 + 1)
        .root()
        .int32s(0),
    ).toThrow(expect.objectContaining({ name: "CheckpointError", code: "corrupt" }));
  });
});
