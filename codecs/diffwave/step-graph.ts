/**
 * The embedding of a diffusion step [B, D] -> what it adds in every layer of the denoiser [B, numLayers, C].
 *
 * It depends on nothing but the step, so it runs once for all steps of a schedule together and not in the denoiser.
 *
 * Source   Kong et al. 2020 (DiffWave), section 3.2
 */
import { requireTensor, type StateDict } from "../../src/checkpoints/state-dict";
import { affine } from "../../src/graph/blocks/causal-conv";
import { batch, GraphBuilder, type Operand } from "../../src/graph/graph-builder";
import type { Network } from "../../src/graph/network";
import { sigmoid } from "../../src/graph/ops/activation";
import { multiply } from "../../src/graph/ops/elementwise";
import { reshape } from "../../src/graph/ops/shape";
import type { DiffwaveConfig } from "./config";
import { streamScale } from "./layer-weights";

/**
 * Builds the network: `embedding` [B, 1, D] -> `offsets` [B, numLayers, C], as the denoiser adds them.
 *
 * @throws {ModelError} when a tensor is missing or has another shape than the config says
 */
export function buildStepNetwork(config: DiffwaveConfig, weights: StateDict): Network {
  const { stepEmbeddingDim, stepHiddenDim, numLayers, channels } = config;
  const graph = new GraphBuilder({ name: `${config.name}.step`, form: "offline" });
  let hidden = graph.input("embedding", [batch, 1, stepEmbeddingDim]);
  for (const name of ["projection1", "projection2"]) {
    hidden = silu(linear(hidden, weights, `diffusion_embedding.${name}`, stepHiddenDim));
  }
  const { weight, bias } = offsetWeights(config, weights);
  const rows = affine(
    hidden,
    {
      weight: { shape: [numLayers * channels, stepHiddenDim, 1], data: weight },
      bias: { shape: [numLayers * channels], data: bias },
    },
    {},
  );
  return graph.build({ offsets: reshape(rows, [batch, numLayers, channels]) });
}

function linear(x: Operand, weights: StateDict, path: string, width: number): Operand {
  const numInputs = x.shape[2] as number;
  const { data } = requireTensor(weights, `${path}.weight`, [width, numInputs]);
  const bias = requireTensor(weights, `${path}.bias`, [width]);
  return x.graph.scope(path, () => affine(x, { weight: { shape: [width, numInputs, 1], data }, bias }, {}));
}

/** x * sigmoid(x). */
function silu(x: Operand): Operand {
  return multiply(x, sigmoid(x));
}

/**
 * All layers' projections one behind the other. Each layer's stream comes with the offset of the layer before still in it
 * and without the bias of that layer's residual: both are made up for here, where they cost nothing.
 */
function offsetWeights(config: DiffwaveConfig, weights: StateDict): { weight: Float32Array; bias: Float32Array } {
  const { numLayers, channels, stepHiddenDim } = config;
  const weight = new Float32Array(numLayers * channels * stepHiddenDim);
  const bias = new Float32Array(numLayers * channels);
  const addAt = (into: Float32Array, layer: number, values: Float32Array, gain: number): void => {
    const begin = (layer * into.length) / numLayers;
    for (const [index, value] of values.entries()) into[begin + index] = (into[begin + index] ?? 0) + gain * value;
  };
  for (let layer = 0; layer < numLayers; layer++) {
    const path = `residual_layers.${layer}`;
    const projection = requireTensor(weights, `${path}.diffusion_projection.weight`, [channels, stepHiddenDim]).data;
    const shift = requireTensor(weights, `${path}.diffusion_projection.bias`, [channels]).data;
    const scale = streamScale(layer);
    addAt(weight, layer, projection, scale);
    addAt(bias, layer, shift, scale);
    if (layer + 1 === numLayers) continue;
    addAt(weight, layer + 1, projection, -scale);
    addAt(bias, layer + 1, shift, -scale);
    const residual = requireTensor(weights, `${path}.output_projection.bias`, [2 * channels]).data;
    addAt(bias, layer + 1, residual.subarray(0, channels), scale);
  }
  return { weight, bias };
}
