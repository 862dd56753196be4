/**
 * Convolutions over frames that have their surroundings beside them already: [B, span + F, C] in, F frames out, where
 * `span` is what the kernel reaches over. Whatever lies there (zeros, a state, mirror images) was put there before.
 */
import { multiplyDimension, shiftDimension } from "../dimension";
import type { Operand } from "../graph-builder";
import { add } from "../ops/elementwise";
import { affineRows, matmul } from "../ops/linear";
import { concat, reshape, trim } from "../ops/shape";
import { type ConvWeights, groupFrames } from "./causal-conv";
import { convMatrix, tapMatrix, type Weights } from "./conv-matrix";

export interface ValidConvOptions {
  /** Divides the kernel. */
  readonly stride?: number;
  readonly dilation?: number;
}

/**
 * Convolves without padding.
 *
 * Shapes   x [B, span + F * stride, I], weight [O, I, k], span = (k - 1) * dilation + 1 - stride; result [B, F, O]
 */
export function validConv(x: Operand, weights: ConvWeights, { stride = 1, dilation = 1 }: ValidConvOptions): Operand {
  const [numOutputs = 0, numInputs = 0, kernelSize = 0] = weights.weight.shape;
  if (stride === 1 && numOutputs * kernelSize <= numInputs) return sumOfTaps(x, weights, dilation);
  const rows = tapRows(groupFrames(x, stride), kernelSize / stride, dilation);
  const { weight, bias } = weights;
  const matrix = convMatrix(weight, { stride });
  const kernel = x.graph.constant("weight", matrix.shape, matrix.write);
  return bias === undefined ? matmul(rows, kernel) : affineRows(rows, kernel, biasOf(x, bias));
}

function biasOf({ graph }: Operand, { shape, data }: Weights): Operand {
  return graph.constant("bias", shape, data);
}

/**
 * Side by side in one row: `taps` frames, `dilation` apart, oldest first. [B, span + F, C] -> [B, F, taps * C].
 *
 * One Gather copies the frames in the order in which they are written. Slices that are then joined copy all of it twice,
 * and the joining writes with gaps: three taps of [8000, 64] take 0.4 ms and not 1.3 ms. Single numbers are the other way
 * round (Node 20, EPYC, November 2026).
 */
export function tapRows(x: Operand, taps: number, dilation: number): Operand {
  const { graph } = x;
  const [batchSize = 1, numRows = 1, channels = 1] = x.shape;
  const span = (taps - 1) * dilation;
  if (channels === 1) {
    const tap = (index: number): Operand => trim(x, 1, index * dilation, span - index * dilation);
    return concat([tap(0), ...Array.from({ length: taps - 1 }, (_, index) => tap(index + 1))], 2);
  }
  const numFrames = shiftDimension(numRows, -span);
  const scalar = (vector: Operand): Operand => graph.node("Squeeze", [vector, graph.integers([0])], []);
  const length = graph.node("Shape", [x], [1], { start: 1, end: 2 });
  const end = graph.node("Sub", [length, graph.integers([span])], [1]);
  const frames = graph.node("Range", [graph.integers([0]), end, graph.integers([1])].map(scalar), [numFrames]);
  const oldest = graph.node("Unsqueeze", [frames, graph.integers([1])], [numFrames, 1]);
  const offsets = graph.integers(Array.from({ length: taps }, (_, index) => index * dilation));
  const places = graph.node("Add", [oldest, offsets], [numFrames, taps]);
  const rows = graph.node("Gather", [x, places], [batchSize, numFrames, taps, channels], { axis: 1 });
  return reshape(rows, [batchSize, numFrames, multiplyDimension(channels, taps)]);
}

/** For few outputs: each frame's products with all taps are fewer numbers than the frames side by side would be. */
function sumOfTaps(x: Operand, { weight, bias }: ConvWeights, dilation: number): Operand {
  const { graph } = x;
  const [numOutputs = 0, , kernelSize = 0] = weight.shape;
  const span = (kernelSize - 1) * dilation;
  const matrix = tapMatrix(weight);
  const products = matmul(x, graph.constant("weight", matrix.shape, matrix.write));
  const parts = Array.from({ length: kernelSize }, (_, tap) => {
    const part = trim(products, 2, tap * numOutputs, (kernelSize - 1 - tap) * numOutputs);
    return trim(part, 1, tap * dilation, span - tap * dilation);
  });
  const sum = parts.reduce(add);
  return bias === undefined ? sum : add(sum, biasOf(x, bias));
}
