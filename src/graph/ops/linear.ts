/** Matrix products. */
import { formatShape, isSameDimension, isSameShape, symbol } from "../dimension";
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
 * Every row of `x` times a matrix, plus an offset: one pass less over the result than a product and a sum, at the price of
 * four nodes for the rows' shape. It pays where rows are many and short (docs/decisions/0065-encodec-on-one-core.md) and
 * gains nothing where they are wide (0011-channels-last.md).
 *
 * Shapes   x [B, F, K], matrix [K, N], offset [N]; result [B, F, N]
 */
export function affineRows(x: Operand, matrix: Operand, offset: Operand): Operand {
  const { graph } = x;
  const [batchSize, frames, depth] = x.shape;
  const [numRows, numColumns] = matrix.shape;
  const isFit =
    x.shape.length === 3 &&
    matrix.shape.length === 2 &&
    isSameShape([depth ?? 0, numColumns ?? 0], [numRows ?? -1, offset.shape[0] ?? -1]);
  if (
    !isFit ||
    batchSize === undefined ||
    frames === undefined ||
    typeof numRows !== "number" ||
    typeof numColumns !== "number"
  ) {
    throw graph.error(
      "shape-mismatch",
      `Gemm expected [B, F, K], [K, N] and [N], got ${[x, matrix, offset].map(({ shape }) => formatShape(shape)).join(" and ")}`,
    );
  }
  const allRows = symbol("R");
  const flat = graph.node("Reshape", [x, graph.integers([-1, numRows])], [allRows, numRows]);
  const product = graph.node("Gemm", [flat, matrix, offset], [allRows, numColumns]);
  const leading = graph.node("Shape", [x], [2], { start: 0, end: 2 });
  const target = graph.node("Concat", [leading, graph.integers([numColumns])], [3], { axis: 0 });
  return graph.node("Reshape", [product, target], [batchSize, frames, numColumns]);
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
