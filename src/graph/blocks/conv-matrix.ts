/**
 * Convolution kernels [O, I, k] as the matrices that the networks multiply with, frames as rows.
 *
 * Frames lie in memory as [F, C], so `stride` neighbouring frames are one longer row, for free, and a convolution is the
 * product of rows (several taps side by side) with a constant matrix. The runtime packs such a matrix once. Measured
 * against 1-D Conv nodes in docs/decisions/0011-channels-last.md.
 */

/** Numbers with a shape, as a state dict has them. `data` may be converted when it is read: read it once. */
export interface Weights {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** A constant that is laid out when the model is written, straight from the state dict's numbers. */
export interface WeightLayout {
  readonly shape: readonly number[];
  /** Writes the numbers into `into`, which is all zeros. */
  readonly write: (into: Float32Array) => void;
}

/** How the columns of the matrix come from the kernel's output channels. */
export interface ConvMatrixOptions {
  /** Frames that one row of the product takes in; the kernel gets leading zero taps up to a multiple of it. */
  readonly stride?: number;
  /** Multiplies each output channel [O]. */
  readonly gain?: Weights | undefined;
  /** Output channels come in groups of this many phases, channel * phases + phase; columns are put phase by phase. */
  readonly phases?: number;
}

/** Number of row blocks of `stride` frames that a kernel spans. */
export function numTaps(kernelSize: number, stride: number): number {
  return Math.ceil(kernelSize / stride);
}

/**
 * Lays out a kernel as a matrix.
 *
 * Shapes   kernel [O, I, k]; result [taps * stride * I, O]: row (tap, frame in the tap, input channel), oldest first
 */
export function convMatrix(weight: Weights, options: ConvMatrixOptions = {}): WeightLayout {
  const [numOutputs = 0, numInputs = 0, kernelSize = 0] = weight.shape;
  const { stride = 1, gain, phases = 1 } = options;
  const numRows = numTaps(kernelSize, stride) * stride * numInputs;
  return {
    shape: [numRows, numOutputs],
    write(into) {
      const channels = numOutputs / phases;
      permute(weight.data, into, gain?.data, {
        sizes: [channels, phases, numInputs, kernelSize],
        strides: [1, channels, numOutputs, numInputs * numOutputs],
        offset: (numRows - kernelSize * numInputs) * numOutputs,
      });
    },
  };
}

/**
 * Lays out a kernel as a matrix that gives each tap's product by itself.
 *
 * Shapes   kernel [O, I, k]; result [I, k * O]: column (tap, output channel), oldest first
 */
export function tapMatrix(weight: Weights): WeightLayout {
  const [numOutputs = 0, numInputs = 0, kernelSize = 0] = weight.shape;
  const numColumns = kernelSize * numOutputs;
  return {
    shape: [numInputs, numColumns],
    write(into) {
      permute(weight.data, into, undefined, {
        sizes: [numOutputs, 1, numInputs, kernelSize],
        strides: [1, 0, numColumns, numOutputs],
        offset: 0,
      });
    },
  };
}

/** Puts a bias [O] in the order, and under the gain, of the matrix's columns. */
export function convBias(bias: Weights, options: ConvMatrixOptions = {}): WeightLayout {
  const [numOutputs = 0] = bias.shape;
  const { gain, phases = 1 } = options;
  return {
    shape: [numOutputs],
    write(into) {
      const channels = numOutputs / phases;
      permute(bias.data, into, gain?.data, {
        sizes: [channels, phases, 1, 1],
        strides: [1, channels, 0, 0],
        offset: 0,
      });
    },
  };
}

/**
 * Lays out the kernel of a transposed convolution as the matrix of a plain one that gives `stride` samples a row.
 * Sample n of the overlap-added output lies in row f = floor(n / stride), which is the sum over taps t of x[f - t] times
 * the t-th `stride` of the kernel.
 *
 * Shapes   kernel [I, O, taps * stride]; result [taps * I, stride * O], oldest row first
 */
export function transposedConvMatrix(weight: Weights, stride: number): WeightLayout {
  const [numInputs = 0, numOutputs = 0, kernelSize = 0] = weight.shape;
  const taps = kernelSize / stride;
  const numColumns = stride * numOutputs;
  return {
    shape: [taps * numInputs, numColumns],
    write(into) {
      permute(weight.data, into, undefined, {
        sizes: [numInputs, numOutputs, taps, stride],
        strides: [numColumns, 1, -numInputs * numColumns, numOutputs],
        offset: (taps - 1) * numInputs * numColumns,
      });
    },
  };
}

/** Where the numbers of a tensor with four axes go: the step of each axis in the target, and the place of the first. */
interface Permutation {
  readonly sizes: readonly [number, number, number, number];
  readonly strides: readonly [number, number, number, number];
  readonly offset: number;
}

/**
 * Copies numbers in row-major order to their places, each times the gain of its first two axes.
 *
 * One loop for every layout, because weights are laid out in the first second of a process: a loop of its own for each
 * would run through the interpreter each time (400 ns a number instead of 4; Node 20, EPYC, November 2026).
 */
function permute(
  from: Float32Array,
  into: Float32Array,
  gains: Float32Array | undefined,
  { sizes, strides, offset }: Permutation,
): void {
  const [size0, size1, size2, size3] = sizes;
  const [stride0, stride1, stride2, stride3] = strides;
  let at = 0;
  for (let outer = 0; outer < size0 * size1; outer++) {
    const scale = gains?.[outer] ?? 1;
    const start = offset + Math.floor(outer / size1) * stride0 + (outer % size1) * stride1;
    for (let index2 = 0; index2 < size2; index2++) {
      let to = start + index2 * stride2;
      for (let index3 = 0; index3 < size3; index3++) {
        into[to] = scale * (from[at++] as number);
        to += stride3;
      }
    }
  }
}
