/**
 * Convolutions whose sums are made in the order in which XNNPACK makes them: the bias first, then one product after the
 * other, each fused with the sum. The 8-bit layers behind them round, and a number that falls on the other side of a
 * rounding changes tokens. With the order kept a network gives the very bits of its original wherever the runtime's matrix
 * product adds in order too (x86 with FMA), and is within rounding of it elsewhere.
 * docs/decisions/0091-order-of-sums.md has the measurements.
 */
import { groupFrames } from "../../src/graph/blocks/causal-conv";
import { divideDimension, multiplyDimension } from "../../src/graph/dimension";
import type { Operand } from "../../src/graph/graph-builder";
import { matmul } from "../../src/graph/ops/linear";
import { concat, reshape, transpose, trim } from "../../src/graph/ops/shape";

/** A kernel and its bias as TFLite lays them out. */
export interface Kernel {
  /** Outputs, taps, and the inputs that one output sees: [O, k, I]. */
  readonly shape: readonly [number, number, number];
  readonly data: Float32Array;
  /** [O] */
  readonly bias: Float32Array;
}

/** How far apart a convolution's frames and taps are. */
export interface ConvSteps {
  readonly stride: number;
  readonly dilation: number;
}

/**
 * Convolves frames that bring their past along. Where an output sees fewer inputs than there are, the inputs are in
 * groups, and so are the outputs.
 *
 * Shapes   x [B, (k - 1) dilation + 1 - stride + F stride, G I], kernel [O, k, I]; result [B, F, O]
 * @throws {GraphError} when inputs and outputs make no whole groups, or the kernel is no whole number of strides
 */
export function orderedConv(x: Operand, { shape, data, bias }: Kernel, steps: ConvSteps): Operand {
  const [numOutputs, taps, width] = shape;
  const numInputs = x.shape[2] as number;
  const size = (numOutputs * width) / numInputs;
  if (!Number.isInteger(size) || size < 1 || numInputs % width !== 0) {
    throw x.graph.error(
      "shape-mismatch",
      `${numInputs} inputs expected whole groups, got a kernel [${shape.join(", ")}]`,
    );
  }
  const groups: Operand[] = [];
  for (let first = 0; first < numOutputs; first += size) {
    const begin = (first / size) * width;
    const rows = stackTaps(trim(x, 2, begin, numInputs - begin - width), taps, steps);
    const kernel: Kernel = {
      shape: [size, taps, width],
      data: data.subarray(first * taps * width, (first + size) * taps * width),
      bias: bias.subarray(first, first + size),
    };
    groups.push(x.graph.scope(`${groups.length}`, () => orderedProduct(rows, convColumns(kernel))));
  }
  return concat(groups as [Operand, ...Operand[]], 2);
}

/**
 * Convolves each channel with taps of its own. The bias comes last: with the zeros that published networks have there
 * the sum is the same.
 *
 * Shapes   x [B, (k - 1) dilation + F, C], kernel [C, k, 1]; result [B, F, C]
 * @throws {GraphError} when the kernel is for another number of channels
 */
export function depthwiseConv(x: Operand, { shape, data, bias }: Kernel, dilation: number): Operand {
  const { graph } = x;
  const [channels, taps] = shape;
  const [batchSize = 1, frames = 1, width] = x.shape;
  if (width !== channels) throw graph.error("shape-mismatch", `a kernel of ${channels} channels got others`);
  const outputs = trim(x, 1, (taps - 1) * dilation, 0).shape[1] as typeof frames;
  // The runtime has a kernel that adds in order for images alone.
  const image = transpose(reshape(x, [batchSize, 1, frames, channels]), [0, 3, 1, 2]);
  const weight = graph.constant("weight", [channels, 1, 1, taps], data);
  const offsets = graph.constant("bias", [channels], bias);
  const sums = graph.node("Conv", [image, weight, offsets], [batchSize, channels, 1, outputs], {
    group: channels,
    dilations: [1, dilation],
  });
  return reshape(transpose(sums, [0, 2, 3, 1]), [batchSize, outputs, channels]);
}

/**
 * Transposed convolution of every `frameLength` rows by themselves: each gives `kernel - stride` rows more than its
 * share, for the overlap with the rows behind it.
 *
 * Shapes   x [B, F frameLength, I], kernel [O, n stride, I]; result [B, F ((frameLength + n - 1) stride), O]
 * @throws {GraphError} when the kernel is no whole number of strides
 */
export function orderedTransposedConv(x: Operand, kernel: Kernel, stride: number, frameLength: number): Operand {
  const { graph } = x;
  const [numOutputs, kernelSize, numInputs] = kernel.shape;
  const [batchSize = 1, rows = 1] = x.shape;
  const frames = divideDimension(rows, frameLength);
  if (kernelSize % stride !== 0 || frames === undefined) {
    throw graph.error("unsupported-op", `a kernel of ${kernelSize} expected whole strides of ${stride}`);
  }
  const taps = kernelSize / stride;
  const outputRows = multiplyDimension(frames, frameLength + taps - 1);
  const framed = reshape(x, [batchSize, frames, frameLength, numInputs]);
  const pads = graph.integers([0, 0, taps - 1, 0, 0, 0, taps - 1, 0]);
  const padded = graph.node("Pad", [framed, pads], [batchSize, frames, frameLength + 2 * (taps - 1), numInputs]);
  // The newest row comes first in the sum.
  const shifted = Array.from({ length: taps }, (_, tap) => trim(padded, 2, taps - 1 - tap, tap));
  const stacked = reshape(concat(shifted as [Operand, ...Operand[]], 3), [batchSize, outputRows, taps * numInputs]);
  const product = orderedProduct(stacked, transposedColumns(kernel, stride));
  return reshape(product, [batchSize, multiplyDimension(outputRows, stride), numOutputs]);
}

/** Side by side in one row: the frames that the taps of one output see, oldest first. */
function stackTaps(x: Operand, taps: number, { stride, dilation }: ConvSteps): Operand {
  const steps = taps / stride;
  if (!Number.isInteger(steps) || (stride > 1 && dilation > 1)) {
    throw x.graph.error("unsupported-op", `a kernel of ${taps} expected whole strides of ${stride}, not dilated`);
  }
  const groups = groupFrames(x, stride);
  const span = (steps - 1) * dilation;
  const shifted = Array.from({ length: steps }, (_, step) => trim(groups, 1, step * dilation, span - step * dilation));
  return concat(shifted as [Operand, ...Operand[]], 2);
}

/** The columns of a product: column n is bias[n] and then the numbers that the row's are multiplied with. */
interface Columns {
  readonly numRows: number;
  readonly numColumns: number;
  readonly bias: (column: number) => number;
  readonly weight: (row: number, column: number) => number;
}

function convColumns({ shape, data, bias }: Kernel): Columns {
  const [numColumns, taps, width] = shape;
  const numRows = taps * width;
  return {
    numRows,
    numColumns,
    bias: (column) => bias[column] as number,
    weight: (row, column) => data[column * numRows + row] as number,
  };
}

/** Column (phase, output), row (tap from the newest, input). */
function transposedColumns({ shape, data, bias }: Kernel, stride: number): Columns {
  const [numOutputs, kernelSize, numInputs] = shape;
  return {
    numRows: (kernelSize / stride) * numInputs,
    numColumns: stride * numOutputs,
    bias: (column) => bias[column % numOutputs] as number,
    weight(row, column) {
      const [output, phase] = [column % numOutputs, Math.floor(column / numOutputs)];
      const tap = phase + Math.floor(row / numInputs) * stride;
      return data[(output * kernelSize + tap) * numInputs + (row % numInputs)] as number;
    },
  };
}

/** Longest sum that ONNX Runtime makes in order for a constant matrix, and the width for which it makes longer ones so. */
const longestSum = 256;
const narrowWidth = 16;

/**
 * bias + row · column, in order: the bias is a factor of its own, of a one in front of each row.
 *
 * Shapes   rows [B, F, K]; result [B, F, N]
 */
function orderedProduct(rows: Operand, columns: Columns): Operand {
  const { graph } = rows;
  const { numColumns } = columns;
  const [batchSize = 1, frames = 1] = rows.shape;
  const depth = columns.numRows + 1;
  const one = graph.number(1);
  const factors = graph.node("Pad", [rows, graph.integers([0, 0, 1, 0, 0, 0]), one], [batchSize, frames, depth]);
  const isNarrow = depth > longestSum && numColumns % narrowWidth === 0;
  const width = isNarrow ? narrowWidth : numColumns;
  const write = (into: Float32Array): void => {
    for (let column = 0; column < numColumns; column++) {
      const at = Math.floor(column / width) * depth * width + (column % width);
      into[at] = columns.bias(column);
      for (let row = 1; row < depth; row++) into[at + row * width] = columns.weight(row - 1, column);
    }
  };
  if (!isNarrow) return matmul(factors, graph.constant("weight", [depth, numColumns], write));
  const numBlocks = numColumns / width;
  const blocks = graph.constant("weight", [numBlocks, depth, width], write);
  const shared = reshape(factors, [batchSize, 1, frames, depth]);
  const products = graph.node("MatMul", [shared, blocks], [batchSize, numBlocks, frames, width]);
  return reshape(transpose(products, [0, 2, 1, 3]), [batchSize, frames, numColumns]);
}
