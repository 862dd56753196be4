/** Nonlinear functions, number by number unless an axis is named. All keep the shape. */
import { formatShape } from "../dimension";
import type { Operand } from "../graph-builder";

/** max(x, 0). */
export function relu(x: Operand): Operand {
  return x.graph.node("Relu", [x], x.shape);
}

/** x above zero, slope * x below; `slope` lies between 0 and 1. */
export function leakyRelu(x: Operand, slope: number): Operand {
  return x.graph.node("LeakyRelu", [x], x.shape, { alpha: { float: slope } });
}

/** The hyperbolic tangent. */
export function tanh(x: Operand): Operand {
  return x.graph.node("Tanh", [x], x.shape);
}

/** 1 / (1 + exp(-x)). */
export function sigmoid(x: Operand): Operand {
  return x.graph.node("Sigmoid", [x], x.shape);
}

/** log(1 + exp(x)). */
export function softplus(x: Operand): Operand {
  return x.graph.node("Softplus", [x], x.shape);
}

/**
 * The exact Gaussian error linear unit, x / 2 * (1 + erf(x / sqrt(2))), which the runtime runs as one kernel.
 *
 * Source   Hendrycks and Gimpel 2016
 */
export function gelu(x: Operand): Operand {
  const { graph, shape } = x;
  const erf = graph.node("Erf", [graph.node("Div", [x, graph.number(Math.SQRT2)], shape)], shape);
  const doubled = graph.node("Mul", [x, graph.node("Add", [erf, graph.number(1)], shape)], shape);
  return graph.node("Mul", [doubled, graph.number(0.5)], shape);
}

/** Exponentials that sum to 1 along an axis. */
export function softmax(x: Operand, axis: number): Operand {
  if (x.shape[axis] === undefined) {
    throw x.graph.error("shape-mismatch", `Softmax expected an axis ${axis}, got ${formatShape(x.shape)}`);
  }
  return x.graph.node("Softmax", [x], x.shape, { axis });
}
