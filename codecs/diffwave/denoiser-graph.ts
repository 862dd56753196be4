/**
 * samples [B, T] with noise -> the noise in them [B, T]: the residual stack, which runs once for every diffusion step.
 *
 * Dilated convolutions that look to both sides, each with a gate, a condition and a skip connection. The diffusion step is
 * worked out elsewhere (step-graph.ts) and comes as one vector for each layer.
 *
 * The published network divides the residual stream by the root of 2 behind every layer. Here the stream is never divided:
 * what enters layer n is 2 ** (n / 2) times as large, and the weights make up for it.
 *
 * Source   Kong et al. 2020, "DiffWave: A Versatile Diffusion Model for Audio Synthesis", section 3 and figure 2
 */
import { requireTensor, type StateDict } from "../../src/checkpoints/state-dict";
import { affine } from "../../src/graph/blocks/causal-conv";
import { CenteredTime, holdBack } from "../../src/graph/blocks/centered-time";
import type { Weights } from "../../src/graph/blocks/conv-matrix";
import { shiftDimension, symbol } from "../../src/graph/dimension";
import { batch, GraphBuilder, type Operand } from "../../src/graph/graph-builder";
import type { Network, NetworkForm } from "../../src/graph/network";
import { relu, sigmoid, tanh } from "../../src/graph/ops/activation";
import { add, multiply } from "../../src/graph/ops/elementwise";
import { concat, trim } from "../../src/graph/ops/shape";
import { conditionWidth, type DiffwaveConfig, dilationOf, lookAhead } from "./config";
import { constantGain, gateWeights, halfOf, streamScale } from "./layer-weights";

/**
 * Builds the residual stack. Inputs are `samples` [B, T, 1], `offsets` [B, numLayers, C] of the diffusion step, and
 * `condition`: [B, T, M] for a mel, [B, 1, classDim] for a class. In the streaming form the noise comes late by
 * `lookAhead(config)` samples, `condition` for a mel begins as many samples before those of the call, and `inside` tells
 * which samples there are (see `CenteredTime`).
 *
 * @param weights  with the names of the published checkpoint
 * @throws {ModelError} when a tensor is missing or has another shape than the config says
 */
export function buildDenoiser(config: DiffwaveConfig, weights: StateDict, form: NetworkForm): Network {
  const { channels, numLayers } = config;
  const graph = new GraphBuilder({ name: `${config.name}.denoiser`, form });
  const samples = graph.input("samples", [batch, symbol("T"), 1]);
  const offsets = graph.input("offsets", [batch, numLayers, channels]);
  const time = new CenteredTime(graph, symbol("T"), lookAhead(config));
  const layers = new ResidualLayers(config, weights, time, conditionInput(graph, config, time.totalDelay));
  let x = relu(pointwise(samples, weights, "input_projection", channels));
  let skip: Operand | undefined;
  for (let layer = 0; layer < numLayers; layer++) {
    const offset = trim(offsets, 1, layer, numLayers - 1 - layer);
    [x, skip] = graph.scope(`residual_layers.${layer}`, () =>
      layers.add(graph.node("Add", [x, offset], x.shape), skip, layer),
    );
  }
  const sum = skip as Operand;
  const hidden = relu(pointwise(sum, weights, "skip_projection", channels, 1 / Math.sqrt(numLayers)));
  return graph.build({ noise: pointwise(hidden, weights, "output_projection", 1) });
}

function conditionInput(graph: GraphBuilder, config: DiffwaveConfig, delay: number): Operand | undefined {
  const width = conditionWidth(config);
  if (config.conditioning === "none") return undefined;
  const length = config.conditioning === "label" ? 1 : shiftDimension(symbol("T"), delay);
  return graph.input("condition", [batch, length, width]);
}

/** [B, T, I] -> [B, T, channels]; `scale` multiplies what comes in. */
function pointwise(x: Operand, weights: StateDict, path: string, channels: number, scale = 1): Operand {
  const weight = requireTensor(weights, `${path}.weight`, [channels, x.shape[2] as number, 1]);
  const bias = requireTensor(weights, `${path}.bias`, [channels]);
  return x.graph.scope(path, () => {
    const product = affine(x, { weight }, { gain: constantGain(channels, scale) });
    return add(product, x.graph.constant("bias", [channels], bias.data));
  });
}

/** The layers, which share a clock and a condition. */
class ResidualLayers {
  readonly #config: DiffwaveConfig;
  readonly #weights: StateDict;
  readonly #time: CenteredTime;
  readonly #condition: Operand | undefined;

  constructor(config: DiffwaveConfig, weights: StateDict, time: CenteredTime, condition: Operand | undefined) {
    this.#config = config;
    this.#weights = weights;
    this.#time = time;
    this.#condition = condition;
  }

  /** Adds one layer: gives what goes on to the next one, without its offset, and the sum of skip connections so far. */
  add(x: Operand, skip: Operand | undefined, layer: number): [Operand, Operand] {
    const { graph } = x;
    const { numLayers, channels } = this.#config;
    const dilation = dilationOf(this.#config, layer);
    const joined = graph.scope("dilated_conv", () => this.#time.surround(x, dilation));
    const center = trim(joined, 1, dilation, dilation);
    const taps = [center, trim(joined, 1, 2 * dilation, 0)];
    if (this.#config.conditioning === "mel") taps.push(this.#time.align(this.#condition as Operand));
    const rows = concat([trim(joined, 1, 0, 2 * dilation), ...taps], 2);
    const gate = sigmoid(this.#gatePart(rows, layer, 0));
    const hidden = multiply(gate, tanh(this.#gatePart(rows, layer, 1)));
    const path = `residual_layers.${layer}.output_projection`;
    const weight = requireTensor(this.#weights, `${path}.weight`, [2 * channels, channels, 1]);
    const bias = requireTensor(this.#weights, `${path}.bias`, [2 * channels]);
    const branch = graph.scope("skip", () => affine(hidden, { weight: halfOf(weight, 1), bias: halfOf(bias, 1) }, {}));
    const sum =
      skip === undefined
        ? branch
        : add(
            graph.scope("sum", () => holdBack(skip, dilation)),
            branch,
          );
    // Nothing listens to the stream behind the last layer. Elsewhere the bias comes with the next layer's offset.
    if (layer === numLayers - 1) return [center, sum];
    const gain = constantGain(channels, streamScale(layer));
    const change = graph.scope("residual", () => affine(hidden, { weight: halfOf(weight, 0) }, { gain }));
    return [add(center, change), sum];
  }

  /** The gate (part 0) or what goes through it (part 1), before its nonlinearity: [B, T, channels]. */
  #gatePart(rows: Operand, layer: number, part: 0 | 1): Operand {
    const { graph } = rows;
    const weights = gateWeights(this.#config, this.#weights, layer, part);
    return graph.scope(part === 0 ? "gate" : "filter", () => {
      const sum = affine(rows, weights.rows, {});
      if (weights.classes === undefined || this.#condition === undefined) return sum;
      const condition = this.#condition;
      const shift = graph.scope("class", () => affine(condition, { weight: weights.classes as Weights }, {}));
      return graph.node("Add", [sum, shift], sum.shape);
    });
  }
}
