import { describe, expect, it } from "vitest";
import { readSafetensors, writeSafetensors } from "../../../src/checkpoints/safetensors";
import { requireTensor, type StateDict, type WeightTensor } from "../../../src/checkpoints/state-dict";

function tensor(shape: readonly number[], ...numbers: number[]): WeightTensor {
  return { dtype: "F32", shape, data: Float32Array.from(numbers) };
}

const weights: StateDict = new Map([
  ["a.weight", tensor([2, 2], 1, -2, 3.5, 4)],
  ["empty", tensor([0, 3])],
  ["b", tensor([], 7)],
]);

/** A file with any header, fit or not. */
function file(header: unknown, dataLength: number): Uint8Array {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + dataLength);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

function entry(shape: unknown, range: unknown, dtype: unknown = "F32"): unknown {
  return { dtype, shape, data_offsets: range };
}

describe("a file", () => {
  it("gives back what was written", () => {
    const { tensors, metadata } = readSafetensors(writeSafetensors(weights, { revision: "r1" }));
    expect([...tensors]).toEqual([...weights]);
    expect(metadata).toEqual({ revision: "r1" });
    expect(tensors.size).toBe(3);
    expect(tensors.has("b")).toBe(true);
    expect(tensors.get("nothing")).toBeUndefined();
    expect([...tensors.values()]).toEqual([...weights.values()]);
    const visited: string[] = [];
    tensors.forEach((_, name) => {
      visited.push(name);
    });
    expect(visited).toEqual([...tensors.keys()]);
  });

  it("may lie anywhere in a larger buffer", () => {
    const bytes = writeSafetensors(weights);
    const larger = new Uint8Array(bytes.length + 5);
    larger.set(bytes, 3);
    const { tensors } = readSafetensors(larger.subarray(3, 3 + bytes.length));
    expect([...tensors]).toEqual([...weights]);
  });

  it("may hold half precision and integers", () => {
    const bytes = file({ half: entry([2], [0, 4], "F16"), whole: entry([1], [4, 8], "I32") }, 8);
    bytes.set([0x00, 0x3c, 0x00, 0xc0, 0x2a, 0, 0, 0], bytes.length - 8);
    const { tensors } = readSafetensors(bytes);
    expect([...(tensors.get("half")?.data ?? [])]).toEqual([1, -2]);
    expect([...(tensors.get("whole")?.data ?? [])]).toEqual([42]);
  });

  it("keeps a tensor of another type from being taken, not the rest", () => {
    const { tensors } = readSafetensors(file({ wide: entry([1], [0, 8], "C64"), ok: entry([1], [8, 12]) }, 12));
    expect(tensors.get("ok")?.shape).toEqual([1]);
    expect(() => tensors.get("wide")).toThrow(
      expect.objectContaining({ name: "CheckpointError", code: "unsupported-dtype", tensor: "wide" }),
    );
  });
});

describe("a damaged or hostile file", () => {
  const good = writeSafetensors(weights, { revision: "r1" });
  const cases: [string, string, Uint8Array][] = [
    ["is empty", "truncated", new Uint8Array(0)],
    ["ends in the header's length", "truncated", good.subarray(0, 7)],
    ["ends in the header", "truncated", good.subarray(0, 20)],
    ["ends in the data", "truncated", good.subarray(0, good.length - 1)],
    ["has more data than tensors", "bad-header", new Uint8Array([...good, 0])],
    ["claims a header of 2^63 bytes", "limit-exceeded", new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0x80, 1, 2])],
    ["claims a header of 20 MB", "limit-exceeded", new Uint8Array([0, 0, 0x40, 1, 0, 0, 0, 0, 1, 2])],
    ["has no JSON", "bad-header", file("{nonsense", 0)],
    ["has a header that is not UTF-8", "bad-header", new Uint8Array([2, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff])],
    ["has a list for a header", "bad-header", file([], 0)],
    ["has null for a header", "bad-header", file(null, 0)],
    ["has a text for an entry", "bad-header", file({ a: "x" }, 0)],
    ["has numbers for metadata", "bad-header", file({ __metadata__: { a: 1 } }, 0)],
    ["has an unknown dtype", "unsupported-dtype", file({ a: entry([1], [0, 4], "F33") }, 4)],
    ["has the dtype of an object's own method", "unsupported-dtype", file({ a: entry([1], [0, 4], "constructor") }, 4)],
    ["has no dtype", "unsupported-dtype", file({ a: { shape: [1], data_offsets: [0, 4] } }, 4)],
    ["has a negative size", "bad-header", file({ a: entry([-1], [0, 4]) }, 4)],
    ["has a size that is no whole number", "bad-header", file({ a: entry([0.5], [0, 2]) }, 2)],
    ["has a shape of nine axes", "bad-header", file({ a: entry([1, 1, 1, 1, 1, 1, 1, 1, 1], [0, 4]) }, 4)],
    ["has a shape whose volume overflows", "bad-header", file({ a: entry([2 ** 40, 2 ** 40], [0, 4]) }, 4)],
    ["has a range that does not fit the shape", "bad-header", file({ a: entry([2], [0, 4]) }, 4)],
    ["has a range that runs backwards", "bad-header", file({ a: entry([0], [4, 0]) }, 4)],
    ["has a range of three numbers", "bad-header", file({ a: entry([1], [0, 4, 4]) }, 4)],
    ["has a range past the end", "truncated", file({ a: entry([2], [0, 8]) }, 4)],
    ["has a range past any end", "truncated", file({ a: entry([1], [2 ** 50, 2 ** 50 + 4]) }, 4)],
    ["has tensors that overlap", "bad-header", file({ a: entry([2], [0, 8]), b: entry([1], [4, 8]) }, 8)],
    ["has the same range twice", "bad-header", file({ a: entry([1], [0, 4]), b: entry([1], [0, 4]) }, 4)],
    ["has a gap", "bad-header", file({ a: entry([1], [0, 4]), b: entry([1], [8, 12]) }, 12)],
  ];
  it.each(cases)("that %s is a typed error", (_, code, bytes) => {
    expect(() => readSafetensors(bytes)).toThrow(expect.objectContaining({ name: "CheckpointError", code }));
  });

  it("does not take names of the language's own for tensors", () => {
    const { tensors } = readSafetensors(
      file('{"__proto__": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}', 4),
    );
    expect([...tensors.keys()]).toEqual(["__proto__"]);
    expect(tensors.get("toString")).toBeUndefined();
  });
});

describe("requireTensor", () => {
  it("gives a tensor of the shape that is asked for", () => {
    expect(requireTensor(weights, "a.weight", [2, 2])).toBe(weights.get("a.weight"));
  });

  it("says what is missing or of another shape", () => {
    expect(() => requireTensor(weights, "c", [1])).toThrow(
      expect.objectContaining({ name: "ModelError", code: "missing-weights", tensor: "c" }),
    );
    for (const shape of [[4], [2, 3], [2, 2, 1]]) {
      expect(() => requireTensor(weights, "a.weight", shape)).toThrow(
        expect.objectContaining({ name: "ModelError", code: "weights-shape", tensor: "a.weight" }),
      );
    }
  });
});
