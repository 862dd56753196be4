/** Matrix products. */
import { formatShape, isSameDimension, isSameShape } from "../dimension";
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

/**
 * A matrix product for every pair of matrices in the last two axes.
 *
 * Shapes   left [..., M, K], right [..., K, N] with the same leading axes; result [..., M, N]
 */
export function batchMatmul(left: Operand, right: Operand): Operand {
  const [depth, rows] = [left.shape.at(-1), right.shape.at(-2)];
  const columns = right.shape.at(-1);
  const isFit =
    depth !== undefined &&
    rows !== undefined &&
    columns !== undefined &&
    isSameDimension(depth, rows) &&
    isSameShape(left.shape.slice(0, -2), right.shape.slice(0, -2));
  if (!isFit) {
    throw left.graph.error(
      "shape-mismatch",
      `MatMul expected [..., M, K] and [..., K, N], got ${formatShape(left.shape)} and ${formatShape(right.shape)}`,
    );
  }
  return left.graph.node("MatMul", [left, right], [...left.shape.slice(0, -1), columns]);
}
