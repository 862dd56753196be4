/**
 * Self-attention of a whole sequence with learned vectors for the distances of up to `w` positions, within which order
 * counts; beyond them only content does.
 *
 * Source   Shaw, Uszkoreit and Vaswani 2018; as in Kim, Kong and Son 2021 (VITS), with one set of vectors for all heads
 */
import type { Shape } from "../dimension";
import type { Operand } from "../graph-builder";
import { softmax } from "../ops/activation";
import { add } from "../ops/elementwise";
import { batchMatmul, matmul } from "../ops/linear";
import { pad, reshape, transpose } from "../ops/shape";
import type { Weights } from "./conv-matrix";
import { type LinearWeights, linear } from "./linear";

export interface RelativeAttentionWeights {
  /** [H, H] each */
  readonly query: LinearWeights;
  readonly key: LinearWeights;
  readonly value: LinearWeights;
  readonly output: LinearWeights;
  /** [1, 2w + 1, D]: what each distance from -w to w adds to a key. */
  readonly relativeKeys: Weights;
  /** [1, 2w + 1, D]: the same for values. */
  readonly relativeValues: Weights;
}

/**
 * Every position takes from all others.
 *
 * Shapes   x [B, S, H]; result [B, S, H], with H = numHeads * D
 * Cost     O(S^2 H)
 */
export function relativeAttention(x: Operand, weights: RelativeAttentionWeights, numHeads: number): Operand {
  const { graph } = x;
  const [batchSize = 1, length = 1, width] = x.shape;
  const headDim = (width as number) / numHeads;
  const project = (name: string, layer: LinearWeights): Operand => {
    const heads = reshape(
      graph.scope(name, () => linear(x, layer)),
      [batchSize, length, numHeads, headDim],
    );
    return transpose(heads, [0, 2, 1, 3]);
  };
  const query = scale(project("query", weights.query), headDim ** -0.5);
  const key = transpose(project("key", weights.key), [0, 1, 3, 2]);
  const byContent = batchMatmul(query, key);
  const probabilities = softmax(add(byContent, distanceScores(query, weights.relativeKeys, byContent)), 3);
  const values = batchMatmul(probabilities, project("value", weights.value));
  const mixed = add(values, distanceValues(probabilities, weights.relativeValues));
  const joined = reshape(transpose(mixed, [0, 2, 1, 3]), x.shape);
  return graph.scope("output", () => linear(joined, weights.output));
}

/** Each query's product with the vector of its distance to each position, 0 beyond w. [B, h, S, D] -> [B, h, S, S]. */
function distanceScores(query: Operand, relativeKeys: Weights, scores: Operand): Operand {
  const { graph } = query;
  const [, numDistances = 0, headDim = 0] = relativeKeys.shape;
  const vectors = graph.constant("relative_keys", [headDim, numDistances], (into) => {
    const { data } = relativeKeys;
    for (let at = 0; at < data.length; at++) {
      into[(at % headDim) * numDistances + Math.floor(at / headDim)] = data[at] as number;
    }
  });
  // A column of zeros on either side is where all distances beyond w lead.
  const byDistance = pad(matmul(query, vectors), 3, 1, 1);
  const position = positions(query);
  const beyond = graph.integers([(numDistances + 1) / 2]);
  const distance = graph.node("Sub", [row(position), column(position)], []);
  const bounded = graph.node("Min", [graph.node("Max", [distance, graph.node("Neg", [beyond], [1])], []), beyond], []);
  const index = expandLike(graph.node("Add", [bounded, beyond], []), scores);
  return graph.node("GatherElements", [byDistance, index], scores.shape, { axis: 3 });
}

/** The vectors of the distances, weighted as the positions at those distances are. [B, h, S, S] -> [B, h, S, D]. */
function distanceValues(probabilities: Operand, relativeValues: Weights): Operand {
  const { graph } = probabilities;
  const [, numDistances = 0, headDim = 0] = relativeValues.shape;
  const reach = (numDistances - 1) / 2;
  const padded = pad(probabilities, 3, reach, reach);
  const steps = graph.integers(Array.from({ length: numDistances }, (_, index) => index));
  const shape: Shape = [...probabilities.shape.slice(0, 3), numDistances];
  // Position i + r - w of the sequence stands at i + r behind the padding.
  const place = graph.node("Add", [column(positions(probabilities)), row(steps)], []);
  const leading = graph.node("Shape", [probabilities], [3], { start: 0, end: 3 });
  const target = graph.node("Concat", [leading, graph.integers([numDistances])], [4], { axis: 0 });
  const index = graph.node("Expand", [place, target], shape);
  const byDistance = graph.node("GatherElements", [padded, index], shape, { axis: 3 });
  return matmul(byDistance, graph.constant("relative_values", [numDistances, headDim], relativeValues.data));
}

/** 0, 1, ... for as many as axis 2 of `x` has, as integers. */
function positions(x: Operand): Operand {
  const { graph } = x;
  const scalar = (vector: Operand) => graph.node("Squeeze", [vector, graph.integers([0])], []);
  const length = graph.node("Shape", [x], [1], { start: 2, end: 3 });
  const bounds = [scalar(graph.integers([0])), scalar(length), scalar(graph.integers([1]))];
  return graph.node("Range", bounds, [x.shape[2] ?? 1]);
}

function row(vector: Operand): Operand {
  return vector.graph.node("Unsqueeze", [vector, vector.graph.integers([0])], [1, vector.shape[0] ?? 1]);
}

function column(vector: Operand): Operand {
  return vector.graph.node("Unsqueeze", [vector, vector.graph.integers([1])], [vector.shape[0] ?? 1, 1]);
}

function expandLike(x: Operand, other: Operand): Operand {
  const target = x.graph.node("Shape", [other], [other.shape.length]);
  return x.graph.node("Expand", [x, target], other.shape);
}

function scale(x: Operand, factor: number): Operand {
  return x.graph.node("Mul", [x, x.graph.number(factor)], x.shape);
}
