/** The embedded codec: 16 kHz speech at 0.5 to 6 kbps. The model card is in README.md. */
import { access } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type Checkpoint, openCheckpoint } from "../../src/checkpoints/open-checkpoint";
import { requireTensor, type StateDict } from "../../src/checkpoints/state-dict";
import type { WeightsSource } from "../../src/checkpoints/weights-source";
import type { AssembleOptions, CodecDefinition, CodecSource } from "../../src/codec-definition";
import { onnxDecoder } from "../../src/decoder/onnx-decoder";
import { onnxEncoder } from "../../src/encoder/onnx-encoder";
import { ModelError } from "../../src/errors";
import { hannWindow } from "../../src/features/window";
import type { CodecIdentity, CodecStages } from "../../src/pipeline";
import { LazyResource } from "../../src/runtime/lazy-resource";
import { NetworkSession } from "../../src/runtime/network-session";
import { openRuntime } from "../../src/runtime/open-runtime";
import type { Codebooks } from "../../src/rvq/codebook";
import { codebookRevision } from "../../src/rvq/codebook-revision";
import { ResidualQuantizer } from "../../src/rvq/quantize";
import { istftVocoder } from "../../src/vocoder/istft-vocoder";
import type { Vocoder } from "../../src/vocoder/vocoder";
import { melOf, parseSpeechConfig, type SpeechConfig } from "./config";
import embeddedConfig from "./config.json";
import { buildDecoder } from "./decoder-graph";
import { buildEncoder } from "./encoder-graph";

export { parseSpeechConfig, type SpeechConfig } from "./config";
export { buildDecoder } from "./decoder-graph";
export { buildEncoder } from "./encoder-graph";

/** Paths that the search keeps by default; docs/decisions/0022 has what each width gains and costs. */
const beamWidth = 8;

/** The definition that `loadCodec("speech-16k")` finds. */
export const speech16k: CodecDefinition = {
  name: "speech-16k",
  summary: "16 kHz mono speech, 0.5 to 6 kbps in steps of 0.5, 50 frames a second, 71 ms delay",
  weightsLicence: "Apache-2.0",
  card: {
    paper: "this package's own; after SoundStream (2021), Vocos (2023) and HiFi-GAN (2020)",
    paperUrl: "../codecs/speech-16k/README.md",
    sampleRate: embeddedConfig.sampleRate,
    numChannels: 1,
    frameRate: embeddedConfig.frameRate,
    rvq: embeddedConfig.rvq,
    numParameters: 8_489_846,
    delaySamples: delaySamplesOf(parseSpeechConfig(embeddedConfig)),
    codeLicence: "Apache-2.0",
    weightsLicence: "Apache-2.0, in the package",
    tested: "the PyTorch model that trained it: small random and shipped weights, every stage",
  },
  vocoders: { hifigan: "hifigan-16k", diffwave: "diffwave-16k" },
  readSource,
  assemble,
};

async function readSource(weights?: WeightsSource): Promise<CodecSource> {
  if (weights !== undefined) return { config: embeddedConfig, weights };
  const path = fileURLToPath(new URL("./weights/speech-16k.safetensors", import.meta.url));
  try {
    await access(path);
  } catch (cause) {
    throw new ModelError("missing-weights", `the weights at ${path} cannot be read; reinstall the package`, {
      model: speech16k.name,
      cause,
    });
  }
  return { config: embeddedConfig, weights: path };
}

async function assemble(source: CodecSource, options: AssembleOptions): Promise<CodecStages> {
  const config = parseSpeechConfig(source.config);
  const checkpoint = await openCheckpoint(source.weights, options);
  try {
    return stagesOf(config, checkpoint, options);
  } catch (error) {
    checkpoint.close();
    throw error;
  }
}

function stagesOf(config: SpeechConfig, checkpoint: Checkpoint, options: AssembleOptions): CodecStages {
  const { tensors, metadata } = checkpoint;
  const codebooks = readCodebooks(config, tensors);
  const encoder = new LazyResource(async () => {
    const network = buildEncoder(config, tensors, "streaming");
    return onnxEncoder(await NetworkSession.create(await openRuntime(options), network), config);
  });
  const decoderOf = (features: "spectrum" | "log_mel") =>
    new LazyResource(async () => {
      const network = buildDecoder(config, tensors, "streaming", [features]);
      return onnxDecoder(await NetworkSession.create(await openRuntime(options), network), {
        latentDim: config.latentDim,
        hopLength: config.hopLength,
        features,
        delayFrames: config.decoder.lookaheadFrames,
        // The inverse STFT overlaps the last samples with what follows: cut off there, even silence ends in a click.
        tailFrames: features === "spectrum" ? 1 : 0,
      });
    });
  const [decoder, melDecoder] = [decoderOf("spectrum"), decoderOf("log_mel")];
  return {
    identity: identityOf(config, revisionOf(metadata, codebooks)),
    quantizer: new ResidualQuantizer(codebooks, { beamWidth }),
    vocoder: vocoderOf(config),
    encoder: () => encoder.get(),
    decoder: () => decoder.get(),
    featureDecoders: { log_mel: { mel: melOf(config), open: () => melDecoder.get() } },
    async dispose() {
      await encoder.dispose();
      await decoder.dispose();
      await melDecoder.dispose();
      checkpoint.close();
    },
  };
}

function identityOf(config: SpeechConfig, revision: string): CodecIdentity {
  return {
    name: config.name,
    revision,
    sampleRate: config.sampleRate,
    hopLength: config.hopLength,
    frameRate: config.frameRate,
    numCodebooks: config.rvq.numCodebooks,
    codebookSize: config.rvq.codebookSize,
    delaySamples: delaySamplesOf(config),
  };
}

/** From a sample going in to the same sample coming out: its own frame, those that the decoder waits for, the vocoder's overlap. */
function delaySamplesOf(config: SpeechConfig): number {
  return (1 + config.decoder.lookaheadFrames) * config.hopLength + vocoderOf(config).delaySamples;
}

function vocoderOf(config: SpeechConfig): Vocoder {
  const { fftLength, hopLength, spectrumGain, windowSumFloor } = config.vocoder;
  const transform = { fftLength, hopLength, window: hannWindow(fftLength), gain: spectrumGain, windowSumFloor };
  return istftVocoder(transform);
}

function readCodebooks({ rvq }: SpeechConfig, tensors: StateDict): Codebooks {
  const { numCodebooks, codebookSize, codebookDim } = rvq;
  const shape = [numCodebooks, codebookSize, codebookDim];
  return { numCodebooks, codebookSize, codebookDim, codewords: requireTensor(tensors, "rvq.codebooks", shape).data };
}

/** The revision that training gave, or that of the codebooks. */
function revisionOf({ revision }: Checkpoint["metadata"], codebooks: Codebooks): string {
  return typeof revision === "string" ? revision : codebookRevision(codebooks);
}
