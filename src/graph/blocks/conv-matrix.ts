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
  const firstRow = numRows - kernelSize * numInputs;
  const write = (into: Float32Array): void => {
    const { data } = weight;
    const gains = gain?.data;
    for (let output = 0; output < numOutputs; output++) {
      const column = columnOf(output, numOutputs, phases);
      const scale = gains?.[output] ?? 1;
      let from = output * numInputs * kernelSize;
      for (let input = 0; input < numInputs; input++) {
        let to = (firstRow + input) * numOutputs + column;
        for (let tap = 0; tap < kernelSize; tap++) {
          into[to] = scale * (data[from++] as number);
          to += numInputs * numOutputs;
        }
      }
    }
  };
  return { shape: [numRows, numOutputs], write };
}

/** Puts a bias [O] in the order, and under the gain, of the matrix's columns. */
export function convBias(bias: Weights, options: ConvMatrixOptions = {}): WeightLayout {
  const [numOutputs = 0] = bias.shape;
  const { gain, phases = 1 } = options;
  const write = (into: Float32Array): void => {
    const { data } = bias;
    const gains = gain?.data;
    for (let output = 0; output < numOutputs; output++) {
      into[columnOf(output, numOutputs, phases)] = (gains?.[output] ?? 1) * (data[output] as number);
    }
  };
  return { shape: [numOutputs], write };
}

/**
 * Lays out the kernel of a transposed convolution as the matrix of a plain one that gives `stride` samples a row.
 * Sample n of the overlap-added output lies in row f = floor(n / stride), which is the sum over taps t of x[f - t] times
 * the t-th `stride` of the kernel.
 *
 * Shapes   kernel [I, O, k]; result [taps * I, stride * O], oldest row first
 */
export function transposedConvMatrix(weight: Weights, stride: number): WeightLayout {
  const [numInputs = 0, numOutputs = 0, kernelSize = 0] = weight.shape;
  const taps = numTaps(kernelSize, stride);
  const numColumns = stride * numOutputs;
  const write = (into: Float32Array): void => {
    const { data } = weight;
    let from = 0;
    for (let input = 0; input < numInputs; input++) {
      for (let output = 0; output < numOutputs; output++) {
        for (let n = 0; n < kernelSize; n++) {
          const row = (taps - 1 - Math.floor(n / stride)) * numInputs + input;
          into[row * numColumns + (n % stride) * numOutputs + output] = data[from++] as number;
        }
      }
    }
  };
  return { shape: [taps * numInputs, numColumns], write };
}

function columnOf(output: number, numOutputs: number, phases: number): number {
  return (output % phases) * (numOutputs / phases) + Math.floor(output / phases);
}
