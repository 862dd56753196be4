/**
 * waveform [B, T] -> latents [B, F, D], T = F * hopLength.
 *
 * SEANet, causal: a convolution, then for each stride residual units and a strided convolution to twice the channels,
 * and a convolution to the latents. An encoder that denoises takes the switch `denoising` [B, F, 2], one-hot (off, on),
 * in front of that last convolution. The PyTorch twin is training/quantone_training/soundstream/model.py.
 *
 * Source   Zeghidour et al. 2021 (SoundStream), sections III-A, III-B and III-E
 */
import type { StateDict } from "../../src/checkpoints/state-dict";
import { symbol } from "../../src/graph/dimension";
import { batch, GraphBuilder } from "../../src/graph/graph-builder";
import type { Network, NetworkForm } from "../../src/graph/network";
import { elu } from "../../src/graph/ops/elementwise";
import { reshape } from "../../src/graph/ops/shape";
import type { SoundstreamConfig } from "./config";
import { SeanetLayers } from "./layers";

/**
 * Builds the encoder.
 *
 * @throws {ModelError} when a tensor is missing or has another shape than the config says
 */
export function buildEncoder(config: SoundstreamConfig, weights: StateDict, form: NetworkForm): Network {
  const { hopLength, latentDim, kernelSize, latentKernelSize } = config;
  const graph = new GraphBuilder({ name: "soundstream.encoder", form });
  const layers = new SeanetLayers(config, weights);
  const numSamples = symbol("F", hopLength);
  const waveform = graph.input("waveform", [batch, numSamples]);
  let channels = config.encoderChannels;
  let x = layers.conv(reshape(waveform, [batch, numSamples, 1]), "encoder.input", { channels, kernelSize });
  for (const [index, stride] of config.strides.entries()) {
    x = layers.residualUnits(x, `encoder.stages.${index}.units`);
    channels *= 2;
    x = layers.conv(elu(x), `encoder.stages.${index}.down`, { channels, kernelSize: 2 * stride, stride });
  }
  if (config.denoising === "encoder") {
    x = layers.denoising(x, "encoder.film", graph.input("denoising", [batch, symbol("F"), 2]));
  }
  const last = { channels: latentDim, kernelSize: latentKernelSize };
  return graph.build({ latents: layers.conv(elu(x), "encoder.output", last) });
}
