/**
 * Convolutions that look to both sides, over planes [B, C, 1, T]: each channel's samples lie together.
 *
 * Wide dilated kernels over few channels are where the matrix form of causal-conv.ts and same-conv.ts spends its time on
 * putting taps side by side. As a 2-D Conv of height 1 the runtime runs them in a blocked layout with kernels of its own,
 * at twice the speed or more (docs/decisions/0100-planar-convolutions.md); the numbers of a sample do not depend on how
 * many samples a call has.
 *
 * Planes may hold `phases` samples side by side, [B, phases * C, 1, T / phases]: channel `phase * C + c` at place n is
 * sample `n * phases + phase` of channel c. So few channels fill the blocks of the runtime's layout, which takes 16.
 */
import { divideDimension, formatShape, multiplyDimension, shiftDimension } from "../dimension";
import type { Operand } from "../graph-builder";
import { reshape, transpose } from "../ops/shape";
import type { ConvWeights } from "./causal-conv";

/** [B, T, C] -> [B, C, 1, T]. */
export function toPlanes(x: Operand): Operand {
  const [batchSize = 1, samples = 1, channels = 1] = x.shape;
  return transpose(reshape(x, [batchSize, samples, channels, 1]), [0, 2, 3, 1]);
}

/**
 * [B, phases * C, 1, T / phases] -> [B, T, C].
 *
 * @throws {GraphError} `shape-mismatch` when the phases do not divide the channels
 */
export function fromPlanes(x: Operand, phases = 1): Operand {
  const [batchSize = 1, channels = 1, , places = 1] = x.shape;
  const numChannels = divideDimension(channels, phases);
  if (numChannels === undefined) {
    throw x.graph.error("shape-mismatch", `${phases} phases do not divide the channels of ${formatShape(x.shape)}`);
  }
  return reshape(transpose(x, [0, 2, 3, 1]), [batchSize, multiplyDimension(places, phases), numChannels]);
}

export interface PlanarConvOptions {
  readonly dilation?: number;
  /** Multiplies the weights, and not the bias: what the input would have been multiplied by. Default 1. */
  readonly inputScale?: number;
  /** Samples that lie side by side in the input. Default 1. */
  readonly phases?: number;
  /** Samples that lie side by side in the result, a multiple of `phases` that divides T. Default `phases`. */
  readonly resultPhases?: number;
}

/**
 * Convolves with zeros beyond the ends: as many samples come out as go in.
 *
 * With several phases one kernel holds the given one once for each phase of the result, each a sample further on; where
 * they do not overlap it holds zeros.
 *
 * Shapes   x [B, phases * I, 1, T / phases], weight [O, I, k] with k odd;
 *          result [B, resultPhases * O, 1, T / resultPhases]
 * @throws {GraphError} `unsupported-op` for a kernel of even size; `shape-mismatch`
 */
export function planarConv(x: Operand, weights: ConvWeights, options: PlanarConvOptions = {}): Operand {
  const { dilation = 1, inputScale = 1, phases = 1, resultPhases = phases } = options;
  const { graph } = x;
  const [numOutputs = 0, numInputs = 0, kernelSize = 0] = weights.weight.shape;
  checkPlanes(x, phases * numInputs);
  if (kernelSize % 2 === 0) {
    throw graph.error("unsupported-op", `a convolution to both sides expected an odd kernel, got ${kernelSize}`);
  }
  const stride = resultPhases / phases;
  const edge = ((kernelSize - 1) * dilation) / 2;
  const back = Math.ceil(edge / phases);
  const ahead = Math.floor((resultPhases - 1 + edge) / phases);
  // The taps of one phase lie on a grid that the runtime knows; those of several do not.
  const spacing = resultPhases === 1 ? dilation : 1;
  const numTaps = (back + ahead) / spacing + 1;
  const layout: PhaseLayout = { phases, resultPhases, dilation, spacing, numTaps, begin: back * phases - edge };
  const weight = graph.constant("weight", [resultPhases * numOutputs, phases * numInputs, 1, numTaps], (into) =>
    writePhases(weights.weight, into, inputScale, layout),
  );
  const sizes = { edges: [back, ahead - stride + 1] as const, dilation: spacing, stride };
  return convolve(x, weight, repeatedBias(x, weights, resultPhases), sizes);
}

interface PhaseLayout {
  readonly phases: number;
  readonly resultPhases: number;
  readonly dilation: number;
  /** Places from one tap that is written to the next. */
  readonly spacing: number;
  readonly numTaps: number;
  /** Which of the samples that the result meets is the first of phase 0. */
  readonly begin: number;
}

/** Puts a kernel [O, I, k] where each phase of the result meets its samples. */
function writePhases(weight: ConvWeights["weight"], into: Float32Array, scale: number, layout: PhaseLayout): void {
  // Read once: a file's tensor is converted each time.
  const { shape, data } = weight;
  const [numOutputs = 0, numInputs = 0, kernelSize = 0] = shape;
  const { phases, resultPhases, dilation, spacing, numTaps, begin } = layout;
  for (let phase = 0; phase < resultPhases; phase++) {
    const targets = Array.from({ length: kernelSize }, (_, tap) => {
      const sample = begin + phase + tap * dilation;
      return (sample % phases) * numInputs * numTaps + Math.floor(sample / phases) / spacing;
    });
    for (let output = 0, at = 0; output < numOutputs; output++) {
      for (let input = 0; input < numInputs; input++) {
        const row = ((phase * numOutputs + output) * phases * numInputs + input) * numTaps;
        for (const target of targets) into[row + target] = scale * (data[at++] as number);
      }
    }
  }
}

/** Samples before and after its own that one depends on. */
export interface Reach {
  readonly back: number;
  readonly ahead: number;
}

/** Reach of a convolution without dilation. */
export function planarReach(kernelSize: number): Reach {
  return { back: (kernelSize - 1) / 2, ahead: (kernelSize - 1) / 2 };
}

interface ConvSizes {
  /** Zeros before the first and behind the last place. */
  readonly edges: readonly [number, number];
  readonly dilation?: number;
  readonly stride?: number;
  /** Groups of channels that do not meet each other, default 1. */
  readonly numGroups?: number;
}

/**
 * The runtime's own convolution.
 *
 * Shapes   x [B, I, 1, T], weight [O, I / numGroups, 1, k], bias none or one [O]
 * @throws {GraphError} `shape-mismatch` when the stride does not divide what it strides over
 */
export function convolve(x: Operand, weight: Operand, bias: readonly Operand[], sizes: ConvSizes): Operand {
  const { edges, dilation = 1, stride = 1, numGroups = 1 } = sizes;
  const [batchSize = 1, , , places = 1] = x.shape;
  const [numOutputs = 1, , , kernelSize = 1] = weight.shape.map(Number);
  const numSteps = shiftDimension(places, edges[0] + edges[1] - (kernelSize - 1) * dilation - 1 + stride);
  const numResults = divideDimension(numSteps, stride);
  if (numResults === undefined) {
    throw x.graph.error("shape-mismatch", `stride ${stride} does not divide ${formatShape([numSteps])} places`);
  }
  return x.graph.node("Conv", [x, weight, ...bias], [batchSize, numOutputs, 1, numResults], {
    kernel_shape: [1, kernelSize],
    dilations: [1, dilation],
    strides: [1, stride],
    pads: [0, edges[0], 0, edges[1]],
    group: numGroups,
  });
}

/** The bias, `repeats` times; none when there is none. */
export function repeatedBias({ graph }: Operand, { bias }: ConvWeights, repeats: number): Operand[] {
  if (bias === undefined) return [];
  const [channels = 0] = bias.shape;
  const write = (into: Float32Array): void => {
    for (let begin = 0; begin < into.length; begin += channels) into.set(bias.data, begin);
  };
  return [graph.constant("bias", [channels * repeats], write)];
}

/** @throws {GraphError} `shape-mismatch` when `x` is not [B, channels, 1, T] */
export function checkPlanes(x: Operand, channels: number): void {
  if (x.shape.length === 4 && x.shape[1] === channels && x.shape[2] === 1) return;
  const message = `a convolution over planes expected [B, ${channels}, 1, T], got ${formatShape(x.shape)}`;
  throw x.graph.error("shape-mismatch", message);
}
