/**
 * Convolutions that look to both sides of a whole signal and see its mirror images beyond its ends (EnCodec's networks
 * that are not causal), and transposed ones in the same manner.
 *
 * They need to know where the signal ends, so there is no streaming form.
 *
 * Source   Défossez et al. 2022 (EnCodec), section 3.1; padding as in its published code, version 0.1.1
 */
import type { Operand } from "../graph-builder";
import { add } from "../ops/elementwise";
import { matmul } from "../ops/linear";
import { mirroredAround } from "../ops/reflect";
import { pad } from "../ops/shape";
import { affine, type ConvWeights, checkChannels, splitFrames } from "./causal-conv";
import { transposedConvMatrix } from "./conv-matrix";
import { checkReflectConv, type ReflectConvOptions } from "./reflect-conv";
import { tapRows, validConv } from "./valid-conv";

/**
 * Convolves with what lies on both sides of each frame; of an odd number of frames one more lies before it.
 *
 * Shapes   x [B, F * stride, I], weight [O, I, k]; result [B, F, O]. When the network runs, the signal may have any number
 *          of frames: `ceil(frames / stride)` come out.
 * @throws {GraphError} `unsupported-op` in the streaming form, and as `reflectConv`; `shape-mismatch`
 */
export function mirroredConv(x: Operand, weights: ConvWeights, options: ReflectConvOptions = {}): Operand {
  const { stride = 1, dilation = 1 } = options;
  const [, numInputs = 0, kernelSize = 0] = weights.weight.shape;
  checkChannels(x, numInputs, weights.weight);
  checkReflectConv(x, kernelSize, options);
  if (x.graph.form === "streaming") {
    throw x.graph.error(
      "unsupported-op",
      "a convolution to both sides expected the offline form, got the streaming one",
    );
  }
  if (kernelSize === 1) return affine(x, weights, {});
  const total = (kernelSize - 1) * dilation + 1 - stride;
  const behind = Math.floor(total / 2);
  const extended = mirroredAround(x, total - behind, behind, stride);
  return validConv(extended, weights, options);
}

/**
 * Transposed convolution with all that overlap-add gives, also behind the last frame.
 *
 * Shapes   x [B, F, I], weight [I, O, taps * stride]; result [B, (F + taps - 1) * stride, O]
 * @throws {GraphError} `unsupported-op` when the kernel is no multiple of the stride; `shape-mismatch`
 */
export function fullTransposedConv(x: Operand, { weight, bias }: Required<ConvWeights>, stride: number): Operand {
  const { graph } = x;
  const [numInputs = 0, , kernelSize = 0] = weight.shape;
  checkChannels(x, numInputs, weight);
  const taps = kernelSize / stride;
  if (!Number.isInteger(taps)) {
    throw graph.error("unsupported-op", `stride ${stride} expected a kernel of a multiple of it, got ${kernelSize}`);
  }
  const rows = tapRows(pad(x, 1, taps - 1, taps - 1), taps, 1);
  const matrix = transposedConvMatrix(weight, stride);
  const product = matmul(rows, graph.constant("weight", matrix.shape, matrix.write));
  return add(splitFrames(product, stride), graph.constant("bias", bias.shape, bias.data));
}
