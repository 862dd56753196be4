/** Centred convolutions against sums written out by hand. */
import { describe, expect, it } from "vitest";
import type { ConvWeights } from "../../../src/graph/blocks/causal-conv";
import { depthwiseSameConv, sameConv } from "../../../src/graph/blocks/same-conv";
import { symbol } from "../../../src/graph/dimension";
import { batch, GraphBuilder, type Operand } from "../../../src/graph/graph-builder";
import { reverse } from "../../../src/graph/ops/shape";
import { maxDifference } from "../../helpers/golden";
import { runNetwork } from "../../helpers/run-network";
import { noise } from "../../helpers/synth-audio";

/** Sums of two dozen products of numbers up to 1, in float32: 1e-6. A tap or channel out of place: 0.1 and more. */
const tolerance = 1e-5;
const numFrames = 23;

function randomWeights([numOutputs, numInputs, kernelSize]: readonly [number, number, number]): Required<ConvWeights> {
  return {
    weight: { shape: [numOutputs, numInputs, kernelSize], data: noise(numOutputs * numInputs * kernelSize, 1, 1) },
    bias: { shape: [numOutputs], data: noise(numOutputs, 2, 1) },
  };
}

async function run(signal: Float32Array, width: number, block: (x: Operand) => Operand): Promise<Float32Array> {
  const graph = new GraphBuilder({ name: "block", form: "offline" });
  const x = graph.input("x", [batch, symbol("F"), width]);
  const { y } = await runNetwork(graph.build({ y: graph.scope("conv", () => block(x)) }), signal, width);
  return y ?? new Float32Array();
}

/** output[f][o] = bias[o] + sum over taps and the inputs of a group, zeros beyond both ends. */
function reference(
  signal: Float32Array,
  { weight, bias }: Required<ConvWeights>,
  { dilation, isDepthwise }: { dilation: number; isDepthwise: boolean },
): Float32Array {
  const [numOutputs = 0, numInputs = 0, kernelSize = 0] = weight.shape;
  const width = isDepthwise ? numOutputs : numInputs;
  return Float32Array.from({ length: (signal.length / width) * numOutputs }, (_, index) => {
    const [frame, output] = [Math.floor(index / numOutputs), index % numOutputs];
    let sum = bias.data[output] ?? 0;
    for (let input = 0; input < numInputs; input++) {
      for (let tap = 0; tap < kernelSize; tap++) {
        const at = frame + (tap - Math.floor((kernelSize - 1) / 2)) * dilation;
        const value = at < 0 ? 0 : (signal[at * width + (isDepthwise ? output : input)] ?? 0);
        sum += (weight.data[(output * numInputs + input) * kernelSize + tap] ?? 0) * value;
      }
    }
    return sum;
  });
}

describe("sameConv", () => {
  it.each([
    [1, 1],
    [3, 1],
    [4, 1],
    [5, 3],
  ])("kernel %i, dilation %i", async (kernelSize, dilation) => {
    const weights = randomWeights([4, 3, kernelSize]);
    const signal = noise(numFrames * 3, 3, 1);
    const found = await run(signal, 3, (x) => sameConv(x, weights, { dilation }));
    expect(maxDifference(found, reference(signal, weights, { dilation, isDepthwise: false }))).toBeLessThan(tolerance);
  });

  it("takes a signal shorter than its kernel", async () => {
    const weights = randomWeights([2, 1, 5]);
    const signal = Float32Array.of(1, 2);
    const found = await run(signal, 1, (x) => sameConv(x, weights));
    expect(maxDifference(found, reference(signal, weights, { dilation: 1, isDepthwise: false }))).toBeLessThan(
      tolerance,
    );
  });
});

describe("depthwiseSameConv", () => {
  it.each([1, 3, 9])("dilation %i", async (dilation) => {
    const weights = randomWeights([4, 1, 3]);
    const signal = noise(numFrames * 4, 3, 1);
    const found = await run(signal, 4, (x) => depthwiseSameConv(x, weights, { dilation }));
    expect(maxDifference(found, reference(signal, weights, { dilation, isDepthwise: true }))).toBeLessThan(tolerance);
  });
});

describe("reverse", () => {
  it("turns an axis round, and refuses one that is not there", async () => {
    expect([...(await run(Float32Array.of(1, 2, 3, 4, 5, 6), 3, (x) => reverse(x, 2)))]).toEqual([3, 2, 1, 6, 5, 4]);
    expect([...(await run(Float32Array.of(1, 2, 3, 4, 5, 6), 3, (x) => reverse(x, 1)))]).toEqual([4, 5, 6, 1, 2, 3]);
    await expect(run(new Float32Array(3), 3, (x) => reverse(x, 3))).rejects.toThrow("Slice expected an axis 3");
  });
});
