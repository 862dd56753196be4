/**
 * quantized [B, F, D] -> waveform [B, T], or [B, T, C] of C > 1 channels, T = F * hopLength.
 *
 * The mirror of the encoder: a convolution, an LSTM, then for each stride a transposed convolution to half the channels
 * and residual units, and a convolution to samples. There is no vocoder behind it.
 *
 * Source   Défossez et al. 2022, "High Fidelity Neural Audio Compression", section 3.1
 */
import type { StateDict } from "../../src/checkpoints/state-dict";
import { symbol } from "../../src/graph/dimension";
import { batch, GraphBuilder } from "../../src/graph/graph-builder";
import type { Network, NetworkForm } from "../../src/graph/network";
import { elu } from "../../src/graph/ops/elementwise";
import { reshape } from "../../src/graph/ops/shape";
import type { EncodecConfig } from "./config";
import { SeanetLayers } from "./layers";

/**
 * Builds the decoder. In the streaming form the first call takes at least `decoderStartFrames(config)` frames, or all.
 *
 * @param weights  with the names of names.ts
 * @throws {ModelError} when a tensor is missing or has another shape than the config says
 */
export function buildDecoder(config: EncodecConfig, weights: StateDict, form: NetworkForm): Network {
  const { hopLength, latentDim, numChannels, baseChannels, kernelSize, lastKernelSize, numResidualUnits } = config;
  const graph = new GraphBuilder({ name: `${config.name}.decoder`, form });
  const layers = new SeanetLayers(config, weights, graph);
  const quantized = graph.input("quantized", [batch, symbol("F"), latentDim]);
  let channels = baseChannels * 2 ** config.strides.length;
  let x = layers.conv(quantized, "decoder.layers.0.conv", { channels, kernelSize });
  x = layers.lstm(x, "decoder.layers.1.lstm");
  let layer = 2;
  for (const stride of config.strides.toReversed()) {
    channels /= 2;
    // The activation in front has a number of its own.
    x = layers.upsample(elu(x), `decoder.layers.${layer + 1}.conv`, { channels, stride });
    x = layers.residualUnits(x, "decoder", layer + 2);
    layer += 2 + numResidualUnits;
  }
  const last = { channels: numChannels, kernelSize: lastKernelSize };
  const samples = layers.conv(elu(x), `decoder.layers.${layer + 1}.conv`, last);
  return graph.build({ waveform: numChannels > 1 ? samples : reshape(samples, [batch, symbol("F", hopLength)]) });
}
