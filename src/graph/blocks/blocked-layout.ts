/**
 * Keeping planes [B, C, 1, T] in the blocked layout that a runtime's convolutions have.
 *
 * ONNX Runtime changes over to it where a convolution asks for it, and back where another op meets an operand that is not
 * in it. Between two convolutions of a residual block stand an activation and an addition: left alone, each of them costs
 * a way back and forth. In the blocked layout the addition happens inside the convolution before it.
 */
import type { Operand } from "../graph-builder";
import { leakyRelu } from "../ops/activation";
import { convolve } from "./planar-conv";

/** Channels of a block, or a multiple of them: runtimes take 8 with AVX2, and 16 with AVX-512 and on ARM. */
export const blockWidth = 16;

/**
 * The same numbers, in the blocked layout from here on.
 *
 * Shapes   x [B, C, 1, T]; result [B, C, 1, T]. Channels that fill no whole blocks are left as they are.
 */
export function keptInBlocks(x: Operand): Operand {
  return Number(x.shape[1]) % blockWidth === 0 ? movedInBlocks(x) : x;
}

export interface Move {
  /** Places that one of the result is chosen from, default 1. */
  readonly kernelSize?: number;
  /** Which of them it is, default 0. */
  readonly place?: number;
  /** Zeros before the first and behind the last place, default none. */
  readonly edges?: readonly [number, number];
  readonly stride?: number;
  /** What the numbers are multiplied by, default 1. */
  readonly scale?: number;
}

/**
 * Takes the numbers to other places without leaving the blocked layout: a convolution of each channel by itself, with one
 * weight that is not zero.
 *
 * Shapes   x [B, C, 1, T]; result [B, C, 1, (T + edges - kernelSize) / stride + 1]
 */
export function movedInBlocks(x: Operand, move: Move = {}): Operand {
  const { kernelSize = 1, place = 0, edges = [0, 0], stride = 1, scale = 1 } = move;
  const channels = Number(x.shape[1]);
  const name = `move[${channels},${kernelSize},${place},${scale}]`;
  const weight = x.graph.shared(name, [channels, 1, 1, kernelSize], (into) => {
    for (let at = place; at < into.length; at += kernelSize) into[at] = scale;
  });
  return convolve(x, weight, [], { edges, stride, numGroups: channels });
}

/**
 * x above zero, slope * x below. Behind a convolution it is part of that; alone the runtime knows no blocked form of it.
 *
 * Shapes   x [B, C, 1, T]; result [B, C, 1, T]
 */
export function blockedLeakyRelu(x: Operand, slope: number): Operand {
  return x.graph.scope("activation", () => leakyRelu(keptInBlocks(x), slope));
}
