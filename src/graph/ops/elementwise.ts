/** Ops that work number by number and keep the shape. */
import { formatShape, isSameDimension } from "../dimension";
import type { Operand } from "../graph-builder";

/** The sum. `right` has the shape of `left`, or that of its last axes (a bias). */
export function add(left: Operand, right: Operand): Operand {
  const offset = left.shape.length - right.shape.length;
  const fits = right.shape.every((dimension, axis) => {
    const other = left.shape[axis + offset];
    return other !== undefined && isSameDimension(dimension, other);
  });
  if (!fits) {
    throw left.graph.error(
      "shape-mismatch",
      `Add expected the last axes of ${formatShape(left.shape)}, got ${formatShape(right.shape)}`,
    );
  }
  return left.graph.node("Add", [left, right], left.shape);
}

/** Exponential linear unit with alpha 1: x above zero, exp(x) - 1 below. */
export function elu(x: Operand): Operand {
  return x.graph.node("Elu", [x], x.shape, { alpha: { float: 1 } });
}
