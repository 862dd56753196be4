/** Convolution blocks against sums written out by hand, in both forms. */
import { describe, expect, it } from "vitest";
import { type ConvWeights, causalConv, transposedConv, upsampleConv } from "../../../src/graph/blocks/causal-conv";
import { convBias, convMatrix, type Weights } from "../../../src/graph/blocks/conv-matrix";
import { residualUnit } from "../../../src/graph/blocks/residual-unit";
import { symbol } from "../../../src/graph/dimension";
import { batch, GraphBuilder, type Operand } from "../../../src/graph/graph-builder";
import type { NetworkForm } from "../../../src/graph/network";

import { maxDifference } from "../../helpers/golden";
import { runNetwork } from "../../helpers/run-network";
import { noise } from "../../helpers/synth-audio";

/** Sums of a dozen products of numbers up to 1, in float32: 1e-6. A tap or channel out of place: 0.1 and more. */
const tolerance = 1e-5;

function random(shape: readonly number[], seed: number): Weights {
  return {
    shape,
    data: noise(
      shape.reduce((product, size) => product * size, 1),
      seed,
      1,
    ),
  };
}

function randomConv(numOutputs: number, numInputs: number, kernelSize: number): Required<ConvWeights> {
  return { weight: random([numOutputs, numInputs, kernelSize], 1), bias: random([numOutputs], 2) };
}

/** Builds and runs one block on [F, width] frames, `rate` of them at a time being the least that it takes. */
async function run(
  form: NetworkForm,
  signal: Float32Array,
  width: number,
  block: (x: Operand) => Operand,
  rate = 1,
): Promise<Float32Array> {
  const graph = new GraphBuilder({ name: "block", form });
  const x = graph.input("x", [batch, symbol("F", rate), width]);
  const network = graph.build({ y: graph.scope("conv", () => block(x)) });
  const { y } = await runNetwork(network, signal, width, { blocks: [rate, 3 * rate, 2 * rate] });
  return y ?? new Float32Array();
}

/** The definition: output[f][o] = bias[o] + sum over taps and inputs, zeros before the first frame. */
function referenceConv(
  signal: Float32Array,
  { weight, bias }: Required<ConvWeights>,
  { stride = 1, dilation = 1 } = {},
): Float32Array {
  const [numOutputs = 0, numInputs = 0, kernelSize = 0] = weight.shape;
  const numFrames = signal.length / numInputs / stride;
  const padding = (kernelSize - 1) * dilation + 1 - stride;
  return Float32Array.from({ length: numFrames * numOutputs }, (_, index) => {
    const [frame, output] = [Math.floor(index / numOutputs), index % numOutputs];
    let sum = bias.data[output] ?? 0;
    for (let input = 0; input < numInputs; input++) {
      for (let tap = 0; tap < kernelSize; tap++) {
        const at = frame * stride + tap * dilation - padding;
        const kernel = weight.data[(output * numInputs + input) * kernelSize + tap] ?? 0;
        sum += at < 0 ? 0 : kernel * (signal[at * numInputs + input] ?? 0);
      }
    }
    return sum;
  });
}

const forms: readonly NetworkForm[] = ["offline", "streaming"];

describe.each(forms)("in the %s form", (form) => {
  const cases = [
    { kernelSize: 1, stride: 1, dilation: 1 },
    { kernelSize: 3, stride: 1, dilation: 1 },
    { kernelSize: 3, stride: 1, dilation: 4 },
    { kernelSize: 2, stride: 2, dilation: 1 },
    { kernelSize: 8, stride: 4, dilation: 1 },
    { kernelSize: 7, stride: 3, dilation: 1 },
  ];
  it.each(cases)(
    "a convolution with kernel $kernelSize, stride $stride, dilation $dilation is the sum it stands for",
    async (options) => {
      const weights = randomConv(5, 3, options.kernelSize);
      const signal = noise(12 * 3 * options.stride, 3, 1);
      const actual = await run(form, signal, 3, (x) => causalConv(x, weights, options), options.stride);
      expect(maxDifference(actual, referenceConv(signal, weights, options))).toBeLessThan(tolerance);
    },
  );

  it("a gain scales each output channel, bias included", async () => {
    const weights = randomConv(4, 3, 3);
    const gain = random([4], 5);
    const signal = noise(12 * 3, 3, 1);
    const plain = referenceConv(signal, weights);
    const expected = plain.map((value, index) => value * (gain.data[index % 4] ?? 0));
    const actual = await run(form, signal, 3, (x) => causalConv(x, weights, { gain }));
    expect(maxDifference(actual, expected)).toBeLessThan(tolerance);
    expect(maxDifference(plain, expected)).toBeGreaterThan(0.1);
  });

  it("an upsampling and a gain go together", async () => {
    // Only in the layout of the weights: no block asks for both yet.
    const { weight, bias } = randomConv(6, 3, 1);
    const gain = random([6], 5);
    const options = { phases: 2, gain };
    const columns = new Float32Array(18);
    const offsets = new Float32Array(6);
    convMatrix(weight, options).write(columns);
    convBias(bias, options).write(offsets);
    // Output 5 is phase 1 of channel 2: column 5 of [phase 0: 0 1 2, phase 1: 3 4 5]. Output 4 is column 2.
    const scaled = (values: Weights, index: number, output: number) =>
      Math.fround((values.data[index] ?? 0) * (gain.data[output] ?? 0));
    expect(columns[5]).toBe(scaled(weight, 5 * 3, 5));
    expect(columns[2 * 6 + 2]).toBe(scaled(weight, 4 * 3 + 2, 4));
    expect(offsets[2]).toBe(scaled(bias, 4, 4));
  });

  it("an upsampling makes frames of its phases", async () => {
    const weights = randomConv(6, 3, 2);
    const signal = noise(12 * 3, 3, 1);
    const groups = referenceConv(signal, weights);
    // Output channel = channel * factor + phase: [F, 3 channels, 2 phases] -> [2 F, 3 channels].
    const expected = groups.map((_, index) => {
      const [frame, channel] = [Math.floor(index / 3), index % 3];
      return groups[Math.floor(frame / 2) * 6 + channel * 2 + (frame % 2)] ?? 0;
    });
    const actual = await run(form, signal, 3, (x) => upsampleConv(x, weights, 2));
    expect(maxDifference(actual, expected)).toBeLessThan(tolerance);
    expect(maxDifference(groups, expected)).toBeGreaterThan(0.1);
  });

  it.each([4, 8, 12])("a transposed convolution with kernel %i and stride 4 overlaps and adds", async (kernelSize) => {
    const weight = random([3, 2, kernelSize], 1);
    const signal = noise(12 * 3, 3, 1);
    const expected = new Float32Array(12 * 4 * 2);
    signal.forEach((value, index) => {
      const [frame, input] = [Math.floor(index / 3), index % 3];
      for (let n = 0; n < kernelSize; n++) {
        for (let output = 0; output < 2; output++) {
          const at = (frame * 4 + n) * 2 + output;
          if (at < expected.length)
            expected[at] = (expected[at] ?? 0) + value * (weight.data[(input * 2 + output) * kernelSize + n] ?? 0);
        }
      }
    });
    const actual = await run(form, signal, 3, (x) => transposedConv(x, weight, 4));
    expect(maxDifference(actual, expected)).toBeLessThan(tolerance);
  });

  it("a residual unit adds its scaled branch", async () => {
    const [conv, pointwise, gain] = [randomConv(3, 3, 3), randomConv(3, 3, 1), random([3], 5)];
    const signal = noise(12 * 3, 3, 1);
    const elu = (values: Float32Array) => values.map((value) => (value > 0 ? value : Math.expm1(value)));
    const branch = referenceConv(elu(referenceConv(elu(signal), conv, { dilation: 2 })), pointwise);
    const expected = signal.map((value, index) => value + (gain.data[index % 3] ?? 0) * (branch[index] ?? 0));
    const actual = await run(form, signal, 3, (x) => residualUnit(x, { conv, pointwise, gain }, 2));
    expect(maxDifference(actual, expected)).toBeLessThan(tolerance);
  });
});

describe("mistakes in the wiring", () => {
  const graph = new GraphBuilder({ name: "block", form: "offline" });
  const x = graph.input("x", [batch, symbol("F"), 3]);
  const build = (block: () => unknown) => () => graph.scope("conv", block);

  it("name the block and the shapes", () => {
    expect(build(() => causalConv(x, randomConv(5, 4, 3)))).toThrow(
      "conv: a convolution with weights [5, 4, 3] expected [B, F, 4], got [B, F, 3]",
    );
    expect(build(() => transposedConv(x, random([4, 2, 8], 1), 4))).toThrow("expected [B, F, 4], got [B, F, 3]");
    expect(build(() => causalConv(x, randomConv(5, 3, 4), { stride: 2 }))).toThrow(
      "a multiple of 2 frames, got [B, F, 3]",
    );
    expect(build(() => upsampleConv(x, randomConv(5, 3, 2), 2))).toThrow("a multiple of 2 channels, got [B, F, 5]");
  });

  it("refuse what the blocks do not do", () => {
    const unsupported = expect.objectContaining({ code: "unsupported-op", path: "conv" });
    expect(build(() => causalConv(x, randomConv(5, 3, 3), { stride: 2, dilation: 2 }))).toThrow(unsupported);
    expect(build(() => transposedConv(x, random([3, 2, 6], 1), 4))).toThrow(unsupported);
  });
});
