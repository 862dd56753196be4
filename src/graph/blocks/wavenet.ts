/**
 * WaveNet layers that look to both sides: gated convolutions, each with a residual and a skip connection.
 *
 * Source   van den Oord et al. 2016, section 2.3; not causal and without autoregression, as in Prenger et al. 2018
 */
import type { Operand } from "../graph-builder";
import { sigmoid, tanh } from "../ops/activation";
import { add, multiply } from "../ops/elementwise";
import { concat, trim } from "../ops/shape";
import { affine, type ConvWeights } from "./causal-conv";
import { type CenteredTime, holdBack } from "./centered-time";

export interface WaveNetLayerWeights {
  /** [2H, H, k]: the half that is squashed, then the half that gates it. */
  readonly gated: ConvWeights;
  /** [2H, H, 1]: residual, then skip; of the last layer [H, H, 1], skip alone. */
  readonly outward: ConvWeights;
  readonly dilation: number;
}

export interface WaveNetOptions {
  /** What a condition adds inside each layer, one after the other: [numLayers * 2H]. */
  readonly condition?: Operand | undefined;
}

/**
 * The sum of all layers' skip connections.
 *
 * Shapes   x [B, F, H]; result [B, F, H], in the streaming form late by `waveNetReach`
 * @throws {GraphError} `shape-mismatch`
 */
export function waveNet(
  x: Operand,
  layers: readonly WaveNetLayerWeights[],
  time: CenteredTime,
  { condition }: WaveNetOptions = {},
): Operand {
  const { graph } = x;
  const width = x.shape[2] as number;
  let [residual, skips]: [Operand, Operand | undefined] = [x, undefined];
  for (const [index, layer] of layers.entries()) {
    const [input, before] = [residual, skips];
    const offset = condition && trim(condition, 0, index * 2 * width, (layers.length - index - 1) * 2 * width);
    graph.scope(`layers.${index}`, () => {
      const { center, outward } = gatedLayer(input, layer, time, offset);
      const isLast = index === layers.length - 1;
      const skip = isLast ? outward : trim(outward, 2, width, 0);
      skips = before === undefined ? skip : add(holdBack(before, reachOf(layer)), skip);
      if (!isLast) residual = add(center, trim(outward, 2, 0, width));
    });
  }
  return skips ?? x;
}

/** Frames that the layers look ahead, together. */
export function waveNetReach(layers: readonly WaveNetLayerWeights[]): number {
  return layers.reduce((sum, layer) => sum + reachOf(layer), 0);
}

function reachOf({ gated, dilation }: WaveNetLayerWeights): number {
  return (((gated.weight.shape[2] ?? 1) - 1) / 2) * dilation;
}

/** A projection of tanh(a) * sigmoid(b) of the two halves, and the frames of `x` that it belongs to. */
function gatedLayer(
  x: Operand,
  { gated, outward, dilation }: WaveNetLayerWeights,
  time: CenteredTime,
  offset: Operand | undefined,
): { center: Operand; outward: Operand } {
  const { graph } = x;
  const width = x.shape[2] as number;
  const kernelSize = gated.weight.shape[2] ?? 1;
  const span = (kernelSize - 1) * dilation;
  const rows = graph.scope("rows", () => time.surround(x, span / 2));
  const [first = rows, ...others] = Array.from({ length: kernelSize }, (_, tap) =>
    trim(rows, 1, tap * dilation, span - tap * dilation),
  );
  const sums = graph.scope("gated", () => affine(concat([first, ...others], 2), gated, {}));
  const shifted = offset === undefined ? sums : add(sums, offset);
  const hidden = multiply(tanh(trim(shifted, 2, 0, width)), sigmoid(trim(shifted, 2, width, 0)));
  return {
    center: trim(rows, 1, span / 2, span / 2),
    outward: graph.scope("outward", () => affine(hidden, outward, {})),
  };
}
