/**
 * log_mel [B, F, M] -> waveform [B, F * hopLength].
 *
 * Source   Kong et al. 2020, "HiFi-GAN: Generative Adversarial Networks for Efficient and High Fidelity Speech Synthesis"
 */
import { requireTensor, type StateDict } from "../../src/checkpoints/state-dict";
import {
  type GeneratorSizes,
  generatorReach,
  hifiGanGenerator,
  type LayerSource,
} from "../../src/graph/blocks/hifi-gan-generator";
import type { Reach } from "../../src/graph/blocks/planar-conv";
import { symbol } from "../../src/graph/dimension";
import { batch, GraphBuilder, type Operand } from "../../src/graph/graph-builder";
import type { Network } from "../../src/graph/network";
import { add, multiply } from "../../src/graph/ops/elementwise";
import type { HifiganConfig } from "./config";

/**
 * Builds the generator. It looks to both sides, so it has one form: longer signals run in windows.
 *
 * @param weights  with the names of names.ts
 * @throws {ModelError} when a tensor is missing or has another shape than the config says
 */
export function buildGenerator(config: HifiganConfig, weights: StateDict): Network {
  const { name, mel } = config;
  const graph = new GraphBuilder({ name, form: "offline" });
  const input = graph.input("log_mel", [batch, symbol("F"), mel.numMels]);
  const logMel = config.normalizesFeatures === true ? normalize(input, weights, mel.numMels) : input;
  return graph.build({ waveform: hifiGanGenerator(logMel, sizesOf(config), layersOf(weights)) });
}

/** Frames to each side of its own that a frame's samples depend on. */
export function reachOf(config: HifiganConfig): Reach {
  return generatorReach(sizesOf(config));
}

function sizesOf({ generator, mel }: HifiganConfig): GeneratorSizes {
  return { ...generator, inputChannels: mel.numMels };
}

function layersOf(weights: StateDict): LayerSource {
  return (path, shape) => {
    const isTransposed = path.startsWith("ups.");
    return {
      weight: requireTensor(weights, `${path}.weight`, shape),
      bias: requireTensor(weights, `${path}.bias`, [shape[isTransposed ? 1 : 0] ?? 0]),
    };
  };
}

/** (x - mean) / scale, bin by bin. */
function normalize(x: Operand, weights: StateDict, numMels: number): Operand {
  const { graph } = x;
  const mean = requireTensor(weights, "mean", [numMels]).data;
  const scale = requireTensor(weights, "scale", [numMels]).data;
  const gain = graph.constant(
    "gain",
    [numMels],
    scale.map((value) => 1 / value),
  );
  const offset = graph.constant(
    "offset",
    [numMels],
    mean.map((value, bin) => -value / (scale[bin] ?? 1)),
  );
  return add(multiply(x, gain), offset);
}
