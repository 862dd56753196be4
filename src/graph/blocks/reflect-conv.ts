/**
 * Causal convolutions whose past, before the first frame, is the mirror image of the signal's start (EnCodec), and that
 * fill up the last block of a stride with the mirror image of its end.
 *
 * The start depends on the frames that it mirrors. In the streaming form the first call therefore has to bring at least
 * as many frames as the longest padding and one more, or the whole signal; later calls bring any number. A first call
 * that is shorter gives the same as a signal that ends there, then goes on.
 *
 * Source   Défossez et al. 2022 (EnCodec), section 3.1; padding as in its published code, version 0.1.1
 */
import { formatShape } from "../dimension";
import type { GraphBuilder, Operand } from "../graph-builder";
import { add } from "../ops/elementwise";
import { mirroredEnd, mirroredStart } from "../ops/reflect";
import { concat, last } from "../ops/shape";
import { affine, type ConvWeights, checkChannels } from "./causal-conv";
import { validConv } from "./valid-conv";

export interface ReflectConvOptions {
  readonly stride?: number;
  readonly dilation?: number;
}

/** Where a signal starts, as the convolutions of one network see it: one for a network. */
export class ReflectStart {
  /** 0 in the first call and 1 afterwards [B, 1, 1]; absent in the offline form. */
  readonly #started: Operand | undefined;
  readonly #isFirst: Operand | undefined;

  constructor(graph: GraphBuilder) {
    if (graph.form === "offline") return;
    const started = graph.scope("started", () => graph.state([1, 1]));
    graph.updateState(started, graph.node("Max", [started, graph.number(1)], started.shape));
    this.#started = started;
    this.#isFirst = graph.node("Sub", [graph.number(1), started], started.shape);
  }

  /**
   * Puts the `length` rows before `x` in front, and behind it what is missing to whole blocks of `stride` rows.
   *
   * Shapes   x [B, F, C]; result [B, length + F, C]
   */
  extend(x: Operand, length: number, stride: number): Operand {
    const { graph } = x;
    const mirrored = mirroredStart(x, length);
    const close = (past: Operand): Operand =>
      concat(stride === 1 ? [past, x] : [past, x, mirroredEnd(x, past, stride, this.#started)], 1);
    if (this.#isFirst === undefined) return close(mirrored);
    const channels = x.shape[2];
    if (typeof channels !== "number") {
      throw graph.error("shape-mismatch", `a state expected [B, F, C] with known C, got ${formatShape(x.shape)}`);
    }
    const remembered = graph.state([length, channels]);
    // The state is zeros in the first call, and the mirror image counts in no other.
    const extended = close(add(remembered, graph.node("Mul", [mirrored, this.#isFirst], mirrored.shape)));
    // Only a last call has rows behind `x`, and nothing reads its states.
    graph.updateState(remembered, last(extended, 1, length));
    return extended;
  }
}

/**
 * Convolves with what lies before each frame.
 *
 * Shapes   x [B, F * stride, I], weight [O, I, k]; result [B, F, O]. When the network runs, the last call of a signal may
 *          have any number of frames: `ceil(frames / stride)` come out.
 * @throws {GraphError} `unsupported-op` for a stride that does not divide the kernel or comes with a dilation;
 *   `shape-mismatch`
 */
export function reflectConv(
  x: Operand,
  weights: ConvWeights,
  start: ReflectStart,
  options: ReflectConvOptions = {},
): Operand {
  const { stride = 1, dilation = 1 } = options;
  const [, numInputs = 0, kernelSize = 0] = weights.weight.shape;
  checkChannels(x, numInputs, weights.weight);
  checkReflectConv(x, kernelSize, options);
  if (kernelSize === 1) return affine(x, weights, {});
  const extended = start.extend(x, (kernelSize - 1) * dilation + 1 - stride, stride);
  return validConv(extended, weights, options);
}

/** @throws {GraphError} `unsupported-op` for a stride that does not divide the kernel or comes with a dilation */
export function checkReflectConv(x: Operand, kernelSize: number, options: ReflectConvOptions): void {
  const { stride = 1, dilation = 1 } = options;
  if (kernelSize % stride === 0 && (stride === 1 || (dilation === 1 && kernelSize > stride))) return;
  const got = `stride ${stride}, dilation ${dilation} and kernel ${kernelSize}`;
  throw x.graph.error(
    "unsupported-op",
    `a convolution expected a kernel of several strides and no dilation, got ${got}`,
  );
}
