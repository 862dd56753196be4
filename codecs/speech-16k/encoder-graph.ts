/**
 * waveform [B, T] -> latents [B, F, D], T = F * hopLength.
 *
 * The log-mel of what has been heard, with the phases of its lowest frequencies, then causal convolutions at the frame
 * rate with residual units.
 * The PyTorch twin is training/quantone_training/encoder.py.
 */
import type { StateDict } from "../../src/checkpoints/state-dict";
import { causalConv } from "../../src/graph/blocks/causal-conv";
import { causalLogMel, causalPhases } from "../../src/graph/blocks/causal-spectrum";
import { symbol } from "../../src/graph/dimension";
import { batch, GraphBuilder, type Operand } from "../../src/graph/graph-builder";
import type { Network, NetworkForm } from "../../src/graph/network";
import { elu, normalize } from "../../src/graph/ops/elementwise";
import { concat, reshape } from "../../src/graph/ops/shape";
import { melOf, type SpeechConfig } from "./config";
import { convWeights, residualUnits } from "./conv-weights";

/**
 * Builds the encoder.
 *
 * @throws {ModelError} when a tensor is missing or has another shape than the config says
 */
export function buildEncoder(config: SpeechConfig, weights: StateDict, form: NetworkForm): Network {
  const { latentDim, decoder, mel, phase } = config;
  const { channels, dilations, inputKernelSize, outputKernelSize } = config.encoder;
  const graph = new GraphBuilder({ name: `${config.name}.encoder`, form });
  const input = convWeights(weights, "encoder.input", [
    channels,
    mel.numMels + 2 * phase.numFrequencies,
    inputKernelSize,
  ]);
  const features = featuresOf(graph, config);
  const frames = residualUnits(
    graph.scope("encoder.input", () => causalConv(features, input, { stride: decoder.upsampleFactor })),
    weights,
    "encoder.units",
    { channels, kernelSize: config.residualKernelSize, dilations },
  );
  const out = convWeights(weights, "encoder.out", [latentDim, channels, outputKernelSize]);
  return graph.build({ latents: graph.scope("encoder.out", () => causalConv(elu(frames), out)) });
}

/** [B, F', M + 2 * N] from the graph's input, F' = F * upsampleFactor. */
function featuresOf(graph: GraphBuilder, config: SpeechConfig): Operand {
  const { mel, melNormalization, phase } = config;
  const numSamples = symbol("F", config.hopLength);
  const samples = reshape(graph.input("waveform", [batch, numSamples]), [batch, numSamples, 1]);
  const logMel = graph.scope("encoder.log_mel", () => causalLogMel(samples, { ...melOf(config), floor: mel.floor }));
  const phases = graph.scope("encoder.phases", () => causalPhases(samples, { ...melOf(config), ...phase }));
  return concat([normalize(logMel, melNormalization), phases], 2);
}
