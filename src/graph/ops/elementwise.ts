/** Ops that work number by number and keep the shape. */
import { formatShape, isSameDimension } from "../dimension";
import type { Operand } from "../graph-builder";

/** The sum. `right` has the shape of `left`, or that of its last axes (a bias). */
export function add(left: Operand, right: Operand): Operand {
  return pairwise("Add", left, right);
}

/** The difference. `right` has the shape of `left`, or that of its last axes. */
export function subtract(left: Operand, right: Operand): Operand {
  return pairwise("Sub", left, right);
}

/** The product, number by number. `right` has the shape of `left`, or that of its last axes (a gain). */
export function multiply(left: Operand, right: Operand): Operand {
  return pairwise("Mul", left, right);
}

/**
 * Exponential linear unit with alpha 1: x above zero, exp(x) - 1 below.
 *
 * Written as max(x, exp(min(x, 0)) - 1), which is the same for every x because exp(x) - 1 >= x. ONNX Runtime's Elu takes
 * about 1.5 ns a number on the CPU, more than these four together; docs/decisions/0011 has the numbers.
 *
 * Numerics within 6e-8 of the exact value; NaN stays NaN
 */
export function elu(x: Operand): Operand {
  const { graph, shape } = x;
  const power = exponential(atMost(x, 0));
  return graph.node("Max", [x, graph.node("Sub", [power, graph.number(1)], shape)], shape);
}

/** (x - mean) / deviation. */
export function normalize(
  x: Operand,
  { mean, deviation }: { readonly mean: number; readonly deviation: number },
): Operand {
  const { graph, shape } = x;
  return graph.node("Div", [graph.node("Sub", [x, graph.number(mean)], shape), graph.number(deviation)], shape);
}

/** The larger of x and a number. */
export function atLeast(x: Operand, least: number): Operand {
  return x.graph.node("Max", [x, x.graph.number(least)], x.shape);
}

/** The smaller of x and a number. */
export function atMost(x: Operand, most: number): Operand {
  return x.graph.node("Min", [x, x.graph.number(most)], x.shape);
}

/** e to the power of x. */
export function exponential(x: Operand): Operand {
  return x.graph.node("Exp", [x], x.shape);
}

/** The largest whole number that is not above x. */
export function floor(x: Operand): Operand {
  return x.graph.node("Floor", [x], x.shape);
}

/** x without its sign. */
export function absolute(x: Operand): Operand {
  return x.graph.node("Abs", [x], x.shape);
}

/** The natural logarithm. */
export function logarithm(x: Operand): Operand {
  return x.graph.node("Log", [x], x.shape);
}

/** x to the power of a number; x lies above zero. */
export function power(x: Operand, exponent: number): Operand {
  return x.graph.node("Pow", [x, x.graph.number(exponent)], x.shape);
}

/** The square root. */
export function squareRoot(x: Operand): Operand {
  return x.graph.node("Sqrt", [x], x.shape);
}

function pairwise(opType: string, left: Operand, right: Operand): Operand {
  const offset = left.shape.length - right.shape.length;
  const fits = right.shape.every((dimension, axis) => {
    const other = left.shape[axis + offset];
    return other !== undefined && isSameDimension(dimension, other);
  });
  if (!fits) {
    throw left.graph.error(
      "shape-mismatch",
      `${opType} expected the last axes of ${formatShape(left.shape)}, got ${formatShape(right.shape)}`,
    );
  }
  return left.graph.node(opType, [left, right], left.shape);
}
