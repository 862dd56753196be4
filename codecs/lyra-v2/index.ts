/** Lyra V2, with weights from its published TFLite files. The model card is in README.md. */
import type { ByteSource } from "../../src/checkpoints/byte-source";
import { readTflite, type TfliteModel } from "../../src/checkpoints/tflite/tflite-model";
import { weightsFolder } from "../../src/checkpoints/weights-folder";
import { openWeightsSource, type WeightsSource, weightsIn } from "../../src/checkpoints/weights-source";
import type { AssembleOptions, CodecDefinition, CodecSource } from "../../src/codec-definition";
import { onnxDecoder } from "../../src/decoder/onnx-decoder";
import { onnxEncoder } from "../../src/encoder/onnx-encoder";
import { CheckpointError } from "../../src/errors";
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
import { readCodebooks } from "./codebooks";
import { concealingDecoder } from "./concealment";
import { type LyraConfig, parseLyraConfig } from "./config";
import lyraConfig from "./config.json";
import { noiseBands } from "./noise-bands";
import { NoiseEstimator } from "./noise-estimator";
import { buildFromTflite } from "./tflite-network";

export { type LyraConfig, parseLyraConfig } from "./config";
export { buildFromTflite } from "./tflite-network";

/** The definition that `loadCodec("lyra-v2", { weights: FOLDER })` finds. */
export const lyraV2: CodecDefinition = {
  name: "lyra-v2",
  summary: "16 kHz speech, 3.2, 6 and 9.2 kbps, 50 frames a second, causal, conceals lost packets",
  weightsLicence: undefined,
  card: {
    paper: 'Zeghidour et al. 2021, "SoundStream: An End-to-End Neural Audio Codec"; Google 2022, Lyra V2',
    paperUrl: "https://arxiv.org/abs/2107.03312",
    sampleRate: lyraConfig.sampleRate,
    numChannels: 1,
    frameRate: lyraConfig.frameRate,
    rvq: lyraConfig.rvq,
    trainedBitsPerSecond: [3200, 6000, 9200],
    numParameters: 1_320_641,
    delaySamples: lyraConfig.hopLength,
    codeLicence: "Apache-2.0",
    weightsLicence: "Apache-2.0",
    tested: "LiteRT with XNNPACK on the published files and recordings: every token and sample equal",
  },
  readSource,
  assemble,
};

async function readSource(weights?: CodecSource["weights"]): Promise<CodecSource> {
  return {
    config: lyraConfig,
    weights: await requireWeights(lyraV2, weights, "the folder of its published TFLite files"),
  };
}

async function assemble({ config: parsed, weights }: CodecSource, options: AssembleOptions): Promise<CodecStages> {
  const config = parseLyraConfig(parsed);
  const { files, hopLength, latentDim } = config;
  const open = async (fileName: string): Promise<TfliteModel> => {
    const source = await openFile(weights, fileName, options).catch((error: unknown) => {
      throw askForFolder(error, Object.values(files));
    });
    try {
      return readTflite(source);
    } finally {
      source.close();
    }
  };
  const codebooks = readCodebooks(await open(files.quantizer), config);
  const openSession = async (network: Network) => NetworkSession.create(await openRuntime(options), network);
  const encoder = new LazyResource(async () => {
    const names = { name: "lyra-encoder", input: "waveform", output: "latents" };
    const session = await openSession(buildFromTflite(await open(files.encoder), names, "streaming"));
    return onnxEncoder(session, { hopLength, latentDim });
  });
  const decoder = new LazyResource(async () => {
    const names = { name: "lyra-decoder", input: "quantized", output: "waveform" };
    const session = await openSession(buildFromTflite(await open(files.decoder), names, "streaming"));
    return concealingDecoder(onnxDecoder(session, { hopLength, latentDim, features: "waveform" }), config);
  });
  return {
    identity: identityOf(config, codebooks),
    quantizer: new ResidualQuantizer(codebooks),
    vocoder: passthroughVocoder("waveform"),
    encoder: () => encoder.get(),
    decoder: () => decoder.get(),
    openNoiseDetector: () => new NoiseEstimator(noiseBands(config)),
    async dispose() {
      await encoder.dispose();
      await decoder.dispose();
    },
  };
}

/** @param weights  the folder of all files, or one of them, which tells where the others are */
async function openFile(weights: WeightsSource, fileName: string, options: AssembleOptions): Promise<ByteSource> {
  const folder = typeof weights === "string" ? await weightsFolder(weights) : weights;
  return openWeightsSource(weightsIn(folder, fileName), options.download);
}

/** A file of another model is as likely as a mistyped path. */
function askForFolder(error: unknown, fileNames: readonly string[]): unknown {
  if (!(error instanceof CheckpointError) || error.code !== "not-found") return error;
  const message = `${error.message}; it is the folder of ${fileNames.join(", ")} that is asked for, or hf:owner/model`;
  return new CheckpointError("not-found", message, { cause: error });
}

function identityOf(config: LyraConfig, codebooks: Codebooks): CodecIdentity {
  const { name, sampleRate, hopLength, frameRate, rvq } = config;
  const { numCodebooks, codebookSize } = rvq;
  const revision = codebookRevision(codebooks);
  return { name, revision, sampleRate, hopLength, frameRate, numCodebooks, codebookSize, delaySamples: hopLength };
}
