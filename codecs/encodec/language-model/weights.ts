/** The language model's tensors by what they are for, whatever computes with them. */
import { requireTensor, type StateDict, type WeightTensor } from "../../../src/checkpoints/state-dict";
import { FEED_FORWARD_FACTOR, type LanguageModelConfig } from "./config";

/** y = weight x + bias: weight [O, I], bias [O], row-major. */
export interface LinearWeights {
  readonly numOutputs: number;
  readonly numInputs: number;
  readonly weight: Float32Array;
  readonly bias: Float32Array;
}

/** Gain and bias of a layer normalization, [D] each. */
export interface NormWeights {
  readonly gain: Float32Array;
  readonly bias: Float32Array;
}

/**
 * One transformer layer: attention, a norm, two linear layers with GELU between them, a norm.
 *
 * Upstream begins with a row of zeros as a frame before the first, whose keys and values are the projections' biases. A bias
 * of all keys changes no softmax, and one of all values can as well be added behind it. Without them here, that row's keys
 * and values are zeros, as every state's start is.
 */
export interface LayerWeights {
  /** Already divided by the square root of a head's width. */
  readonly query: LinearWeights;
  /** Keys and values: without bias. */
  readonly key: LinearWeights;
  readonly value: LinearWeights;
  /** With what the values' bias comes to behind it. */
  readonly output: LinearWeights;
  readonly attentionNorm: NormWeights;
  readonly widen: LinearWeights;
  readonly narrow: LinearWeights;
  readonly feedForwardNorm: NormWeights;
}

/** A whole model, or what it takes to expect the codes of the first so many codebooks. */
export interface LanguageModelWeights {
  /** One for each codebook, [N + 1, D]: row 0 where there is no code before, row c + 1 for code c. */
  readonly embeddings: readonly Float32Array[];
  readonly inputNorm: NormWeights;
  readonly layers: readonly LayerWeights[];
  /** One for each codebook, N outputs. */
  readonly heads: readonly LinearWeights[];
}

/**
 * Takes the tensors of a published checkpoint.
 *
 * @throws {ModelError} `missing-weights` or `weights-shape` when the file is not of this model
 */
export function readLanguageModelWeights(config: LanguageModelConfig, weights: StateDict): LanguageModelWeights {
  const { dim, codebookSize, numCodebooks, numLayers, numHeads } = config;
  const codebooks = Array.from({ length: numCodebooks }, (_, stage) => stage);
  return {
    embeddings: codebooks.map((stage) => requireTensor(weights, `emb.${stage}.weight`, [codebookSize + 1, dim]).data),
    inputNorm: readNorm(weights, "transformer.norm_in", dim),
    layers: Array.from({ length: numLayers }, (_, index) =>
      readLayer(weights, `transformer.layers.${index}`, { dim, numHeads }),
    ),
    heads: codebooks.map((stage) => readLinear(weights, `linears.${stage}`, codebookSize, dim)),
  };
}

/** The model without the codebooks behind the first so many; views of it. */
export function firstCodebooks(weights: LanguageModelWeights, numCodebooks: number): LanguageModelWeights {
  const { embeddings, heads } = weights;
  return { ...weights, embeddings: embeddings.slice(0, numCodebooks), heads: heads.slice(0, numCodebooks) };
}

function readLayer(
  weights: StateDict,
  path: string,
  { dim, numHeads }: Pick<LanguageModelConfig, "dim" | "numHeads">,
): LayerWeights {
  const weight = requireTensor(weights, `${path}.self_attn.in_proj_weight`, [3 * dim, dim]);
  const bias = requireTensor(weights, `${path}.self_attn.in_proj_bias`, [3 * dim]);
  const projections = { weight: weight.data, bias: bias.data };
  const value = rowsOf(projections, 2, dim);
  const hidden = FEED_FORWARD_FACTOR * dim;
  return {
    query: scaled(rowsOf(projections, 0, dim), 1 / Math.sqrt(dim / numHeads)),
    key: withoutBias(rowsOf(projections, 1, dim)),
    value: withoutBias(value),
    output: behindBias(readLinear(weights, `${path}.self_attn.out_proj`, dim, dim), value.bias),
    attentionNorm: readNorm(weights, `${path}.norm1`, dim),
    widen: readLinear(weights, `${path}.linear1`, hidden, dim),
    narrow: readLinear(weights, `${path}.linear2`, dim, hidden),
    feedForwardNorm: readNorm(weights, `${path}.norm2`, dim),
  };
}

function scaled(linear: LinearWeights, factor: number): LinearWeights {
  const scale = (value: number): number => value * factor;
  return { ...linear, weight: linear.weight.map(scale), bias: linear.bias.map(scale) };
}

function withoutBias(linear: LinearWeights): LinearWeights {
  return { ...linear, bias: new Float32Array(linear.numOutputs) };
}

/** The layer for inputs from which a bias [I] was left out. */
function behindBias(linear: LinearWeights, inputBias: Float32Array): LinearWeights {
  const { numInputs, weight } = linear;
  const bias = linear.bias.map((own, output) =>
    inputBias.reduce((sum, value, input) => sum + value * (weight[output * numInputs + input] as number), own),
  );
  return { ...linear, bias };
}

function readLinear(weights: StateDict, path: string, numOutputs: number, numInputs: number): LinearWeights {
  return {
    numOutputs,
    numInputs,
    weight: requireTensor(weights, `${path}.weight`, [numOutputs, numInputs]).data,
    bias: requireTensor(weights, `${path}.bias`, [numOutputs]).data,
  };
}

/** One of the square matrices that lie below each other. */
function rowsOf({ weight, bias }: Pick<LinearWeights, "weight" | "bias">, index: number, dim: number): LinearWeights {
  return {
    numOutputs: dim,
    numInputs: dim,
    weight: weight.subarray(index * dim * dim, (index + 1) * dim * dim),
    bias: bias.subarray(index * dim, (index + 1) * dim),
  };
}

function readNorm(weights: StateDict, path: string, dim: number): NormWeights {
  const take = (name: string): WeightTensor => requireTensor(weights, `${path}.${name}`, [dim]);
  return { gain: take("weight").data, bias: take("bias").data };
}
