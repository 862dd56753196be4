/** Weights of a residual layer in the arrangement that the denoiser multiplies with. */
import { requireTensor, type StateDict } from "../../src/checkpoints/state-dict";
import type { ConvWeights } from "../../src/graph/blocks/causal-conv";
import type { Weights } from "../../src/graph/blocks/conv-matrix";
import { conditionWidth, type DiffwaveConfig } from "./config";

/** How many times larger the residual stream is in a layer than in the published network. */
export function streamScale(layer: number): number {
  return Math.SQRT2 ** layer;
}

/** The same gain for all channels. */
export function constantGain(channels: number, gain: number): Weights {
  return { shape: [channels], data: new Float32Array(channels).fill(gain) };
}

/**
 * The first or second half of the output channels.
 *
 * Memory   reads the tensor when `data` is read
 */
export function halfOf({ shape, data }: Weights, part: 0 | 1): Weights {
  const [numOutputs = 0, ...others] = shape;
  const length = data.length / 2;
  return { shape: [numOutputs / 2, ...others], data: data.subarray(part * length, (part + 1) * length) };
}

/** Weights of one half of a gated layer. */
export interface GateWeights {
  /** For rows of the samples before, here and behind, and a mel frame where there is one. */
  readonly rows: ConvWeights;
  /** For the embedding of the class, with the conditioning `label`. */
  readonly classes: Weights | undefined;
}

/**
 * Joins the dilated convolution with the projection of the condition into one matrix.
 *
 * @param part  0 for the gate, 1 for what goes through it
 */
export function gateWeights(config: DiffwaveConfig, weights: StateDict, layer: number, part: 0 | 1): GateWeights {
  const { channels, conditioning } = config;
  const path = `residual_layers.${layer}`;
  const take = (name: string, ...shape: number[]): Weights =>
    halfOf(requireTensor(weights, `${path}.${name}`, [2 * channels, ...shape]), part);
  const taps = take("dilated_conv.weight", channels, 3);
  const tapBias = take("dilated_conv.bias");
  if (conditioning === "none") return { rows: joinRows(taps, undefined, [tapBias], layer), classes: undefined };
  const condition = take("conditioner_projection.weight", conditionWidth(config), 1);
  const biases = [tapBias, take("conditioner_projection.bias")];
  if (conditioning === "label") return { rows: joinRows(taps, undefined, biases, layer), classes: condition };
  return { rows: joinRows(taps, condition, biases, layer), classes: undefined };
}

/** Kernel [O, C, 3] and projection [O, M, 1] -> one pointwise kernel [O, 3 * C + M, 1] and the sum of the biases. */
function joinRows(taps: Weights, condition: Weights | undefined, biases: Weights[], layer: number): ConvWeights {
  const [numOutputs = 0, channels = 0, kernelSize = 0] = taps.shape;
  const conditionDim = condition?.shape[1] ?? 0;
  const width = kernelSize * channels + conditionDim;
  const joined = new Float32Array(numOutputs * width);
  const scale = 1 / streamScale(layer);
  for (const [index, value] of taps.data.entries()) {
    const [output, channel] = [Math.floor(index / (channels * kernelSize)), Math.floor(index / kernelSize) % channels];
    joined[output * width + (index % kernelSize) * channels + channel] = scale * value;
  }
  for (let output = 0; output < numOutputs && condition !== undefined; output++) {
    const row = condition.data.subarray(output * conditionDim, (output + 1) * conditionDim);
    joined.set(row, output * width + kernelSize * channels);
  }
  const bias = biases.map(({ data }) => data).reduce((sum, data) => sum.map((value, n) => value + (data[n] ?? 0)));
  return { weight: { shape: [numOutputs, width, 1], data: joined }, bias: { shape: [numOutputs], data: bias } };
}
