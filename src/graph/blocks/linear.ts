/** An affine map of every row. */
import type { Operand } from "../graph-builder";
import { add } from "../ops/elementwise";
import { matmul } from "../ops/linear";
import type { Weights } from "./conv-matrix";

/** Weights in PyTorch's layout. */
export interface LinearWeights {
  /** [O, I] */
  readonly weight: Weights;
  /** [O] */
  readonly bias?: Weights;
}

/**
 * x W^T + b.
 *
 * Shapes   x [..., I]; result [..., O]
 * @throws {GraphError} `shape-mismatch`
 */
export function linear(x: Operand, { weight, bias }: LinearWeights): Operand {
  const { graph } = x;
  const [numOutputs = 0, numInputs = 0] = weight.shape;
  const matrix = graph.constant("weight", [numInputs, numOutputs], (into) => {
    const { data } = weight;
    for (let output = 0, at = 0; output < numOutputs; output++) {
      for (let input = 0; input < numInputs; input++) into[input * numOutputs + output] = data[at++] as number;
    }
  });
  const product = matmul(x, matrix);
  return bias === undefined ? product : add(product, graph.constant("bias", bias.shape, bias.data));
}
