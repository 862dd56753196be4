/**
 * quantized [B, F, D] -> what the vocoders take: spectrum [B, F', 2 * bins] and log_mel [B, F', M], F' = F * upsampleFactor.
 *
 * Residual units at the frame rate, one upsampling, residual units at the subframe rate, then linear heads: of the
 * log-mel, of the spectrum's lower part, and of the masks of what is added to it. Everything comes `lookaheadFrames`
 * late: the last frames come out with as many further frames of zeros.
 * The PyTorch twin is training/quantone_training/decoder.py.
 */
import { requireTensor, type StateDict } from "../../src/checkpoints/state-dict";
import { causalConv, upsampleConv } from "../../src/graph/blocks/causal-conv";
import { drawnPhases, type ExcitationConfig, excite, numMasks, numNoiseTones } from "../../src/graph/blocks/excitation";
import { symbol } from "../../src/graph/dimension";
import { batch, GraphBuilder, type Operand } from "../../src/graph/graph-builder";
import type { Network, NetworkForm } from "../../src/graph/network";
import { elu } from "../../src/graph/ops/elementwise";
import { melOf, type SpeechConfig } from "./config";
import { convWeights, residualUnits } from "./conv-weights";

export type DecoderOutput = "spectrum" | "log_mel";

/**
 * Builds the decoder with the outputs that are asked for.
 *
 * @throws {ModelError} when a tensor is missing or has another shape than the config says
 */
export function buildDecoder(
  config: SpeechConfig,
  weights: StateDict,
  form: NetworkForm,
  outputs: readonly DecoderOutput[] = ["spectrum"],
): Network {
  const graph = new GraphBuilder({ name: `${config.name}.decoder`, form });
  const quantized = graph.input("quantized", [batch, symbol("F"), config.latentDim]);
  const trunk = decoderTrunk(quantized, config, weights);
  const logMel = linearHead(trunk, weights, "decoder.log_mel", config.mel.numMels);
  const outputOf: Record<DecoderOutput, () => Operand> = {
    spectrum: () => excitedSpectrum({ quantized, trunk, logMel }, config, weights),
    log_mel: () => logMel,
  };
  return graph.build(Object.fromEntries(outputs.map((output) => [output, outputOf[output]()])));
}

/** [B, F, D] -> [B, F', subframeChannels]. */
function decoderTrunk(quantized: Operand, config: SpeechConfig, weights: StateDict): Operand {
  const { graph } = quantized;
  const sizes = config.decoder;
  const kernelSize = config.residualKernelSize;
  const input = convWeights(weights, "decoder.input", [sizes.frameChannels, config.latentDim, sizes.inputKernelSize]);
  const frames = residualUnits(
    graph.scope("decoder.input", () => causalConv(quantized, input)),
    weights,
    "decoder.frame_units",
    { channels: sizes.frameChannels, kernelSize, dilations: sizes.frameDilations },
  );
  const numPhases = sizes.upsampleFactor;
  const upsample = convWeights(weights, "decoder.upsample", [
    sizes.subframeChannels * numPhases,
    sizes.frameChannels,
    sizes.upsampleKernelSize,
  ]);
  const subframes = residualUnits(
    graph.scope("decoder.upsample", () => upsampleConv(elu(frames), upsample, numPhases)),
    weights,
    "decoder.subframe_units",
    { channels: sizes.subframeChannels, kernelSize, dilations: sizes.subframeDilations },
  );
  return elu(subframes);
}

/**
 * What the network says of the spectrum's lower part, and its excitation: [B, F', 2 * bins].
 *
 * @throws {ModelError} when a tensor is missing or has another shape than the config says
 */
function excitedSpectrum(
  { quantized, trunk, logMel }: { quantized: Operand; trunk: Operand; logMel: Operand },
  config: SpeechConfig,
  weights: StateDict,
): Operand {
  const { graph } = trunk;
  const { excitation, upsampleFactor } = config.decoder;
  const { fftLength, hopLength, spectrumGain } = config.vocoder;
  const sizes: ExcitationConfig = { ...excitation, fftLength, hopLength, spectrumGain, mel: melOf(config) };
  const numRows = numNoiseTones(hopLength) * upsampleFactor;
  const directions = requireTensor(weights, "decoder.excitation.noise_directions", [numRows, config.latentDim]);
  const offsets = requireTensor(weights, "decoder.excitation.noise_offsets", [numRows]);
  const inputs = {
    direct: linearHead(trunk, weights, "decoder.direct", 2 * excitation.directBins),
    logMel,
    noisePhases: graph.scope("decoder.excitation.noise", () =>
      drawnPhases(quantized, directions, offsets, upsampleFactor),
    ),
    masks: linearHead(trunk, weights, "decoder.excitation.masks", numMasks(sizes)),
  };
  return graph.scope("decoder.excitation", () => excite(inputs, sizes));
}

function linearHead(trunk: Operand, weights: StateDict, path: string, width: number): Operand {
  const numInputs = trunk.shape[2] as number;
  const head = convWeights(weights, path, [width, numInputs, 1]);
  return trunk.graph.scope(path, () => causalConv(trunk, head));
}
