/**
 * Keeping planes [B, C, 1, T] in the blocked layout that a runtime's convolutions have.
 *
 * ONNX Runtime changes over to it where a convolution asks for it, and back where another op meets an operand that is not
 * in it. Between two convolutions of a residual block stand an activation and an addition: left alone, each of them costs
 * a way back and forth. In the blocked layout the addition happens inside the convolution before it.
 */
import type { Operand } from "../graph-builder";
import { leakyRelu } from "../ops/activation";

/** Channels of a block, or a multiple of them: runtimes take 8 with AVX2, and 16 with AVX-512 and on ARM. */
export const blockWidth = 16;

/**
 * The same numbers, in the blocked layout from here on: a convolution of each channel by itself, with the weight 1.
 *
 * Shapes   x [B, C, 1, T]; result [B, C, 1, T]. Channels that fill no whole blocks are left as they are.
 */
export function keptInBlocks(x: Operand): Operand {
  const { graph, shape } = x;
  const channels = Number(shape[1]);
  if (channels % blockWidth !== 0) return x;
  const ones = graph.constant("ones", [channels, 1, 1, 1], (into) => into.fill(1));
  return graph.node("Conv", [x, ones], shape, { kernel_shape: [1, 1], group: channels });
}

/**
 * x above zero, slope * x below. Behind a convolution it is part of that; alone the runtime knows no blocked form of it.
 *
 * Shapes   x [B, C, 1, T]; result [B, C, 1, T]
 */
export function blockedLeakyRelu(x: Operand, slope: number): Operand {
  return x.graph.scope("activation", () => leakyRelu(keptInBlocks(x), slope));
}
