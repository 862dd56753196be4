/**
 * latents [B, F, D] -> samples [B, F * hop]: a HiFi-GAN generator, told the speaker behind its first convolution.
 *
 * Source   Kim, Kong and Son 2021 (VITS), section 2.5.3
 */
import type { StateDict } from "../../src/checkpoints/state-dict";
import {
  type GeneratorSizes,
  generatorReach,
  hifiGanGenerator,
  type LayerSource,
} from "../../src/graph/blocks/hifi-gan-generator";
import { symbol } from "../../src/graph/dimension";
import { batch, GraphBuilder } from "../../src/graph/graph-builder";
import type { Network } from "../../src/graph/network";
import { reshape } from "../../src/graph/ops/shape";
import type { VitsConfig } from "./config";
import { VitsLayers } from "./layers";

/** The published name of the only layers that are called otherwise than in HiFi-GAN. */
const upsampling = /^ups\./;

/**
 * Builds the decoder. Inputs `latents`, and `speaker` [G] where there are several; output `waveform`.
 *
 * @throws {ModelError} when a tensor is missing or has another shape than the config says
 */
export function buildDecoder(config: VitsConfig, weights: StateDict): Network {
  const { latentDim, speakerDim, decoder } = config;
  const graph = new GraphBuilder({ name: "vits.decoder", form: "offline" });
  const layers = new VitsLayers(config, weights);
  const latents = graph.input("latents", [batch, symbol("F"), latentDim]);
  const speaker = speakerDim > 0 ? graph.input("speaker", [speakerDim]) : undefined;
  const offset = speaker && layers.speakerOffset(speaker, "decoder.cond", decoder.initialChannels);
  const condition = offset && reshape(offset, [1, 1, decoder.initialChannels]);
  const source: LayerSource = (path, shape) => {
    const name = `decoder.${path.replace(upsampling, "upsampler.")}`;
    const weight = layers.tensor(`${name}.weight`, shape);
    if (path === "conv_post") return { weight };
    const [numOutputs = 0] = upsampling.test(path) ? shape.slice(1) : shape;
    return { weight, bias: layers.tensor(`${name}.bias`, [numOutputs]) };
  };
  return graph.build({ waveform: hifiGanGenerator(latents, generatorSizes(config), source, condition) });
}

/** Frames before and after its own that a frame's samples depend on. */
export function decoderReach(config: VitsConfig): { back: number; ahead: number } {
  return generatorReach(generatorSizes(config));
}

function generatorSizes({ latentDim, decoder }: VitsConfig): GeneratorSizes {
  return {
    inputChannels: latentDim,
    initialChannels: decoder.initialChannels,
    upsampleRates: decoder.strides,
    upsampleKernelSizes: decoder.kernelSizes,
    residualKind: decoder.resblock === "1" ? 1 : 2,
    residualKernelSizes: decoder.resblockKernelSizes,
    residualDilations: decoder.resblockDilations,
  };
}
