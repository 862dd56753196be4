/**
 * Convolutions over frames [B, F, C] that look to both sides of each frame, with zeros beyond the ends: as many frames
 * come out as go in. For networks that see a signal whole, or in windows that overlap by what they look to.
 */
import type { Operand } from "../graph-builder";
import { add, multiply } from "../ops/elementwise";
import { concat, pad, trim } from "../ops/shape";
import { affine, type ConvWeights, checkChannels } from "./causal-conv";

export interface SameConvOptions {
  readonly dilation?: number;
}

/**
 * Convolves with the frames around each frame. A kernel of even size looks one frame further ahead than back.
 *
 * Shapes   x [B, F, I], weight [O, I, k]; result [B, F, O]
 * @throws {GraphError} `shape-mismatch`
 */
export function sameConv(x: Operand, weights: ConvWeights, { dilation = 1 }: SameConvOptions = {}): Operand {
  const [, numInputs = 0, kernelSize = 0] = weights.weight.shape;
  checkChannels(x, numInputs, weights.weight);
  return affine(stackTaps(padSame(x, kernelSize, dilation), kernelSize, dilation), weights, {});
}

/**
 * Convolves every channel by itself.
 *
 * Shapes   x [B, F, C], weight [C, 1, k], bias [C]; result [B, F, C]
 * @throws {GraphError} `shape-mismatch`
 */
export function depthwiseSameConv(
  x: Operand,
  weights: Required<ConvWeights>,
  { dilation = 1 }: SameConvOptions = {},
): Operand {
  const [, , kernelSize = 0] = weights.weight.shape;
  return depthwiseTaps(padSame(x, kernelSize, dilation), weights, dilation);
}

/**
 * Side by side in one row: the frames that a kernel meets, oldest first.
 *
 * Shapes   joined [B, span + F, C] with span = (kernelSize - 1) * dilation; result [B, F, kernelSize * C]
 */
export function stackTaps(joined: Operand, kernelSize: number, dilation = 1): Operand {
  const [first = joined, ...others] = shiftedFrames(joined, kernelSize, dilation);
  return concat([first, ...others], 2);
}

/**
 * Convolves every channel by itself, over frames that have what lies around them beside them already.
 *
 * Shapes   joined [B, span + F, C] with span = (k - 1) * dilation, weight [C, 1, k], bias [C]; result [B, F, C]
 * @throws {GraphError} `shape-mismatch`
 */
export function depthwiseTaps(joined: Operand, { weight, bias }: Required<ConvWeights>, dilation = 1): Operand {
  const { graph } = joined;
  const [channels = 0, , kernelSize = 0] = weight.shape;
  checkChannels(joined, channels, weight);
  const offset = graph.constant("bias", [channels], bias.data);
  return shiftedFrames(joined, kernelSize, dilation).reduce((sum, frames, tap) => {
    const gain = graph.constant(`weight.${tap}`, [channels], (into) => {
      const { data } = weight;
      for (let channel = 0; channel < channels; channel++) into[channel] = data[channel * kernelSize + tap] as number;
    });
    const product = multiply(frames, gain);
    return tap === 0 ? add(product, offset) : add(sum, product);
  }, joined);
}

/** Zeros at both ends, as many as a kernel looks beyond them. */
function padSame(x: Operand, kernelSize: number, dilation: number): Operand {
  const before = Math.floor((kernelSize - 1) / 2) * dilation;
  return pad(x, 1, before, (kernelSize - 1) * dilation - before);
}

/** The frames that each tap of a kernel meets, first tap first: [B, F, C] each. */
function shiftedFrames(joined: Operand, kernelSize: number, dilation: number): Operand[] {
  const span = (kernelSize - 1) * dilation;
  return Array.from({ length: kernelSize }, (_, tap) => trim(joined, 1, tap * dilation, span - tap * dilation));
}
