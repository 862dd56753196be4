/** EnCodec, with weights from its published checkpoints. The model card is in README.md. */
import { type Checkpoint, openCheckpoint } from "../../src/checkpoints/open-checkpoint";
import { requireTensor, type StateDict } from "../../src/checkpoints/state-dict";
import type { WeightsSource } from "../../src/checkpoints/weights-source";
import type { AssembleOptions, CodecDefinition, CodecSource } from "../../src/codec-definition";
import { onnxDecoder } from "../../src/decoder/onnx-decoder";
import { passthroughDecoder } from "../../src/decoder/passthrough-decoder";
import { onnxEncoder } from "../../src/encoder/onnx-encoder";
import type { Network } from "../../src/graph/network";
import type { CodecIdentity, CodecStages } from "../../src/pipeline";
import { LazyResource } from "../../src/runtime/lazy-resource";
import { NetworkSession } from "../../src/runtime/network-session";
import { openRuntime } from "../../src/runtime/open-runtime";
import type { Codebooks } from "../../src/rvq/codebook";
import { codebookRevision } from "../../src/rvq/codebook-revision";
import { ResidualQuantizer } from "../../src/rvq/quantize";
import { passthroughVocoder } from "../../src/vocoder/passthrough-vocoder";
import { requireWeights } from "../weights";
import { decoderStartFrames, type EncodecConfig, encoderStartFrames, parseEncodecConfig } from "./config";
import config24khz from "./config-24khz.json";
import config32khz from "./config-32khz.json";
import config48khz from "./config-48khz.json";
import { buildDecoder } from "./decoder-graph";
import { buildEncoder } from "./encoder-graph";
import { renameTensors } from "./names";

export { type EncodecConfig, parseEncodecConfig } from "./config";
export { buildDecoder } from "./decoder-graph";
export { buildEncoder } from "./encoder-graph";
export { EncodecLanguageModel, type LanguageModelOptions, loadLanguageModel } from "./language-model/index";
export { renameTensors } from "./names";

/** The definition that `loadCodec("encodec-24khz", { weights })` finds. */
export const encodec24khz: CodecDefinition = {
  name: "encodec-24khz",
  summary: "24 kHz mono, 0.75 to 24 kbps in steps of 0.75, 75 frames a second, causal",
  weightsLicence: undefined,
  card: {
    ...cardOf(config24khz),
    trainedBitsPerSecond: [1500, 3000, 6000, 12_000, 24_000],
    numParameters: 14_846_817,
    delaySamples: config24khz.hopLength,
    tested:
      "PyPI encodec 0.1.1: small and full-size random weights, every stage, and .ecdc files both ways with and without the language model",
  },
  vocoders: { vocos: "vocos-encodec-24khz" },
  readSource: (weights) => readSource("encodec-24khz", config24khz, weights),
  assemble,
};

/** The definition that `loadCodec("encodec-48khz", { weights })` finds. */
export const encodec48khz: CodecDefinition = {
  name: "encodec-48khz",
  summary: "48 kHz stereo, 1.5 to 24 kbps in steps of 1.5, 150 frames a second, in segments of a second",
  weightsLicence: undefined,
  card: {
    ...cardOf(config48khz),
    trainedBitsPerSecond: [3000, 6000, 12_000, 24_000],
    numParameters: 14_856_294,
    delaySamples: config48khz.segmentation.segmentSamples,
    tested: "PyPI encodec 0.1.1 and transformers: small and full-size random weights, every stage",
  },
  readSource: (weights) => readSource("encodec-48khz", config48khz, weights),
  assemble,
};

/** The definition that `loadCodec("encodec-32khz", { weights })` finds. */
export const encodec32khz: CodecDefinition = {
  name: "encodec-32khz",
  summary: "32 kHz mono, 0.55 to 2.2 kbps in steps of 0.55, 50 frames a second: the tokens of MusicGen",
  weightsLicence: undefined,
  card: {
    ...cardOf(config32khz),
    paper: 'Copet et al. 2023, "Simple and Controllable Music Generation"',
    paperUrl: "https://arxiv.org/abs/2306.05284",
    trainedBitsPerSecond: [2200],
    numParameters: 56_876_737,
    tested: "transformers: small and full-size random weights, every stage",
  },
  readSource: (weights) => readSource("encodec-32khz", config32khz, weights),
  assemble,
};

/** What the cards of the published models have in common, and what their configs tell. */
function cardOf(config: Omit<EncodecConfig, "startFrames" | "segmentation">) {
  return {
    paper: 'Défossez et al. 2022, "High Fidelity Neural Audio Compression"',
    paperUrl: "https://arxiv.org/abs/2210.13438",
    sampleRate: config.sampleRate,
    numChannels: config.numChannels,
    frameRate: config.frameRate,
    rvq: config.rvq,
    codeLicence: "MIT; PyPI 0.1.1 CC-BY-NC-4.0",
    weightsLicence: "that of the file you give",
  };
}

async function readSource(codec: string, config: unknown, weights: WeightsSource | undefined): Promise<CodecSource> {
  return { config, weights: await requireWeights({ name: codec }, weights, "the published checkpoint") };
}

async function assemble(source: CodecSource, options: AssembleOptions): Promise<CodecStages> {
  const config = parseEncodecConfig(source.config);
  const checkpoint = await openCheckpoint(source.weights, options);
  try {
    return stagesOf(config, checkpoint, options);
  } catch (error) {
    checkpoint.close();
    throw error;
  }
}

function stagesOf(config: EncodecConfig, checkpoint: Checkpoint, options: AssembleOptions): CodecStages {
  const weights = renameTensors(checkpoint.tensors);
  const codebooks = readCodebooks(config, weights);
  const openSession = async (network: Network) => NetworkSession.create(await openRuntime(options), network);
  const form = config.isCausal ? "streaming" : "offline";
  const { hopLength, latentDim } = config;
  const encoder = new LazyResource(async () => {
    const session = await openSession(buildEncoder(config, weights, form));
    return onnxEncoder(session, {
      hopLength,
      latentDim,
      jointChannels: config.numChannels,
      startFrames: encoderStartFrames(config),
      takesPartialFrame: true,
    });
  });
  const decoder = new LazyResource(async () => {
    const session = await openSession(buildDecoder(config, weights, form));
    const startFrames = decoderStartFrames(config);
    return onnxDecoder(session, { latentDim, features: "waveform", hopLength, startFrames });
  });
  return {
    identity: identityOf(config, codebookRevision(codebooks)),
    quantizer: new ResidualQuantizer(codebooks),
    vocoder: passthroughVocoder("waveform"),
    encoder: () => encoder.get(),
    decoder: () => decoder.get(),
    featureDecoders: { encodec_latents: { open: async () => passthroughDecoder(latentDim, "encodec_latents") } },
    dispose: () => disposeAll(encoder, decoder, checkpoint),
  };
}

async function disposeAll(
  encoder: { dispose(): Promise<void> },
  decoder: { dispose(): Promise<void> },
  checkpoint: Checkpoint,
): Promise<void> {
  await encoder.dispose();
  await decoder.dispose();
  checkpoint.close();
}

function identityOf(config: EncodecConfig, revision: string): CodecIdentity {
  return {
    name: config.name,
    revision,
    sampleRate: config.sampleRate,
    hopLength: config.hopLength,
    frameRate: config.frameRate,
    numCodebooks: config.rvq.numCodebooks,
    codebookSize: config.rvq.codebookSize,
    jointChannels: config.numChannels,
    ...(config.segmentation && { segmentation: config.segmentation }),
    delaySamples: config.segmentation?.segmentSamples ?? config.hopLength,
  };
}

function readCodebooks(config: EncodecConfig, weights: StateDict): Codebooks {
  const { numCodebooks, codebookSize, codebookDim } = config.rvq;
  const length = codebookSize * codebookDim;
  const codewords = new Float32Array(numCodebooks * length);
  for (let stage = 0; stage < numCodebooks; stage++) {
    const tensor = requireTensor(weights, `quantizer.layers.${stage}.codebook.embed`, [codebookSize, codebookDim]);
    codewords.set(tensor.data, stage * length);
  }
  return { numCodebooks, codebookSize, codebookDim, codewords };
}
