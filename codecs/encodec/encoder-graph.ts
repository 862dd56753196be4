/**
 * waveform [B, T], or [B, T, C] of C > 1 channels -> latents [B, F, D], F = ceil(T / hopLength).
 *
 * SEANet: a convolution, then for each stride residual units and a strided convolution to twice the channels, an LSTM, a
 * convolution to the latents. Layers are named by their place in the published model.
 *
 * Source   Défossez et al. 2022, "High Fidelity Neural Audio Compression", section 3.1
 */
import type { StateDict } from "../../src/checkpoints/state-dict";
import { symbol } from "../../src/graph/dimension";
import { batch, GraphBuilder, type Operand } from "../../src/graph/graph-builder";
import type { Network, NetworkForm } from "../../src/graph/network";
import { elu } from "../../src/graph/ops/elementwise";
import type { EncodecConfig } from "./config";
import { SeanetLayers } from "./layers";

/**
 * Builds the encoder. In the streaming form, which causal models have, every call but the last of a signal takes whole
 * frames, and the first at least `encoderStartFrames(config)`.
 *
 * @param weights  with the names of names.ts
 * @throws {ModelError} when a tensor is missing or has another shape than the config says
 */
export function buildEncoder(config: EncodecConfig, weights: StateDict, form: NetworkForm): Network {
  const { latentDim, baseChannels, kernelSize, lastKernelSize, numResidualUnits } = config;
  const graph = new GraphBuilder({ name: `${config.name}.encoder`, form });
  const layers = new SeanetLayers(config, weights, graph);
  let x = layers.conv(waveformInput(graph, config), "encoder.layers.0.conv", { channels: baseChannels, kernelSize });
  let channels = baseChannels;
  let layer = 1;
  for (const stride of config.strides) {
    x = layers.residualUnits(x, "encoder", layer);
    // Behind the residual units comes the activation, which has a number of its own.
    layer += numResidualUnits + 1;
    channels *= 2;
    x = layers.conv(elu(x), `encoder.layers.${layer++}.conv`, { channels, kernelSize: 2 * stride, stride });
  }
  x = layers.lstm(x, `encoder.layers.${layer++}.lstm`);
  const last = { channels: latentDim, kernelSize: lastKernelSize };
  return graph.build({ latents: layers.conv(elu(x), `encoder.layers.${layer + 1}.conv`, last) });
}

/** Any number of samples, with the shape of whole frames: a last frame that is cut short is filled up at each stride. */
function waveformInput(graph: GraphBuilder, { hopLength, numChannels }: EncodecConfig): Operand {
  const frames = [batch, symbol("F", hopLength), numChannels];
  if (numChannels > 1) {
    return graph.node("Identity", [graph.input("waveform", [batch, symbol("T"), numChannels])], frames);
  }
  return graph.node("Unsqueeze", [graph.input("waveform", [batch, symbol("T")]), graph.integers([2])], frames);
}
