import { describe, expect, it } from "vitest";
import { fromPlanes, planarConv, toPlanes } from "../../../src/graph/blocks/planar-conv";
import { planarTransposedConv, transposedReach } from "../../../src/graph/blocks/planar-transposed-conv";
import { symbol } from "../../../src/graph/dimension";
import { batch, GraphBuilder, type Operand } from "../../../src/graph/graph-builder";
import { maxDifference } from "../../helpers/golden";
import { runNetwork } from "../../helpers/run-network";
import { noise } from "../../helpers/synth-audio";

const [numInputs, numOutputs, numFrames] = [3, 2, 24];
const signal = noise(numFrames * numInputs, 1);
const bias = { shape: [numOutputs], data: noise(numOutputs, 2) };

/** Runs one block over rows [F, I], with so many phases in its planes before and behind; gives rows. */
async function run(build: (x: Operand) => Operand, phases = 1, resultPhases = phases): Promise<Float32Array> {
  const graph = new GraphBuilder({ name: "test", form: "offline" });
  // The symbol stands for the places of the wider planes, so that both numbers of places are multiples of it.
  const places = symbol("F", Math.max(phases, resultPhases) / phases);
  const x = graph.input("x", [batch, places, phases * numInputs]);
  const network = graph.build({ y: fromPlanes(build(toPlanes(x)), resultPhases) });
  const { y } = await runNetwork(network, signal, phases * numInputs);
  return y ?? new Float32Array();
}

/** The sum over taps and inputs by its definition: `at` gives the frame that a tap of an output sample meets. */
function reference(
  numSamples: number,
  kernelSize: number,
  at: (sample: number, tap: number) => number | undefined,
  weightOf: (output: number, input: number, tap: number) => number,
): Float32Array {
  return Float32Array.from({ length: numSamples * numOutputs }, (_, index) => {
    const [sample, output] = [Math.floor(index / numOutputs), index % numOutputs];
    let sum = bias.data[output] ?? 0;
    for (let tap = 0; tap < kernelSize; tap++) {
      const frame = at(sample, tap);
      if (frame === undefined || frame < 0 || frame >= numFrames) continue;
      for (let input = 0; input < numInputs; input++) {
        sum += (signal[frame * numInputs + input] ?? 0) * weightOf(output, input, tap);
      }
    }
    return sum;
  });
}

describe("planarConv", () => {
  it("reads a weight of a file once, which converts all of it each time", async () => {
    let numReads = 0;
    const data = noise(numOutputs * numInputs * 3, 3);
    const weight = {
      shape: [numOutputs, numInputs, 3],
      get data() {
        numReads++;
        return data;
      },
    };
    await run((x) => planarConv(x, { weight, bias }, { dilation: 1 }));
    expect(numReads).toBe(1);
  });

  it.each([
    [1, 1],
    [3, 1],
    [3, 12],
    [7, 2],
  ])("is the convolution with kernel %i and dilation %i", async (kernelSize, dilation) => {
    const weight = {
      shape: [numOutputs, numInputs, kernelSize],
      data: noise(numOutputs * numInputs * kernelSize, 3),
    };
    const actual = await run((x) => planarConv(x, { weight, bias }, { dilation, inputScale: 0.5 }));
    const expected = reference(
      numFrames,
      kernelSize,
      (sample, tap) => sample + (tap - (kernelSize - 1) / 2) * dilation,
      (output, input, tap) => 0.5 * (weight.data[(output * numInputs + input) * kernelSize + tap] ?? 0),
    );
    // Sums of noise are of the order of 1.
    expect(maxDifference(actual, expected)).toBeLessThan(1e-6);
  });

  it.each([
    [1, 1, 2, 2],
    [3, 1, 2, 2],
    [7, 3, 2, 2],
    [11, 5, 2, 2],
    [3, 2, 4, 4],
    [7, 1, 1, 8],
    [7, 1, 2, 12],
    [5, 2, 3, 6],
  ])("is that with kernel %i, dilation %i and %i samples side by side, %i of the result", async (...sizes) => {
    const [kernelSize, dilation, phases, resultPhases] = sizes;
    const weight = {
      shape: [numOutputs, numInputs, kernelSize],
      data: noise(numOutputs * numInputs * kernelSize, 3),
    };
    const options = { dilation, inputScale: 0.5, phases, resultPhases };
    const actual = await run((x) => planarConv(x, { weight, bias }, options), phases, resultPhases);
    expect(
      maxDifference(actual, await run((x) => planarConv(x, { weight, bias }, { dilation, inputScale: 0.5 }))),
    ).toBeLessThan(1e-6);
  });

  it("refuses numbers of samples that its phases do not divide", async () => {
    const weights = { weight: { shape: [2, 3, 3], data: new Float32Array(18) } };
    await expect(run((x) => planarConv(x, weights, { resultPhases: 5 }))).rejects.toThrow(/stride 5 does not divide/);
  });

  it("refuses kernels of even size and other numbers of channels", async () => {
    const even = { weight: { shape: [2, 3, 4], data: new Float32Array(24) } };
    await expect(run((x) => planarConv(x, even))).rejects.toMatchObject({ code: "unsupported-op" });
    const wide = { weight: { shape: [2, 5, 3], data: new Float32Array(30) } };
    await expect(run((x) => planarConv(x, wide))).rejects.toThrow(/expected \[B, 5, 1, T\], got \[B, 3, 1, F\]/);
  });
});

describe("planarTransposedConv", () => {
  it.each([
    [1, 1],
    [1, 5],
    [2, 2],
    [2, 4],
    [3, 7],
    [4, 10],
    [5, 11],
    [8, 16],
  ])("is the transposed convolution with stride %i and kernel %i", async (stride, kernelSize) => {
    const padding = (kernelSize - stride) / 2;
    const weight = {
      shape: [numInputs, numOutputs, kernelSize],
      data: noise(numOutputs * numInputs * kernelSize, 4),
    };
    const actual = await run((x) => planarTransposedConv(x, { weight, bias }, { stride, padding, inputScale: 2 }));
    const expected = reference(
      numFrames * stride,
      kernelSize,
      (sample, tap) => ((sample + padding - tap) % stride === 0 ? (sample + padding - tap) / stride : undefined),
      (output, input, tap) => 2 * (weight.data[(input * numOutputs + output) * kernelSize + tap] ?? 0),
    );
    expect(maxDifference(actual, expected)).toBeLessThan(1e-6);
  });

  it.each([
    [2, 4, 2],
    [2, 6, 2],
    [4, 10, 2],
    [8, 16, 4],
    [6, 12, 3],
    [4, 4, 4],
  ])("is that with stride %i, kernel %i and %i samples side by side", async (stride, kernelSize, phases) => {
    const padding = (kernelSize - stride) / 2;
    const weight = {
      shape: [numInputs, numOutputs, kernelSize],
      data: noise(numOutputs * numInputs * kernelSize, 4),
    };
    const options = { stride, padding, inputScale: 2 };
    const side = (x: Operand) => fromPlanes(planarTransposedConv(x, { weight, bias }, { ...options, phases }), phases);
    const actual = await run((x) => toPlanes(side(x)));
    const expected = await run((x) => planarTransposedConv(x, { weight, bias }, options));
    expect(maxDifference(actual, expected)).toBeLessThan(1e-6);
  });

  it("refuses a padding that gives another number of samples", async () => {
    const weights = { weight: { shape: [3, 2, 4], data: new Float32Array(24) } };
    await expect(run((x) => planarTransposedConv(x, weights, { stride: 2, padding: 0 }))).rejects.toThrow(
      /stride 2 expected a kernel of stride \+ 2 \* padding, got kernel 4 and padding 0/,
    );
  });
});

describe("transposedReach", () => {
  it("is what the sums reach", () => {
    // Sample n has the taps n + padding - stride * f of frame f: with stride 8, kernel 16 and padding 4, frames -1 to 1.
    expect(transposedReach(16, 8, { back: 0, ahead: 0 })).toEqual({ back: 1, ahead: 1 });
    // Four samples before its block need no more than the frame before; five need the one before that.
    expect(transposedReach(16, 8, { back: 4, ahead: 4 })).toEqual({ back: 1, ahead: 1 });
    expect(transposedReach(16, 8, { back: 5, ahead: 5 })).toEqual({ back: 2, ahead: 2 });
    expect(transposedReach(4, 4, { back: 0, ahead: 0 })).toEqual({ back: 0, ahead: 0 });
  });
});
