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
  const [first = x, ...others] = shiftedFrames(x, kernelSize, dilation);
  return affine(concat([first, ...others], 2), weights, {});
}

/**
 * Convolves every channel by itself.
 *
 * Shapes   x [B, F, C], weight [C, 1, k], bias [C]; result [B, F, C]
 * @throws {GraphError} `shape-mismatch`
 */
export function depthwiseSameConv(
  x: Operand,
  { weight, bias }: Required<ConvWeights>,
  { dilation = 1 }: SameConvOptions = {},
): Operand {
  const { graph } = x;
  const [channels = 0, , kernelSize = 0] = weight.shape;
  checkChannels(x, channels, weight);
  const offset = graph.constant("bias", [channels], bias.data);
  return shiftedFrames(x, kernelSize, dilation).reduce((sum, frames, tap) => {
    const gain = graph.constant(`weight.${tap}`, [channels], (into) => {
      const { data } = weight;
      for (let channel = 0; channel < channels; channel++) into[channel] = data[channel * kernelSize + tap] as number;
    });
    const product = multiply(frames, gain);
    return tap === 0 ? add(product, offset) : add(sum, product);
  }, x);
}

/** The frames that each tap of a kernel meets, first tap first: [B, F, C] each. */
function shiftedFrames(x: Operand, kernelSize: number, dilation: number): Operand[] {
  const span = (kernelSize - 1) * dilation;
  const before = Math.floor((kernelSize - 1) / 2) * dilation;
  const padded = pad(x, 1, before, span - before);
  return Array.from({ length: kernelSize }, (_, tap) => trim(padded, 1, tap * dilation, span - tap * dilation));
}
