/**
 * magnitudes [B, F, bins] of a recording -> means and deviations of its latents [B, F, D]: what voice conversion starts
 * from.
 *
 * Source   Kim, Kong and Son 2021 (VITS), section 2.5.1
 */
import type { StateDict } from "../../src/checkpoints/state-dict";
import { CenteredTime } from "../../src/graph/blocks/centered-time";
import { waveNet } from "../../src/graph/blocks/wavenet";
import { symbol } from "../../src/graph/dimension";
import { batch, GraphBuilder } from "../../src/graph/graph-builder";
import type { Network, NetworkForm } from "../../src/graph/network";
import { trim } from "../../src/graph/ops/shape";
import type { VitsConfig } from "./config";
import { VitsLayers } from "./layers";

/** Frames that the encoder looks ahead: what comes out is late by them in the streaming form. */
export function posteriorLookAhead({ numPosteriorLayers, waveNetKernelSize, waveNetDilationBase }: VitsConfig): number {
  const reach = (waveNetKernelSize - 1) / 2;
  let sum = 0;
  for (let layer = 0; layer < numPosteriorLayers; layer++) sum += reach * waveNetDilationBase ** layer;
  return sum;
}

/**
 * Builds the posterior encoder. Inputs `magnitudes`, `speaker` [G] where there are several, and in the streaming form
 * `inside` (see `CenteredTime`); outputs `means` and `log_deviations`.
 *
 * @throws {ModelError} when a tensor is missing or has another shape than the config says
 */
export function buildPosteriorEncoder(config: VitsConfig, weights: StateDict, form: NetworkForm): Network {
  const { hiddenDim, latentDim, numPosteriorLayers, fftLength, speakerDim } = config;
  const graph = new GraphBuilder({ name: "vits.posterior", form });
  const layers = new VitsLayers(config, weights);
  const magnitudes = graph.input("magnitudes", [batch, symbol("F"), fftLength / 2 + 1]);
  const speaker = speakerDim > 0 ? graph.input("speaker", [speakerDim]) : undefined;
  const time = new CenteredTime(graph, symbol("F"), posteriorLookAhead(config));
  const path = "posterior_encoder";
  const waveNetLayers = layers.waveNetLayers(`${path}.wavenet`, numPosteriorLayers);
  const width = 2 * hiddenDim * numPosteriorLayers;
  const condition = speaker && layers.speakerOffset(speaker, `${path}.wavenet.cond_layer`, width);
  const opened = layers.conv(magnitudes, `${path}.conv_pre`, { channels: hiddenDim });
  const mixed = graph.scope(path, () => waveNet(opened, waveNetLayers, time, { condition }));
  const statistics = layers.conv(mixed, `${path}.conv_proj`, { channels: 2 * latentDim });
  return graph.build({
    means: trim(statistics, 2, 0, latentDim),
    log_deviations: trim(statistics, 2, latentDim, 0),
  });
}
