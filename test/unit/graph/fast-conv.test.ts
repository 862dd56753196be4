import { describe, expect, it } from "vitest";
import { fastConv, joinHalves, splitInHalves } from "../../../src/graph/blocks/fast-conv";
import {
  multiReceptiveField,
  type ResidualBlock,
  residualReach,
} from "../../../src/graph/blocks/multi-receptive-field";
import { fromPlanes, planarConv, toPlanes } from "../../../src/graph/blocks/planar-conv";
import { symbol } from "../../../src/graph/dimension";
import { batch, GraphBuilder, type Operand } from "../../../src/graph/graph-builder";
import { leakyRelu } from "../../../src/graph/ops/activation";
import { maxDifference } from "../../helpers/golden";
import { runNetwork } from "../../helpers/run-network";
import { noise } from "../../helpers/synth-audio";

const slope = 0.1;
/** Samples of the rows that a network takes: two a frame. */
const numSamples = 60;

/** Runs a block over rows [F, 2 * C], two samples each, as planes of single samples; gives samples [T, C]. */
async function run(rows: Float32Array, channels: number, build: (x: Operand) => Operand): Promise<Float32Array> {
  const graph = new GraphBuilder({ name: "test", form: "offline" });
  const x = graph.input("x", [batch, symbol("F"), 2 * channels]);
  const samples = fromPlanes(toPlanes(x), 2);
  const { y } = await runNetwork(graph.build({ y: fromPlanes(build(toPlanes(samples))) }), rows, 2 * channels);
  return y ?? new Float32Array();
}

function weightsOf(channels: number, kernelSize: number, seed: number) {
  return {
    weight: { shape: [channels, channels, kernelSize], data: noise(channels ** 2 * kernelSize, seed, 0.1) },
    bias: { shape: [channels], data: noise(channels, seed + 1) },
  };
}

function largest(samples: Float32Array): number {
  return maxDifference(samples, new Float32Array(samples.length));
}

describe("fastConv", () => {
  const channels = 16;
  const signal = noise(numSamples * channels, 1);

  it.each([
    [5, 1],
    [7, 1],
    [9, 3],
    [11, 1],
    [11, 3],
    [7, 5],
    [11, 5],
  ])("is the activation and the convolution with kernel %i and dilation %i", async (kernelSize, dilation) => {
    const first = weightsOf(channels, kernelSize, 2);
    const second = weightsOf(channels, kernelSize, 4);
    const actual = await run(signal, channels, (x) => {
      const hidden = x.graph.scope("first", () => fastConv(splitInHalves(x), first, { dilation, slope }));
      return joinHalves(x.graph.scope("second", () => fastConv(hidden, second, { slope })));
    });
    const expected = await run(signal, channels, (x) => {
      const hidden = x.graph.scope("first", () => planarConv(leakyRelu(x, slope), first, { dilation }));
      return x.graph.scope("second", () => planarConv(leakyRelu(hidden, slope), second));
    });
    expect(maxDifference(actual, expected)).toBeLessThan(1e-6 * largest(expected));
  });

  it.each([
    [4, 1],
    [3, 1],
    [7, 2],
  ])("refuses kernel %i with dilation %i", async (kernelSize, dilation) => {
    const weights = weightsOf(channels, kernelSize, 2);
    const build = (x: Operand): Operand => joinHalves(fastConv(splitInHalves(x), weights, { dilation, slope }));
    await expect(run(signal, channels, build)).rejects.toMatchObject({ code: "unsupported-op" });
  });

  it("refuses channels that fill no blocks, and an odd number of samples", async () => {
    const narrow = (x: Operand): Operand => joinHalves(fastConv(splitInHalves(x), weightsOf(8, 7, 2), { slope }));
    await expect(run(signal, 8, narrow)).rejects.toMatchObject({ code: "unsupported-op" });
    const graph = new GraphBuilder({ name: "test", form: "offline" });
    const x = toPlanes(graph.input("x", [batch, symbol("F"), channels]));
    expect(() => splitInHalves(x)).toThrow(/stride 2 does not divide/);
  });

  it("refuses to dilate what another dilation gave", async () => {
    const weights = weightsOf(channels, 7, 2);
    const twice = (x: Operand): Operand => {
      const late = fastConv(splitInHalves(x), weights, { dilation: 3, slope });
      return joinHalves(fastConv(late, weights, { dilation: 3, slope }));
    };
    await expect(run(signal, channels, twice)).rejects.toThrow(/no lag, got kernel 7 and dilation 3 .* with lag 1/);
  });
});

describe("multi-receptive-field fusion wide enough for fast convolutions", () => {
  const channels = 64;
  const signal = noise(numSamples * channels, 5);
  const block = (kernelSize: number, seed: number): ResidualBlock =>
    [1, 3].map((dilation, step) => ({
      dilation,
      conv: weightsOf(channels, kernelSize, seed + 10 * step),
      second: weightsOf(channels, kernelSize, seed + 10 * step + 5),
    }));
  const blocks = [block(3, 20), block(7, 40)];

  it("is the sum of its blocks", async () => {
    const actual = await run(signal, channels, (x) => multiReceptiveField(x, blocks));
    // Two samples side by side are convolved as they are.
    const graph = new GraphBuilder({ name: "test", form: "offline" });
    const x = graph.input("x", [batch, symbol("F"), 2 * channels]);
    const network = graph.build({ y: fromPlanes(multiReceptiveField(toPlanes(x), blocks, 2), 2) });
    const { y = new Float32Array() } = await runNetwork(network, signal, 2 * channels);
    expect(maxDifference(actual, y)).toBeLessThan(1e-6 * largest(y));
  });

  // Only there are the runtime's convolutions exact.
  it.runIf(process.arch === "x64")(
    "gives the same bits in a window with its reach around it, and no less",
    async () => {
      const { back, ahead } = residualReach({ channels, kernelSize: 7, dilations: [1, 3], kind: 1, isEven: true });
      expect([back, ahead]).toEqual([18, 24]);
      const whole = await run(signal, channels, (x) => multiReceptiveField(x, blocks));
      const inWindow = async (numAhead: number): Promise<number> => {
        const [begin, end] = [20, 30];
        const around = signal.subarray((begin - back) * channels, (end + numAhead) * channels);
        const window = await run(around, channels, (x) => multiReceptiveField(x, blocks));
        const inside = window.subarray(back * channels, -numAhead * channels);
        return maxDifference(inside, whole.subarray(begin * channels, end * channels));
      };
      expect(await inWindow(ahead)).toBe(0);
      expect(await inWindow(ahead - 4)).toBeGreaterThan(0);
    },
  );
});
