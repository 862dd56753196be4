/** The FiLM block against its definition, with a condition that changes from frame to frame. */
import { describe, expect, it } from "vitest";
import { film } from "../../../src/graph/blocks/film";
import { symbol } from "../../../src/graph/dimension";
import { batch, GraphBuilder } from "../../../src/graph/graph-builder";
import { NetworkSession } from "../../../src/runtime/network-session";
import { openRuntime } from "../../../src/runtime/open-runtime";

async function modulate(x: readonly number[], condition: readonly number[], numFrames: number) {
  const graph = new GraphBuilder({ name: "film", form: "offline" });
  const input = graph.input("x", [batch, symbol("F"), 3]);
  const mode = graph.input("mode", [batch, symbol("F"), 2]);
  // Rows are scale 0 ... 2, then offset 0 ... 2; columns are the two conditions.
  const weight = { shape: [6, 2], data: Float32Array.from([1, 2, 3, 4, 5, 6, 0.5, -0.5, 0, 10, -1, 1]) };
  const bias = { shape: [6], data: Float32Array.from([0, 0, 1, 0, 100, 0]) };
  const network = graph.build({ y: film(input, mode, { weight, bias }) });
  await using session = await NetworkSession.create(await openRuntime({ device: "cpu" }), network);
  const { y } = await session.run({
    x: { data: Float32Array.from(x), shape: [1, numFrames, 3] },
    mode: { data: Float32Array.from(condition), shape: [1, numFrames, 2] },
  });
  return [...(y?.data ?? [])];
}

describe("film", () => {
  it("scales and shifts each channel as the frame's condition says", async () => {
    const found = await modulate([1, 1, 1, 1, 1, 1, 2, -2, 0], [1, 0, 0, 1, 0, 1], 3);
    expect(found).toEqual([1.5, 103, 5, 1.5, 114, 8, 3.5, 102, 1]);
  });

  it("is affine in the condition: halfway between two lies halfway", async () => {
    expect(await modulate([1, 1, 1], [0.5, 0.5], 1)).toEqual([1.5, 108.5, 6.5]);
  });
});
