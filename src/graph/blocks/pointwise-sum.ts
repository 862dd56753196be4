/** The sum of several pointwise convolutions. */
import type { Operand } from "../graph-builder";
import { affineRows } from "../ops/linear";
import { concat } from "../ops/shape";
import { type ConvWeights, checkChannels } from "./causal-conv";
import { convMatrix } from "./conv-matrix";

/** An operand [B, F, I] and the convolution [O, I, 1] that it goes through. */
export type PointwiseTerm = readonly [Operand, Required<ConvWeights>];

/**
 * Adds up convolutions of kernel size 1: one product of the operands side by side, with one bias. Sums and biases of their
 * own would each go through all frames again.
 *
 * Shapes   each term [B, F, I] with I of its own; result [B, F, O]
 * @throws {GraphError} `shape-mismatch`
 */
export function pointwiseSum(terms: readonly [PointwiseTerm, ...PointwiseTerm[]]): Operand {
  const [[first, { bias }], ...others] = terms;
  const { graph } = first;
  const [numOutputs = 0] = bias.shape;
  for (const [x, { weight }] of terms) checkChannels(x, weight.shape[1] ?? 0, weight);
  const matrices = terms.map(([, { weight }]) => convMatrix(weight));
  const numRows = matrices.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0);
  const weight = graph.constant("weight", [numRows, numOutputs], (into) => {
    let begin = 0;
    for (const { shape, write } of matrices) {
      const end = begin + (shape[0] ?? 0) * numOutputs;
      write(into.subarray(begin, end));
      begin = end;
    }
  });
  const offsets = graph.constant("bias", [numOutputs], (into) => {
    for (const [, term] of terms) {
      for (const [channel, offset] of term.bias.data.entries()) into[channel] = (into[channel] ?? 0) + offset;
    }
  });
  return affineRows(concat([first, ...others.map(([x]) => x)], 2), weight, offsets);
}
