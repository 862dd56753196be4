/** Ops that bring numbers to a common mean and variance. */
import { formatShape } from "../dimension";
import type { Operand } from "../graph-builder";

/**
 * Each row of the last axis with mean 0 and variance 1, then scaled and shifted.
 *
 * Shapes   x [..., C], gain [C], bias [C]; result [..., C]
 * Source   Ba, Kiros and Hinton 2016
 */
export function layerNorm(x: Operand, gain: Operand, bias: Operand, epsilon: number): Operand {
  const width = x.shape.at(-1);
  for (const { shape } of [gain, bias]) {
    if (shape.length === 1 && shape[0] === width) continue;
    throw x.graph.error(
      "shape-mismatch",
      `LayerNormalization expected gain and bias for ${formatShape(x.shape)}, got ${formatShape(shape)}`,
    );
  }
  const attributes = { axis: -1, epsilon: { float: epsilon } };
  return x.graph.node("LayerNormalization", [x, gain, bias], x.shape, attributes);
}
