import { describe, expect, it } from "vitest";
import { symbol } from "../../../src/graph/dimension";
import type { Operand } from "../../../src/graph/graph-builder";
import { GraphBuilder } from "../../../src/graph/graph-builder";
import { absolute, atMost, elu, exponential, floor, subtract } from "../../../src/graph/ops/elementwise";
import { NetworkSession } from "../../../src/runtime/network-session";
import { openRuntime } from "../../../src/runtime/open-runtime";

function eluOf(values: readonly number[]): Promise<readonly number[]> {
  return valuesOf(elu, values);
}

async function valuesOf(op: (x: Operand) => Operand, values: readonly number[]): Promise<readonly number[]> {
  const graph = new GraphBuilder({ name: "op", form: "offline" });
  const network = graph.build({ y: op(graph.input("x", [symbol("F")])) });
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

describe("the other ops", () => {
  const values = [-2.5, -2, -0.25, 0, 0.75, 3];
  const cases: [string, (x: Operand) => Operand, readonly number[]][] = [
    ["floor", floor, [-3, -2, -1, 0, 0, 3]],
    ["absolute", absolute, [2.5, 2, 0.25, 0, 0.75, 3]],
    ["atMost", (x) => atMost(x, 0.5), [-2.5, -2, -0.25, 0, 0.5, 0.5]],
    ["subtract", (x) => subtract(x, x.graph.number(1)), [-3.5, -3, -1.25, -1, -0.25, 2]],
  ];
  it.each(cases)("%s is exact", async (_, op, expected) => {
    expect(await valuesOf(op, values)).toEqual(expected);
  });

  it("exponential is within a few last bits", async () => {
    const found = await valuesOf(exponential, values);
    for (const [index, value] of values.entries()) {
      expect(Math.abs((found[index] ?? 0) / Math.exp(value) - 1)).toBeLessThan(3e-7);
    }
  });
});
