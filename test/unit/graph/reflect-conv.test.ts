import { describe, expect, it } from "vitest";
import { skipLstm } from "../../../src/graph/blocks/lstm";
import { ReflectStart, reflectConv } from "../../../src/graph/blocks/reflect-conv";
import { symbol } from "../../../src/graph/dimension";
import { batch, GraphBuilder } from "../../../src/graph/graph-builder";
import type { Network, NetworkForm } from "../../../src/graph/network";
import { transpose } from "../../../src/graph/ops/shape";
import { runNetwork } from "../../helpers/run-network";

/** A convolution of one channel with a kernel of these taps. */
function convNetwork(taps: readonly number[], form: NetworkForm, options: { stride?: number; dilation?: number } = {}) {
  const graph = new GraphBuilder({ name: "conv", form });
  const signal = graph.input("x", [batch, symbol("T")]);
  // Any number of samples, with the shape of whole blocks: what EnCodec's encoder does.
  const x = graph.node("Unsqueeze", [signal, graph.integers([2])], [batch, symbol("F", options.stride), 1]);
  const weight = { shape: [1, 1, taps.length], data: Float32Array.from(taps) };
  const y = graph.scope("conv", () => reflectConv(x, { weight }, new ReflectStart(graph), options));
  return graph.build({ y });
}

async function run(network: Network, signal: readonly number[], blocks: readonly number[] = [100]): Promise<number[]> {
  return [...((await runNetwork(network, Float32Array.from(signal), 1, { blocks })).y ?? [])];
}

describe("reflectConv", () => {
  const signal = [1, 2, 4, 8, 16, 32, 64];

  it("takes the mirror image of the start as its past", async () => {
    // The oldest of three taps alone: the signal two frames late, behind its third and second number.
    expect(await run(convNetwork([1, 0, 0], "offline"), signal)).toEqual([4, 2, 1, 2, 4, 8, 16]);
    expect(await run(convNetwork([1, 0, 0], "offline", { dilation: 2 }), signal)).toEqual([16, 8, 4, 2, 1, 2, 4]);
  });

  it("takes zeros where the signal is shorter than its mirror image", async () => {
    expect(await run(convNetwork([1, 0, 0, 0], "offline"), [1, 2])).toEqual([0, 0]);
    expect(await run(convNetwork([1, 0, 0, 0], "offline"), [1, 2, 4])).toEqual([0, 4, 2]);
  });

  it("fills up the last block of a stride with the mirror image of the end", async () => {
    const newest = [0, 0, 0, 0, 0, 1];
    const network = (form: NetworkForm) => convNetwork(newest, form, { stride: 3 });
    expect(await run(network("offline"), signal)).toEqual([4, 32, 16]);
    expect(await run(network("offline"), signal.slice(0, 5))).toEqual([4, 8]);
    // The whole signal in less than a block: zeros.
    expect(await run(network("offline"), [1, 2])).toEqual([0]);
    // The last call has one number, and what is mirrored came with the call before.
    expect(await run(network("streaming"), signal, [6, 1])).toEqual([4, 32, 16]);
  });

  it("goes on as the offline form does once its first call was long enough", async () => {
    const expected = await run(convNetwork([1, 10, 100], "offline"), signal);
    expect(await run(convNetwork([1, 10, 100], "streaming"), signal, [3, 1, 2, 1])).toEqual(expected);
    expect(await run(convNetwork([1, 10, 100], "streaming"), signal, [2, 1, 4])).not.toEqual(expected);
  });

  it.each([
    [[1, 2, 3], { stride: 2 }],
    [[1, 2], { stride: 2 }],
    [[1, 2, 3, 4], { stride: 2, dilation: 2 }],
  ])("refuses a kernel %j with %j", (taps, options) => {
    expect(() => convNetwork(taps, "offline", options)).toThrow(/several strides and no dilation/);
  });
});

describe("skipLstm", () => {
  /** Two channels; every weight is zero but the cell gate's, so the result follows from the biases alone. */
  function network(form: NetworkForm): Network {
    const graph = new GraphBuilder({ name: "lstm", form });
    const x = graph.input("x", [batch, symbol("F"), 1]);
    const zeros = { shape: [4, 1], data: new Float32Array(4) };
    // PyTorch's order: input and forget gates wide open, cell gate 0.5 x, output gate half open.
    const inputWeight = { shape: [4, 1], data: Float32Array.of(0, 0, 0.5, 0) };
    const inputBias = { shape: [4], data: Float32Array.of(50, 50, 0, 0) };
    const layer = {
      inputWeight,
      hiddenWeight: zeros,
      inputBias,
      hiddenBias: { shape: [4], data: new Float32Array(4) },
    };
    return graph.build({ y: graph.scope("lstm", () => skipLstm(x, [layer])) });
  }

  it("adds up what its gates let in, and its input", async () => {
    const signal = [0.2, -0.4, 1];
    let cell = 0;
    const expected = signal.map((value) => {
      cell += Math.tanh(0.5 * value);
      return 0.5 * Math.tanh(cell) + value;
    });
    for (const [form, blocks] of [
      ["offline", [3]],
      ["streaming", [1]],
      ["streaming", [2, 1]],
    ] as const) {
      const found = await run(network(form), signal, blocks);
      // A cell that is forgotten between calls is off by 0.05 in the second frame, swapped gates by more.
      for (const [index, value] of expected.entries()) expect(found[index]).toBeCloseTo(value, 5);
    }
  });
});

describe("transpose", () => {
  it("refuses what is no order of all axes", () => {
    const graph = new GraphBuilder({ name: "t", form: "offline" });
    const x = graph.input("x", [batch, 2, 3]);
    expect(transpose(x, [1, 2, 0]).shape).toEqual([2, 3, batch]);
    expect(() => transpose(x, [0, 1])).toThrow(/order of all axes/);
    expect(() => transpose(x, [0, 1, 1])).toThrow(/order of all axes/);
  });
});
