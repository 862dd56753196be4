/**
 * waveform [B, T] -> latents [B, F, D], T = F * hopLength.
 *
 * Strided causal convolutions with residual units between them; beside them the bypass, which correlates each frame and
 * the one before it with D basis vectors (an MDCT when training begins) and is added at the end.
 * The PyTorch twin is training/quantone_training/encoder.py.
 */
import { requireTensor, type StateDict } from "../../src/checkpoints/state-dict";
import { causalConv } from "../../src/graph/blocks/causal-conv";
import { symbol } from "../../src/graph/dimension";
import { batch, GraphBuilder, type Operand } from "../../src/graph/graph-builder";
import type { Network, NetworkForm } from "../../src/graph/network";
import { add, elu } from "../../src/graph/ops/elementwise";
import { reshape } from "../../src/graph/ops/shape";
import type { SpeechConfig } from "./config";
import { convWeights, residualUnits } from "./conv-weights";

/**
 * Builds the encoder.
 *
 * @throws {ModelError} when a tensor is missing or has another shape than the config says
 */
export function buildEncoder(config: SpeechConfig, weights: StateDict, form: NetworkForm): Network {
  const { hopLength, latentDim, bypass } = config;
  const graph = new GraphBuilder({ name: `${config.name}.encoder`, form });
  const numSamples = symbol("F", hopLength);
  const waveform = graph.input("waveform", [batch, numSamples]);
  const samples = reshape(waveform, [batch, numSamples, 1]);
  const coefficients = graph.scope("encoder.bypass", () => {
    const weight = requireTensor(weights, "encoder.bypass.weight", [latentDim, 1, bypass.kernelSize]);
    return causalConv(samples, { weight }, { stride: hopLength });
  });
  return graph.build({ latents: add(learnedLatents(samples, config, weights), coefficients) });
}

/** samples [B, T, 1] -> [B, F, D] through the stages. */
function learnedLatents(samples: Operand, config: SpeechConfig, weights: StateDict): Operand {
  const { graph } = samples;
  const { stages, outputKernelSize } = config.encoder;
  let x = samples;
  let numInputs = 1;
  for (const [index, { channels, kernelSize, stride, dilations }] of stages.entries()) {
    const path = index === 0 ? "encoder.stem" : `encoder.stages.${index}.down`;
    const down = convWeights(weights, path, [channels, numInputs, kernelSize]);
    const strided = graph.scope(path, () => causalConv(x, down, { stride }));
    const sizes = { channels, kernelSize: config.residualKernelSize, dilations };
    x = elu(residualUnits(strided, weights, `encoder.stages.${index}.units`, sizes));
    numInputs = channels;
  }
  const out = convWeights(weights, "encoder.out", [config.latentDim, numInputs, outputKernelSize]);
  return graph.scope("encoder.out", () => causalConv(x, out));
}
