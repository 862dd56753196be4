import { describe, expect, it } from "vitest";
import { symbol } from "../../../src/graph/dimension";
import { GraphBuilder } from "../../../src/graph/graph-builder";
import { elu } from "../../../src/graph/ops/elementwise";
import { NetworkSession } from "../../../src/runtime/network-session";
import { openRuntime } from "../../../src/runtime/open-runtime";

async function eluOf(values: readonly number[]): Promise<readonly number[]> {
  const graph = new GraphBuilder({ name: "elu", form: "offline" });
  const network = graph.build({ y: elu(graph.input("x", [symbol("F")])) });
  await using session = await NetworkSession.create(await openRuntime({ device: "cpu" }), network);
  const { y } = await session.run({ x: { data: Float32Array.from(values), shape: [values.length] } });
  return [...(y?.data ?? [])];
}

describe("elu", () => {
  it("is exact to float32 over its range", async () => {
    const values = Array.from({ length: 4001 }, (_, index) => (index - 2000) / 100);
    const found = await eluOf(values);
    const worst = Math.max(
      ...values.map((value, index) => {
        const exact = value > 0 ? Math.fround(value) : Math.expm1(Math.fround(value));
        return Math.abs((found[index] ?? Number.NaN) - exact);
      }),
    );
    // Half a unit in the last place of 1. With alpha 0.9 it would be 0.1; without the lower branch, 1.
    expect(worst).toBeLessThan(1e-7);
  });

  it("keeps what is not finite, and tiny numbers", async () => {
    const infinity = Number.POSITIVE_INFINITY;
    expect(await eluOf([infinity, -infinity, Number.NaN, 0, 1e30, -200])).toEqual([
      infinity,
      -1,
      Number.NaN,
      0,
      Math.fround(1e30),
      -1,
    ]);
    expect(await eluOf([1e-20])).toEqual([Math.fround(1e-20)]);
  });
});
