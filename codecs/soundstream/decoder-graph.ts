/**
 * quantized [B, F, D] -> waveform [B, T], T = F * hopLength.
 *
 * The mirror of the encoder: a convolution, then for each stride a transposed convolution to half the channels and
 * residual units, and a convolution to samples. A decoder that denoises takes the switch `denoising` [B, F, 2], one-hot
 * (off, on), behind the first convolution. The PyTorch twin is training/quantone_training/soundstream/model.py.
 *
 * Source   Zeghidour et al. 2021 (SoundStream), sections III-B and III-E
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
 * Builds the decoder.
 *
 * @throws {ModelError} when a tensor is missing or has another shape than the config says
 */
export function buildDecoder(config: SoundstreamConfig, weights: StateDict, form: NetworkForm): Network {
  const { hopLength, latentDim, kernelSize, strides } = config;
  const graph = new GraphBuilder({ name: "soundstream.decoder", form });
  const layers = new SeanetLayers(config, weights);
  const quantized = graph.input("quantized", [batch, symbol("F"), latentDim]);
  let channels = config.decoderChannels * 2 ** strides.length;
  let x = layers.conv(quantized, "decoder.input", { channels, kernelSize });
  if (config.denoising === "decoder") {
    x = layers.denoising(x, "decoder.film", graph.input("denoising", [batch, symbol("F"), 2]));
  }
  for (const [index, stride] of strides.toReversed().entries()) {
    channels /= 2;
    x = layers.upsample(elu(x), `decoder.stages.${index}.up`, { channels, stride });
    x = layers.residualUnits(x, `decoder.stages.${index}.units`);
  }
  const samples = layers.conv(elu(x), "decoder.output", { channels: 1, kernelSize });
  return graph.build({ waveform: reshape(samples, [batch, symbol("F", hopLength)]) });
}
