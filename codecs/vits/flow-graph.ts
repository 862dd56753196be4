/**
 * The flow between sound and text: latents [B, F, D] of the posterior encoder <-> latents of the prior, either way.
 *
 * Couplings that keep half of the channels and shift the other half by what a WaveNet makes of the first. Between them the
 * channels are put in the opposite order.
 *
 * Source   Kim, Kong and Son 2021 (VITS), section 2.5.2; Dinh et al. 2017 for coupling layers
 */
import type { StateDict } from "../../src/checkpoints/state-dict";
import { CenteredTime, holdBack } from "../../src/graph/blocks/centered-time";
import { waveNet, waveNetReach } from "../../src/graph/blocks/wavenet";
import { symbol } from "../../src/graph/dimension";
import { batch, GraphBuilder, type Operand } from "../../src/graph/graph-builder";
import type { Network, NetworkForm } from "../../src/graph/network";
import { add } from "../../src/graph/ops/elementwise";
import { concat, reverse, trim } from "../../src/graph/ops/shape";
import type { VitsConfig } from "./config";
import { VitsLayers } from "./layers";

/** `to-sound`: from the prior's latents to those that the decoder takes. `to-text`: back. */
export type FlowDirection = "to-sound" | "to-text";

/** Frames that the flow looks ahead: what comes out is late by them in the streaming form. */
export function flowLookAhead({ numFlows, numFlowLayers, waveNetKernelSize, waveNetDilationBase }: VitsConfig): number {
  const reach = (waveNetKernelSize - 1) / 2;
  let sum = 0;
  for (let layer = 0; layer < numFlowLayers; layer++) sum += reach * waveNetDilationBase ** layer;
  return numFlows * sum;
}

/**
 * Builds the flow. Inputs `latents`, `speaker` [G] where there are several, and in the streaming form `inside` (see
 * `CenteredTime`); output `flowed`.
 *
 * @throws {ModelError} when a tensor is missing or has another shape than the config says
 */
export function buildFlow(
  config: VitsConfig,
  weights: StateDict,
  direction: FlowDirection,
  form: NetworkForm,
): Network {
  const { latentDim, numFlows, speakerDim } = config;
  const graph = new GraphBuilder({ name: `vits.flow.${direction}`, form });
  const layers = new VitsLayers(config, weights);
  let x = graph.input("latents", [batch, symbol("F"), latentDim]);
  const speaker = speakerDim > 0 ? graph.input("speaker", [speakerDim]) : undefined;
  const time = new CenteredTime(graph, symbol("F"), flowLookAhead(config));
  for (let step = 0; step < numFlows; step++) {
    const flow = direction === "to-sound" ? numFlows - 1 - step : step;
    const coupling = (input: Operand): Operand =>
      couple(input, speaker, `flow.flows.${flow}`, { direction, layers, time });
    x = direction === "to-sound" ? coupling(reverse(x, 2)) : reverse(coupling(x), 2);
  }
  return graph.build({ flowed: x });
}

interface CouplingParts {
  readonly direction: FlowDirection;
  readonly layers: VitsLayers;
  readonly time: CenteredTime;
}

function couple(
  x: Operand,
  speaker: Operand | undefined,
  path: string,
  { direction, layers, time }: CouplingParts,
): Operand {
  const { graph } = x;
  const { hiddenDim, latentDim, numFlowLayers } = layers.config;
  const half = latentDim / 2;
  const waveNetLayers = layers.waveNetLayers(`${path}.wavenet`, numFlowLayers);
  const width = 2 * hiddenDim * numFlowLayers;
  const condition = speaker && layers.speakerOffset(speaker, `${path}.wavenet.cond_layer`, width);
  const opened = layers.conv(trim(x, 2, 0, half), `${path}.conv_pre`, { channels: hiddenDim });
  const mixed = graph.scope(`${path}.wavenet`, () => waveNet(opened, waveNetLayers, time, { condition }));
  const shift = layers.conv(mixed, `${path}.conv_post`, { channels: half });
  const held = graph.scope(path, () => holdBack(x, waveNetReach(waveNetLayers)));
  const [kept, changed] = [trim(held, 2, 0, half), trim(held, 2, half, 0)];
  const shifted = direction === "to-text" ? add(changed, shift) : graph.node("Sub", [changed, shift], changed.shape);
  return concat([kept, shifted], 2);
}
