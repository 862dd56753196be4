/**
 * Causal convolutions over frames [B, F, C], forwards and transposed, as matrix products.
 *
 * Strided: F frames in, F / stride out, kernel right-aligned with each block of `stride` frames, which is a left padding
 * of (k - 1) * dilation + 1 - stride zeros. Transposed: F in, stride * F out.
 */
import { divideDimension, formatShape, multiplyDimension } from "../dimension";
import type { Operand } from "../graph-builder";
import { add } from "../ops/elementwise";
import { matmul } from "../ops/linear";
import { concat, reshape, trim } from "../ops/shape";
import {
  type ConvMatrixOptions,
  convBias,
  convMatrix,
  numTaps,
  transposedConvMatrix,
  type Weights,
} from "./conv-matrix";
import { leftContext } from "./left-context";

/** Weights of one convolution, in PyTorch's layout. */
export interface ConvWeights {
  /** [O, I, k]; [I, O, k] for a transposed convolution. */
  readonly weight: Weights;
  /** [O] */
  readonly bias?: Weights;
}

export interface CausalConvOptions {
  readonly stride?: number;
  readonly dilation?: number;
  /** A gain per output channel [O], folded into the weights. */
  readonly gain?: Weights;
}

/**
 * Convolves with what lies before each frame.
 *
 * Shapes   x [B, F * stride, I], weight [O, I, k]; result [B, F, O]
 * @throws {GraphError} `unsupported-op` for a stride together with a dilation; `shape-mismatch`
 */
export function causalConv(x: Operand, weights: ConvWeights, options: CausalConvOptions = {}): Operand {
  const { stride = 1, dilation = 1, gain } = options;
  const [, numInputs = 0, kernelSize = 0] = weights.weight.shape;
  checkChannels(x, numInputs, weights.weight);
  if (stride > 1 && dilation > 1) {
    throw x.graph.error("unsupported-op", `a convolution with stride ${stride} expected dilation 1, got ${dilation}`);
  }
  const rows = stackRows(groupFrames(x, stride), numTaps(kernelSize, stride), dilation);
  return affine(rows, weights, { stride, gain });
}

/**
 * Raises the frame rate: a causal convolution to `factor` times the channels, which are frames of the result.
 *
 * Shapes   x [B, F, I], weight [O * factor, I, k] with output channel = channel * factor + phase; result [B, F * factor, O]
 */
export function upsampleConv(x: Operand, weights: ConvWeights, factor: number): Operand {
  const [, numInputs = 0, kernelSize = 0] = weights.weight.shape;
  checkChannels(x, numInputs, weights.weight);
  const phases = affine(stackRows(x, kernelSize, 1), weights, { phases: factor });
  return splitFrames(phases, factor);
}

/**
 * Transposed convolution with overlap-add: sample n of the result is complete, since nothing after frame n / stride
 * reaches it. What the last frames would add behind the end is left out, and is what a further frame of zeros gives.
 *
 * Shapes   x [B, F, I], weight [I, O, taps * stride]; result [B, F * stride, O]
 * @throws {GraphError} `unsupported-op` when the kernel is no multiple of the stride; `shape-mismatch`
 */
export function transposedConv(x: Operand, weight: Weights, stride: number): Operand {
  const [numInputs = 0, , kernelSize = 0] = weight.shape;
  checkChannels(x, numInputs, weight);
  if (kernelSize % stride !== 0) {
    throw x.graph.error(
      "unsupported-op",
      `a transposed convolution with stride ${stride} expected a kernel of a multiple of it, got ${kernelSize}`,
    );
  }
  const rows = stackRows(x, kernelSize / stride, 1);
  const matrix = transposedConvMatrix(weight, stride);
  return splitFrames(matmul(rows, x.graph.constant("weight", matrix.shape, matrix.write)), stride);
}

/**
 * Side by side in one row: a frame and the `taps - 1` frames before it, `dilation` apart, oldest first.
 *
 * Shapes   x [B, F, C]; result [B, F, taps * C]
 * @throws {GraphError} `shape-mismatch` in the streaming form, when C is not known
 */
export function stackRows(x: Operand, taps: number, dilation: number): Operand {
  const span = (taps - 1) * dilation;
  const joined = leftContext(x, span);
  const shifted = Array.from({ length: taps - 1 }, (_, tap) => trim(joined, 1, tap * dilation, span - tap * dilation));
  const [oldest = x, ...others] = shifted;
  return taps === 1 ? x : concat([oldest, ...others, x], 2);
}

/** The product of stacked rows with a kernel's matrix, and the bias. */
export function affine(rows: Operand, { weight, bias }: ConvWeights, options: ConvMatrixOptions): Operand {
  const { graph } = rows;
  const matrix = convMatrix(weight, options);
  const product = matmul(rows, graph.constant("weight", matrix.shape, matrix.write));
  if (bias === undefined) return product;
  const offsets = convBias(bias, options);
  return add(product, graph.constant("bias", offsets.shape, offsets.write));
}

/** [B, F * n, C] -> [B, F, n * C]: the same memory. */
export function groupFrames(x: Operand, n: number): Operand {
  const [batchSize = 1, frames = 1, channels = 1] = x.shape;
  const groups = divideDimension(frames, n);
  if (n === 1) return x;
  if (groups === undefined) {
    throw x.graph.error(
      "shape-mismatch",
      `stride ${n} expected a multiple of ${n} frames, got ${formatShape(x.shape)}`,
    );
  }
  return reshape(x, [batchSize, groups, multiplyDimension(channels, n)]);
}

/** [B, F, n * C] -> [B, F * n, C]: the same memory. */
export function splitFrames(x: Operand, n: number): Operand {
  const [batchSize = 1, frames = 1, width = 1] = x.shape;
  const channels = divideDimension(width, n);
  if (channels === undefined) {
    throw x.graph.error(
      "shape-mismatch",
      `upsampling by ${n} expected a multiple of ${n} channels, got ${formatShape(x.shape)}`,
    );
  }
  return reshape(x, [batchSize, multiplyDimension(frames, n), channels]);
}

/** @throws {GraphError} `shape-mismatch` when `x` is not [B, F, numInputs] */
export function checkChannels(x: Operand, numInputs: number, weight: Weights): void {
  if (x.shape.length !== 3 || x.shape[2] !== numInputs) {
    throw x.graph.error(
      "shape-mismatch",
      `a convolution with weights ${formatShape(weight.shape)} expected [B, F, ${numInputs}], got ${formatShape(x.shape)}`,
    );
  }
}
