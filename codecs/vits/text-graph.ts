/**
 * symbols [B, S, H] -> what the text says of the sound: means and deviations of the latents [B, S, D] for each symbol,
 * and how long it lasts, log frames [B, S, 1].
 *
 * The embeddings of the symbols are looked up outside, as is the speaker's.
 *
 * Source   Kim, Kong and Son 2021, "Conditional Variational Autoencoder with Adversarial Learning for End-to-End
 *          Text-to-Speech", sections 2.2 and 2.5
 */
import type { StateDict } from "../../src/checkpoints/state-dict";
import { relativeAttention } from "../../src/graph/blocks/relative-attention";
import { symbol } from "../../src/graph/dimension";
import { batch, GraphBuilder, type Operand } from "../../src/graph/graph-builder";
import type { Network } from "../../src/graph/network";
import { relu } from "../../src/graph/ops/activation";
import { add } from "../../src/graph/ops/elementwise";
import { trim } from "../../src/graph/ops/shape";
import type { VitsConfig } from "./config";
import { drawnLogDurations, predictedLogDurations } from "./duration-layers";
import { VitsLayers } from "./layers";

/**
 * Builds text encoder and duration predictor.
 *
 * Inputs `symbols`; `duration_noise` [B, S, 2] where durations are drawn; `speaker` [G] where there are several. Outputs
 * `hidden`, `means`, `log_deviations`, `log_durations`.
 *
 * @throws {ModelError} when a tensor is missing or has another shape than the config says
 */
export function buildTextNetwork(config: VitsConfig, weights: StateDict): Network {
  const { hiddenDim, latentDim, numLayers, speakerDim, hasDrawnDurations } = config;
  const layers = new VitsLayers(config, weights);
  const graph = new GraphBuilder({ name: "vits.text", form: "offline" });
  let hidden = graph.input("symbols", [batch, symbol("S"), hiddenDim]);
  const speaker = speakerDim > 0 ? graph.input("speaker", [speakerDim]) : undefined;
  for (let layer = 0; layer < numLayers; layer++) {
    hidden = transformerLayer(hidden, `text_encoder.encoder.layers.${layer}`, layers);
  }
  const statistics = layers.conv(hidden, "text_encoder.project", { channels: 2 * latentDim });
  const logDurations = hasDrawnDurations
    ? drawnLogDurations(hidden, graph.input("duration_noise", [batch, symbol("S"), 2]), speaker, layers)
    : predictedLogDurations(hidden, speaker, layers);
  return graph.build({
    hidden,
    means: trim(statistics, 2, 0, latentDim),
    log_deviations: trim(statistics, 2, latentDim, 0),
    log_durations: logDurations,
  });
}

function transformerLayer(x: Operand, path: string, layers: VitsLayers): Operand {
  const { config } = layers;
  const { hiddenDim, numHeads, feedForwardDim, feedForwardKernelSize: kernelSize, layerNormEpsilon } = config;
  const attention = `${path}.attention`;
  const square = [hiddenDim, hiddenDim] as const;
  const vectors = [1, 2 * config.windowSize + 1, hiddenDim / numHeads];
  const weights = {
    query: layers.linearWeights(`${attention}.q_proj`, square),
    key: layers.linearWeights(`${attention}.k_proj`, square),
    value: layers.linearWeights(`${attention}.v_proj`, square),
    output: layers.linearWeights(`${attention}.out_proj`, square),
    relativeKeys: layers.tensor(`${attention}.emb_rel_k`, vectors),
    relativeValues: layers.tensor(`${attention}.emb_rel_v`, vectors),
  };
  const attended = x.graph.scope(attention, () => relativeAttention(x, weights, numHeads));
  const mixed = layers.norm(add(x, attended), `${path}.layer_norm`, layerNormEpsilon);
  const wide = layers.conv(mixed, `${path}.feed_forward.conv_1`, { channels: feedForwardDim, kernelSize });
  const narrow = layers.conv(relu(wide), `${path}.feed_forward.conv_2`, { channels: hiddenDim, kernelSize });
  return layers.norm(add(mixed, narrow), `${path}.final_layer_norm`, layerNormEpsilon);
}
