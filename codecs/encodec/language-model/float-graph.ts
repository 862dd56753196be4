/**
 * The language model as a network: one frame a call, embedded codes [B, 1, D] -> probabilities [B, K, N].
 *
 * A transformer whose layers normalize behind each block. What a layer remembers are the keys and values of the frames
 * before, states of the network.
 *
 * Source   Défossez et al. 2022 (EnCodec), section 3.3; encodec 0.1.1, model.py LMModel, modules/transformer.py
 */
import { batch, GraphBuilder, type Operand } from "../../../src/graph/graph-builder";
import type { Network } from "../../../src/graph/network";
import { gelu, softmax } from "../../../src/graph/ops/activation";
import { add } from "../../../src/graph/ops/elementwise";
import { matmul } from "../../../src/graph/ops/linear";
import { layerNorm } from "../../../src/graph/ops/normalization";
import { concat, last, reshape } from "../../../src/graph/ops/shape";
import { type LanguageModelConfig, NORM_EPSILON } from "./config";
import type { LanguageModelWeights, LayerWeights, LinearWeights, NormWeights } from "./weights";

/**
 * Builds the network for the codebooks that there are heads for.
 *
 * Inputs: `embedded` [B, 1, D], `position` [D] to be added behind the first norm, and `mask` [contextFrames + 1], what is
 * added to the scores of the frames from the oldest to the current one: 0, or -Infinity where there is none.
 */
export function buildLanguageModel(config: LanguageModelConfig, weights: LanguageModelWeights): Network {
  const { codec, dim, codebookSize, contextFrames } = config;
  const graph = new GraphBuilder({ name: `${codec}.language-model`, form: "streaming" });
  const embedded = graph.input("embedded", [batch, 1, dim]);
  const position = graph.input("position", [dim]);
  const mask = graph.input("mask", [contextFrames + 1]);
  let x = add(norm(embedded, "norm_in", weights.inputNorm), position);
  for (const [index, layer] of weights.layers.entries()) {
    x = graph.scope(`layers.${index}`, () => {
      const attended = norm(add(x, attention(x, mask, layer, config)), "norm1", layer.attentionNorm);
      const hidden = gelu(linear(attended, "linear1", layer.widen));
      return norm(add(attended, linear(hidden, "linear2", layer.narrow)), "norm2", layer.feedForwardNorm);
    });
  }
  const logits = linear(x, "linears", stacked(weights.heads));
  return graph.build({ probabilities: softmax(reshape(logits, [batch, weights.heads.length, codebookSize]), 2) });
}

/** [B, 1, D] -> [B, 1, D]: the current frame's query over the keys of the context and its own. */
function attention(x: Operand, mask: Operand, layer: LayerWeights, config: LanguageModelConfig): Operand {
  const { graph } = x;
  const { dim, numHeads, contextFrames } = config;
  const headDim = dim / numHeads;
  const numFrames = contextFrames + 1;
  return graph.scope("self_attn", () => {
    const query = reshape(linear(x, "query", layer.query), [batch, numHeads, 1, headDim]);
    const key = matmul(x, matrix(x, "key", layer.key));
    const value = matmul(x, matrix(x, "value", layer.value));
    // Keys lie with time last, so that the product needs no copy of them in another order.
    const keys = remember(reshape(key, [batch, numHeads, headDim, 1]), "keys", 3, contextFrames);
    const values = remember(reshape(value, [batch, numHeads, 1, headDim]), "values", 2, contextFrames);
    const scores = graph.node("MatMul", [query, keys], [batch, numHeads, 1, numFrames]);
    const shares = softmax(add(scores, mask), 3);
    const mixed = graph.node("MatMul", [shares, values], [batch, numHeads, 1, headDim]);
    return linear(reshape(mixed, [batch, 1, dim]), "out_proj", layer.output);
  });
}

/** Puts the state's frames in front of the current one, and keeps the last of them for the next call. */
function remember(current: Operand, name: string, axis: number, contextFrames: number): Operand {
  const { graph } = current;
  return graph.scope(name, () => {
    const rowShape = current.shape.slice(1).map((size, at) => (at + 1 === axis ? contextFrames : (size as number)));
    const past = graph.state(rowShape);
    const joined = concat([past, current], axis);
    graph.updateState(past, last(joined, axis, contextFrames));
    return joined;
  });
}

function linear(x: Operand, name: string, weights: LinearWeights): Operand {
  return add(matmul(x, matrix(x, name, weights)), x.graph.constant(`${name}.bias`, [weights.numOutputs], weights.bias));
}

/** The matrix [I, O] that rows are multiplied with. */
function matrix({ graph }: Operand, name: string, { numOutputs, numInputs, weight }: LinearWeights): Operand {
  return graph.constant(`${name}.weight`, [numInputs, numOutputs], (into) => {
    for (let output = 0; output < numOutputs; output++) {
      for (let input = 0; input < numInputs; input++) {
        into[input * numOutputs + output] = weight[output * numInputs + input] as number;
      }
    }
  });
}

function norm(x: Operand, name: string, { gain, bias }: NormWeights): Operand {
  const constant = (part: string, data: Float32Array) => x.graph.constant(`${name}.${part}`, [data.length], data);
  return layerNorm(x, constant("weight", gain), constant("bias", bias), NORM_EPSILON);
}

/** Several layers with the same inputs as one. */
function stacked(layers: readonly LinearWeights[]): LinearWeights {
  const [first] = layers as readonly [LinearWeights];
  const numOutputs = layers.length * first.numOutputs;
  const weight = new Float32Array(numOutputs * first.numInputs);
  const bias = new Float32Array(numOutputs);
  for (const [index, layer] of layers.entries()) {
    weight.set(layer.weight, index * first.weight.length);
    bias.set(layer.bias, index * first.numOutputs);
  }
  return { numOutputs, numInputs: first.numInputs, weight, bias };
}
