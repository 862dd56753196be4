/** Convolutions without padding against the sum that defines them, in each of the forms that they are written in. */
import { describe, expect, it } from "vitest";
import type { ConvWeights } from "../../../src/graph/blocks/causal-conv";
import { pointwiseSum } from "../../../src/graph/blocks/pointwise-sum";
import { validConv } from "../../../src/graph/blocks/valid-conv";
import { type Dimension, shiftDimension, symbol } from "../../../src/graph/dimension";
import { batch, GraphBuilder, type Operand } from "../../../src/graph/graph-builder";
import { affineRows } from "../../../src/graph/ops/linear";
import { trim } from "../../../src/graph/ops/shape";
import { NetworkSession } from "../../../src/runtime/network-session";
import { openRuntime } from "../../../src/runtime/open-runtime";
import { maxDifference } from "../../helpers/golden";
import { runNetwork } from "../../helpers/run-network";
import { noise } from "../../helpers/synth-audio";

/** Sums of up to forty products of numbers up to 1, in float32: 4e-6. A tap or channel out of place: 0.1 and more. */
const tolerance = 2e-5;
const numFrames = 11;

function randomConv(numOutputs: number, numInputs: number, kernelSize: number, seed = 1): Required<ConvWeights> {
  const weight = noise(numOutputs * numInputs * kernelSize, seed, 1);
  return {
    weight: { shape: [numOutputs, numInputs, kernelSize], data: weight },
    bias: { shape: [numOutputs], data: noise(numOutputs, seed + 1, 1) },
  };
}

async function run(frames: Dimension, width: number, signal: Float32Array, block: (x: Operand) => Operand) {
  const graph = new GraphBuilder({ name: "block", form: "offline" });
  const x = graph.input("x", [batch, frames, width]);
  const y = graph.scope("conv", () => block(x));
  const ops = graph.build({ y });
  const result = (await runNetwork(ops, signal, width)).y ?? new Float32Array();
  return { result, shape: y.shape };
}

/** output[f][o] = bias[o] + sum over taps t and inputs i of weight[o][i][t] * x[f * stride + t * dilation][i] */
function reference(
  signal: Float32Array,
  { weight, bias }: Required<ConvWeights>,
  { stride = 1, dilation = 1 },
): Float32Array {
  const [numOutputs = 0, numInputs = 0, kernelSize = 0] = weight.shape;
  return Float32Array.from({ length: numFrames * numOutputs }, (_, index) => {
    const [frame, output] = [Math.floor(index / numOutputs), index % numOutputs];
    let sum = bias.data[output] ?? 0;
    for (let input = 0; input < numInputs; input++) {
      for (let tap = 0; tap < kernelSize; tap++) {
        const kernel = weight.data[(output * numInputs + input) * kernelSize + tap] ?? 0;
        sum += kernel * (signal[(frame * stride + tap * dilation) * numInputs + input] ?? 0);
      }
    }
    return sum;
  });
}

describe("validConv", () => {
  it.each([
    { form: "taps side by side", sizes: [5, 3, 3], options: {} },
    { form: "taps apart", sizes: [5, 3, 3], options: { dilation: 4 } },
    { form: "blocks of frames", sizes: [4, 2, 6], options: { stride: 3 } },
    { form: "taps of one channel", sizes: [5, 1, 4], options: { dilation: 2 } },
    { form: "a sum of products, one output", sizes: [1, 8, 7], options: {} },
    { form: "a sum of products, two outputs apart", sizes: [2, 6, 3], options: { dilation: 2 } },
  ] as const)("is the sum it stands for: $form", async ({ sizes, options }) => {
    const { stride = 1, dilation = 1 }: { stride?: number; dilation?: number } = options;
    const [numOutputs, numInputs, kernelSize] = sizes;
    const weights = randomConv(numOutputs, numInputs, kernelSize);
    const span = (kernelSize - 1) * dilation + 1 - stride;
    const signal = noise((numFrames * stride + span) * numInputs, 9, 1);
    const frames = shiftDimension(symbol("F", stride), span);
    const { result, shape } = await run(frames, numInputs, signal, (x) => validConv(x, weights, options));
    expect(shape).toEqual([batch, symbol("F"), numOutputs]);
    expect(maxDifference(result, reference(signal, weights, options))).toBeLessThan(tolerance);
  });

  it("keeps the signals of a batch apart", async () => {
    const weights = randomConv(5, 3, 3);
    const signals = [noise((numFrames + 2) * 3, 3, 1), noise((numFrames + 2) * 3, 4, 1)];
    const graph = new GraphBuilder({ name: "batch", form: "offline" });
    const x = graph.input("x", [batch, shiftDimension(symbol("F"), 2), 3]);
    const network = graph.build({ y: graph.scope("conv", () => validConv(x, weights, {})) });
    await using session = await NetworkSession.create(await openRuntime({ device: "cpu" }), network);
    const data = Float32Array.from(signals.flatMap((signal) => [...signal]));
    const { y } = await session.run({ x: { data, shape: [2, numFrames + 2, 3] } });
    expect(y?.shape).toEqual([2, numFrames, 5]);
    const expected = signals.flatMap((signal) => [...reference(signal, weights, {})]);
    expect(maxDifference(y?.data ?? new Float32Array(), Float32Array.from(expected))).toBeLessThan(tolerance);
  });
});

describe("affineRows", () => {
  it("refuses operands that do not fit", () => {
    const graph = new GraphBuilder({ name: "affine", form: "offline" });
    const x = graph.input("x", [batch, symbol("F"), 3]);
    const constant = (name: string, ...shape: number[]) =>
      graph.constant(name, shape, new Float32Array(shape.reduce((product, size) => product * size, 1)));
    const [matrix, offset] = [constant("matrix", 3, 4), constant("offset", 4)];
    expect(affineRows(x, matrix, offset).shape).toEqual([batch, symbol("F"), 4]);
    for (const [left, right, added] of [
      [x, constant("taller", 4, 4), offset],
      [x, matrix, constant("longer", 5)],
      [graph.input("flat", [symbol("F"), 3]), matrix, offset],
    ] as const) {
      expect(() => affineRows(left, right, added)).toThrow(
        expect.objectContaining({ name: "GraphError", code: "shape-mismatch" }),
      );
    }
  });
});

describe("pointwiseSum", () => {
  it("adds up the convolutions and their biases", async () => {
    const [left, right] = [randomConv(4, 3, 1, 1), randomConv(4, 2, 1, 5)];
    const signal = noise(numFrames * 5, 9, 1);
    const { result } = await run(symbol("F"), 5, signal, (x) =>
      pointwiseSum([
        [trim(x, 2, 0, 2), left],
        [trim(x, 2, 3, 0), right],
      ]),
    );
    const part = (begin: number, end: number) => signal.filter((_, index) => index % 5 >= begin && index % 5 < end);
    const second = reference(part(3, 5), right, {});
    const expected = reference(part(0, 3), left, {}).map((value, index) => value + (second[index] ?? 0));
    expect(maxDifference(result, expected)).toBeLessThan(tolerance);
  });

  it("refuses a convolution of another width", async () => {
    const weights = randomConv(4, 3, 1);
    await expect(run(symbol("F"), 5, new Float32Array(5), (x) => pointwiseSum([[x, weights]]))).rejects.toMatchObject({
      name: "GraphError",
      code: "shape-mismatch",
    });
  });
});
