/**
 * Convolutions that look to both sides, over planes [B, C, 1, T]: each channel's samples lie together.
 *
 * Wide dilated kernels over few channels are where the matrix form of causal-conv.ts and same-conv.ts spends its time on
 * putting taps side by side. As a 2-D Conv of height 1 the runtime runs them in a blocked layout with kernels of its own,
 * at twice the speed or more (docs/decisions/0100-planar-convolutions.md); the numbers of a sample do not depend on how
 * many samples a call has.
 */
import { formatShape, multiplyDimension } from "../dimension";
import type { Operand } from "../graph-builder";
import { reshape, transpose } from "../ops/shape";
import type { ConvWeights } from "./causal-conv";

/** [B, T, C] -> [B, C, 1, T]. */
export function toPlanes(x: Operand): Operand {
  const [batchSize = 1, samples = 1, channels = 1] = x.shape;
  return transpose(reshape(x, [batchSize, samples, channels, 1]), [0, 2, 3, 1]);
}

/** [B, C, 1, T] -> [B, T, C]. */
export function fromPlanes(x: Operand): Operand {
  const [batchSize = 1, channels = 1, , samples = 1] = x.shape;
  return reshape(transpose(x, [0, 3, 1, 2]), [batchSize, samples, channels]);
}

export interface PlanarConvOptions {
  readonly dilation?: number;
  /** Multiplies the weights, and not the bias: what the input would have been multiplied by. Default 1. */
  readonly inputScale?: number;
}

/**
 * Convolves with zeros beyond the ends: as many samples come out as go in.
 *
 * Shapes   x [B, I, 1, T], weight [O, I, k] with k odd; result [B, O, 1, T]
 * @throws {GraphError} `unsupported-op` for a kernel of even size; `shape-mismatch`
 */
export function planarConv(x: Operand, weights: ConvWeights, options: PlanarConvOptions = {}): Operand {
  const { dilation = 1, inputScale = 1 } = options;
  const { graph } = x;
  const [numOutputs = 0, numInputs = 0, kernelSize = 0] = weights.weight.shape;
  checkPlanes(x, numInputs);
  if (kernelSize % 2 === 0) {
    throw graph.error("unsupported-op", `a convolution to both sides expected an odd kernel, got ${kernelSize}`);
  }
  const { data } = weights.weight;
  const weight = graph.constant("weight", [numOutputs, numInputs, 1, kernelSize], (into) =>
    writeScaled(data, into, inputScale),
  );
  const edge = ((kernelSize - 1) * dilation) / 2;
  return conv(x, [weight, ...biasOf(x, weights, 1)], numOutputs, { edges: [edge, edge], kernelSize, dilation });
}

export interface PlanarTransposedConvOptions {
  readonly stride: number;
  /** Samples cut off at each end of the overlap-added result. */
  readonly padding: number;
  /** As in `PlanarConvOptions`. */
  readonly inputScale?: number;
}

/**
 * Transposed convolution, `stride` samples for each that goes in.
 *
 * Each output sample is a sum over few input samples; the `stride` samples that one input place becomes are channels of
 * an ordinary convolution, laid out afterwards.
 *
 * Shapes   x [B, I, 1, T], weight [I, O, k] with k - 2 * padding = stride; result [B, O, 1, T * stride]
 * @throws {GraphError} `unsupported-op` when kernel, stride and padding give another number of samples;
 *   `shape-mismatch`
 */
export function planarTransposedConv(x: Operand, weights: ConvWeights, options: PlanarTransposedConvOptions): Operand {
  const { stride, padding, inputScale = 1 } = options;
  const { graph } = x;
  const [numInputs = 0, numOutputs = 0, kernelSize = 0] = weights.weight.shape;
  checkPlanes(x, numInputs);
  if (kernelSize - 2 * padding !== stride) {
    const got = `kernel ${kernelSize} and padding ${padding}`;
    throw graph.error("unsupported-op", `stride ${stride} expected a kernel of stride + 2 * padding, got ${got}`);
  }
  const { back, ahead } = transposedReach(kernelSize, stride, { back: 0, ahead: 0 });
  const numTaps = back + 1 + ahead;
  const { data } = weights.weight;
  const weight = graph.constant("weight", [numOutputs * stride, numInputs, 1, numTaps], (into) => {
    for (let input = 0, at = 0; input < numInputs; input++) {
      for (let output = 0; output < numOutputs; output++) {
        for (let place = 0; place < kernelSize; place++, at++) {
          // The sample `place - padding` behind the input's own: so many strides on, in this phase.
          const phase = (((place - padding) % stride) + stride) % stride;
          const tap = back - (place - padding - phase) / stride;
          into[((output * stride + phase) * numInputs + input) * numTaps + tap] = inputScale * (data[at] as number);
        }
      }
    }
  });
  const constants = [weight, ...biasOf(x, weights, stride)];
  const phases = conv(x, constants, numOutputs * stride, { edges: [back, ahead], kernelSize: numTaps, dilation: 1 });
  const [batchSize = 1, , , samples = 1] = phases.shape;
  const split = transpose(reshape(phases, [batchSize, numOutputs, stride, samples]), [0, 1, 3, 2]);
  return reshape(split, [batchSize, numOutputs, 1, multiplyDimension(samples, stride)]);
}

/** Samples before and after its own that one depends on. */
export interface Reach {
  readonly back: number;
  readonly ahead: number;
}

/**
 * Reach through a transposed convolution with kernel = stride + 2 * padding.
 *
 * @param reach  of what stands behind it, in samples of its result
 * @returns reach in samples that go in, from the one that a block of `stride` results belongs to
 */
export function transposedReach(kernelSize: number, stride: number, reach: Reach): Reach {
  const padding = (kernelSize - stride) / 2;
  return {
    back: Math.floor((reach.back + kernelSize - 1 - padding) / stride),
    ahead: Math.floor((reach.ahead + stride - 1 + padding) / stride),
  };
}

interface ConvSizes {
  /** Zeros before the first and behind the last sample. */
  readonly edges: readonly [number, number];
  readonly kernelSize: number;
  readonly dilation: number;
}

function conv(x: Operand, constants: readonly Operand[], channels: number, sizes: ConvSizes): Operand {
  const [batchSize = 1, , , samples = 1] = x.shape;
  const [before, behind] = sizes.edges;
  return x.graph.node("Conv", [x, ...constants], [batchSize, channels, 1, samples], {
    kernel_shape: [1, sizes.kernelSize],
    dilations: [1, sizes.dilation],
    pads: [0, before, 0, behind],
  });
}

/** The bias, each number `repeats` times; none when there is none. */
function biasOf({ graph }: Operand, { bias }: ConvWeights, repeats: number): Operand[] {
  if (bias === undefined) return [];
  const [channels = 0] = bias.shape;
  const write = (into: Float32Array): void => {
    const { data } = bias;
    for (let at = 0; at < into.length; at++) into[at] = data[Math.floor(at / repeats)] as number;
  };
  return [graph.constant("bias", [channels * repeats], write)];
}

function writeScaled(from: Float32Array, into: Float32Array, scale: number): void {
  for (let at = 0; at < into.length; at++) into[at] = scale * (from[at] as number);
}

function checkPlanes(x: Operand, channels: number): void {
  if (x.shape.length === 4 && x.shape[1] === channels && x.shape[2] === 1) return;
  const message = `a convolution over planes expected [B, ${channels}, 1, T], got ${formatShape(x.shape)}`;
  throw x.graph.error("shape-mismatch", message);
}
