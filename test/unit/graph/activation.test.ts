import { describe, expect, it } from "vitest";
import { symbol } from "../../../src/graph/dimension";
import { GraphBuilder, type Operand } from "../../../src/graph/graph-builder";
import { gelu, leakyRelu, relu, sigmoid, softmax, softplus, tanh } from "../../../src/graph/ops/activation";
import { layerNorm } from "../../../src/graph/ops/normalization";
import { NetworkSession } from "../../../src/runtime/network-session";
import { openRuntime } from "../../../src/runtime/open-runtime";

async function evaluate(op: (x: Operand) => Operand, values: readonly number[], width: number): Promise<number[]> {
  const graph = new GraphBuilder({ name: "activation", form: "offline" });
  const network = graph.build({ y: op(graph.input("x", [symbol("F"), width])) });
  await using session = await NetworkSession.create(await openRuntime({ device: "cpu" }), network);
  const { y } = await session.run({ x: { data: Float32Array.from(values), shape: [values.length / width, width] } });
  return [...(y?.data ?? [])];
}

/** erf by its Taylor series, in double precision. */
function erf(x: number): number {
  let [sum, term] = [0, x];
  for (let n = 0; n < 100; n++) {
    sum += term / (2 * n + 1);
    term *= -(x * x) / (n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

const values = Array.from({ length: 161 }, (_, index) => Math.fround((index - 80) / 20));

describe("activations", () => {
  // Bounds of a few units in the last place; the nearest other function (GELU by tanh) is off by 5e-4.
  it.each([
    ["relu", relu, (x: number) => Math.max(x, 0), 0],
    ["leakyRelu", (x: Operand) => leakyRelu(x, 0.1), (x: number) => (x > 0 ? x : 0.1 * x), 1e-7],
    ["tanh", tanh, Math.tanh, 5e-7],
    ["sigmoid", sigmoid, (x: number) => 1 / (1 + Math.exp(-x)), 5e-7],
    ["softplus", softplus, (x: number) => Math.log1p(Math.exp(x)), 5e-7],
    ["gelu", gelu, (x: number) => (x / 2) * (1 + erf(x / Math.SQRT2)), 2e-6],
  ] as const)("%s is the function of its name", async (_, op, exact, bound) => {
    const found = await evaluate(op, values, 1);
    const worst = Math.max(...values.map((x, index) => Math.abs((found[index] ?? Number.NaN) - exact(x))));
    expect(worst).toBeLessThanOrEqual(bound);
  });

  it("softmax sums to 1 along its axis", async () => {
    const found = await evaluate((x) => softmax(x, 1), [0, Math.log(3), 5, 5], 2);
    for (const [index, expected] of [0.25, 0.75, 0.5, 0.5].entries()) expect(found[index]).toBeCloseTo(expected, 6);
    await expect(evaluate((x) => softmax(x, 2), values, 1)).rejects.toThrow("Softmax expected an axis 2");
  });
});

describe("layerNorm", () => {
  it("normalizes rows and takes its epsilon", async () => {
    const norm = (x: Operand) => {
      const [gain, bias] = [
        [2, 2, 2],
        [0, 1, 0],
      ].map((row, i) => x.graph.constant(`c${i}`, [3], Float32Array.from(row)));
      return layerNorm(x, gain as Operand, bias as Operand, 0.5);
    };
    // Mean 2 and variance 2/3: with the default epsilon the ends would be at 2.449 instead of 1.852.
    const expected = [-2 / Math.sqrt(2 / 3 + 0.5), 1, 2 / Math.sqrt(2 / 3 + 0.5)];
    for (const [index, value] of (await evaluate(norm, [1, 2, 3], 3)).entries()) {
      expect(value).toBeCloseTo(expected[index] ?? Number.NaN, 5);
    }
  });

  it("refuses a gain of another width", () => {
    const graph = new GraphBuilder({ name: "norm", form: "offline" });
    const gain = graph.constant("gain", [2], new Float32Array(2));
    expect(() => layerNorm(graph.input("x", [symbol("F"), 3]), gain, gain, 1e-5)).toThrow(
      "norm: LayerNormalization expected gain and bias for [F, 3], got [2]",
    );
  });
});
