/** SoundStream, with weights of one's own training. The model card is in README.md. */
import { type Checkpoint, openCheckpoint } from "../../src/checkpoints/open-checkpoint";
import { requireTensor } from "../../src/checkpoints/state-dict";
import type { AssembleOptions, CodecDefinition, CodecSource } from "../../src/codec-definition";
import { onnxDecoder } from "../../src/decoder/onnx-decoder";
import { onnxEncoder } from "../../src/encoder/onnx-encoder";
import { ModelError } from "../../src/errors";
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
import { parseSoundstreamConfig, type SoundstreamConfig } from "./config";
import paperConfig from "./config.json";
import { buildDecoder } from "./decoder-graph";
import { buildEncoder } from "./encoder-graph";

export { parseSoundstreamConfig, type SoundstreamConfig } from "./config";
export { buildDecoder } from "./decoder-graph";
export { buildEncoder } from "./encoder-graph";

/** The definition that `loadCodec("soundstream", { weights })` finds. */
export const soundstream: CodecDefinition = {
  name: "soundstream",
  summary: "24 kHz mono, 0.75 to 18 kbps in steps of 0.75, 75 frames a second, causal; or as the weights' config says",
  weightsLicence: undefined,
  card: {
    paper: 'Zeghidour et al. 2021, "SoundStream: An End-to-End Neural Audio Codec"',
    paperUrl: "https://arxiv.org/abs/2107.03312",
    sampleRate: paperConfig.sampleRate,
    numChannels: 1,
    frameRate: paperConfig.frameRate,
    rvq: paperConfig.rvq,
    numParameters: 10_494_209,
    delaySamples: paperConfig.hopLength,
    codeLicence: "none published",
    weightsLicence: "none published",
    tested: "a PyTorch twin: small and full-size random weights, every stage, denoising on both sides",
  },
  readSource,
  assemble,
};

/** The config is left to the weights, which may carry one. */
async function readSource(weights?: CodecSource["weights"]): Promise<CodecSource> {
  const own = await requireWeights(soundstream, weights, "your own, as its authors published none,");
  return { config: undefined, weights: own };
}

async function assemble(source: CodecSource, options: AssembleOptions): Promise<CodecStages> {
  const checkpoint = await openCheckpoint(source.weights, options);
  try {
    const config = parseSoundstreamConfig(source.config ?? carriedConfig(checkpoint) ?? paperConfig);
    return stagesOf(config, checkpoint, options);
  } catch (error) {
    checkpoint.close();
    throw error;
  }
}

/** The config in a file of weights: JSON in the metadata of safetensors, a dict in a file of torch.save. */
function carriedConfig({ metadata: { config } }: Checkpoint): unknown {
  if (typeof config !== "string") return config;
  try {
    return JSON.parse(config);
  } catch (cause) {
    throw new ModelError("bad-config", 'the weights\' "config" is no JSON; give a config beside them', { cause });
  }
}

function stagesOf(config: SoundstreamConfig, checkpoint: Checkpoint, options: AssembleOptions): CodecStages {
  const { tensors } = checkpoint;
  const { hopLength, latentDim } = config;
  const codebooks = readCodebooks(config, checkpoint);
  const openSession = async (network: Network) => NetworkSession.create(await openRuntime(options), network);
  const encoder = new LazyResource(async () => {
    const session = await openSession(buildEncoder(config, tensors, "streaming"));
    return onnxEncoder(session, { hopLength, latentDim });
  });
  const decoder = new LazyResource(async () => {
    const session = await openSession(buildDecoder(config, tensors, "streaming"));
    return onnxDecoder(session, { latentDim, features: "waveform", hopLength });
  });
  return {
    identity: identityOf(config, codebookRevision(codebooks)),
    quantizer: new ResidualQuantizer(codebooks),
    vocoder: passthroughVocoder("waveform"),
    encoder: () => encoder.get(),
    decoder: () => decoder.get(),
    async dispose() {
      await encoder.dispose();
      await decoder.dispose();
      checkpoint.close();
    },
  };
}

function identityOf(config: SoundstreamConfig, revision: string): CodecIdentity {
  return {
    name: soundstream.name,
    revision,
    sampleRate: config.sampleRate,
    hopLength: config.hopLength,
    frameRate: config.frameRate,
    numCodebooks: config.rvq.numCodebooks,
    codebookSize: config.rvq.codebookSize,
    delaySamples: config.hopLength,
    ...(config.denoising !== undefined && { denoising: config.denoising }),
  };
}

function readCodebooks({ rvq }: SoundstreamConfig, { tensors }: Checkpoint): Codebooks {
  const { numCodebooks, codebookSize, codebookDim } = rvq;
  const shape = [numCodebooks, codebookSize, codebookDim];
  return { numCodebooks, codebookSize, codebookDim, codewords: requireTensor(tensors, "rvq.codebooks", shape).data };
}
