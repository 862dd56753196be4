import { describe, expect, it } from "vitest";
import { fullTransposedConv, mirroredConv } from "../../../src/graph/blocks/mirrored-conv";
import { symbol } from "../../../src/graph/dimension";
import { batch, GraphBuilder, type Operand } from "../../../src/graph/graph-builder";
import { signalNorm } from "../../../src/graph/ops/normalization";
import { runNetwork } from "../../helpers/run-network";

/** What a layer makes of a signal of one channel, of any number of samples under the shape of whole blocks. */
async function run(signal: readonly number[], layer: (x: Operand) => Operand, stride = 1): Promise<number[]> {
  const graph = new GraphBuilder({ name: "layer", form: "offline" });
  const x = graph.node(
    "Unsqueeze",
    [graph.input("x", [batch, symbol("T")]), graph.integers([2])],
    [batch, symbol("F", stride), 1],
  );
  const network = graph.build({ y: graph.scope("layer", () => layer(x)) });
  return [...((await runNetwork(network, Float32Array.from(signal), 1)).y ?? [])];
}

/** A kernel of one input and one output channel. */
const weight = (taps: readonly number[]) => ({ shape: [1, 1, taps.length], data: Float32Array.from(taps) });
const bias = { shape: [1], data: Float32Array.of(0) };

describe("mirroredConv", () => {
  const signal = [1, 2, 4, 8, 16];

  it("sees the mirror image beyond both ends", async () => {
    expect(await run(signal, (x) => mirroredConv(x, { weight: weight([1, 0, 0]) }))).toEqual([2, 1, 2, 4, 8]);
    expect(await run(signal, (x) => mirroredConv(x, { weight: weight([0, 0, 1]) }))).toEqual([2, 4, 8, 16, 8]);
    // Five taps, two apart: four samples back and four ahead.
    const wide = await run(signal, (x) => mirroredConv(x, { weight: weight([0, 0, 0, 0, 1]) }, { dilation: 2 }));
    expect(wide).toEqual([16, 8, 4, 2, 1]);
  });

  it("fills up the last block of a stride behind the signal", async () => {
    // Kernel 4, stride 2: one sample before, one behind, and here one more.
    const strided = (taps: readonly number[]) =>
      run(signal, (x) => mirroredConv(x, { weight: weight(taps) }, { stride: 2 }), 2);
    expect(await strided([1, 0, 0, 0])).toEqual([2, 2, 8]);
    expect(await strided([0, 0, 0, 1])).toEqual([4, 16, 4]);
    // Of an odd stride one sample more lies before.
    const odd = await run(signal, (x) => mirroredConv(x, { weight: weight([1, 0, 0, 0, 0, 0]) }, { stride: 3 }), 3);
    expect(odd).toEqual([4, 2]);
  });

  it("takes zeros where the signal is no longer than its mirror image", async () => {
    const last = (signalOf: readonly number[]) =>
      run(signalOf, (x) => mirroredConv(x, { weight: weight([0, 0, 0, 0, 1]) }));
    // PyTorch's pad of [1, 2, 0] by two on both sides, without what the zero made longer.
    expect(await last([1, 2])).toEqual([0, 2]);
    expect(await last([1])).toEqual([0]);
    expect(await last([1, 2, 4])).toEqual([4, 2, 1]);
  });

  it("refuses the streaming form, and strides that do not divide the kernel", () => {
    const graph = new GraphBuilder({ name: "layer", form: "streaming" });
    const x = graph.input("x", [batch, symbol("F"), 1]);
    expect(() => mirroredConv(x, { weight: weight([1, 2, 3]) })).toThrow(/expected the offline form/);
    expect(() => mirroredConv(x, { weight: weight([1, 2, 3]) }, { stride: 2 })).toThrow(/kernel of several strides/);
  });
});

describe("fullTransposedConv", () => {
  it("gives all that overlap-add gives", async () => {
    const full = await run([1, 10], (x) => fullTransposedConv(x, { weight: weight([1, 2, 3, 4]), bias }, 2));
    expect(full).toEqual([1, 2, 13, 24, 30, 40]);
    const offset = { shape: [1], data: Float32Array.of(0.5) };
    expect(await run([1], (x) => fullTransposedConv(x, { weight: weight([1, 2]), bias: offset }, 1))).toEqual([
      1.5, 2.5,
    ]);
  });
});

describe("signalNorm", () => {
  it("brings a signal to mean 0 and variance 1, then scales and shifts", async () => {
    const normalized = await run([1, 2, 3, 6], (x) => {
      const constant = (name: string, value: number) => x.graph.constant(name, [1], Float32Array.of(value));
      return signalNorm(x, constant("gain", 2), constant("shift", 10));
    });
    // Mean 3, variance 3.5.
    const expected = [1, 2, 3, 6].map((value) => 10 + (2 * (value - 3)) / Math.sqrt(3.5 + 1e-5));
    for (const [index, value] of normalized.entries()) expect(value).toBeCloseTo(expected[index] ?? 0, 5);
  });
});
