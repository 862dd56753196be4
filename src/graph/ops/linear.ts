/** Matrix products. */
import { formatShape, isSameDimension } from "../dimension";
import type { Operand } from "../graph-builder";

/**
 * Every row of `x` times a matrix.
 *
 * Shapes   x [..., K], matrix [K, N]; result [..., N]
 */
export function matmul(x: Operand, matrix: Operand): Operand {
  const depth = x.shape.at(-1);
  const [rows, columns] = matrix.shape;
  if (
    depth === undefined ||
    rows === undefined ||
    columns === undefined ||
    matrix.shape.length !== 2 ||
    !isSameDimension(depth, rows)
  ) {
    throw x.graph.error(
      "shape-mismatch",
      `MatMul expected [..., K] and [K, N], got ${formatShape(x.shape)} and ${formatShape(matrix.shape)}`,
    );
  }
  return x.graph.node("MatMul", [x, matrix], [...x.shape.slice(0, -1), columns]);
}
