/** The embedded codec: 16 kHz speech at 0.5 to 6 kbps. The model card is in README.md. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { readSafetensors } from "../../src/checkpoints/safetensors";
import type { StateDict } from "../../src/checkpoints/state-dict";
import type { CodecDefinition, CodecSource, RuntimeOptions } from "../../src/codec-definition";
import { onnxDecoder } from "../../src/decoder/onnx-decoder";
import { onnxEncoder } from "../../src/encoder/onnx-encoder";
import { ModelError } from "../../src/errors";
import { hannWindow } from "../../src/features/window";
import type { CodecIdentity, CodecStages } from "../../src/pipeline";
import { LazyResource } from "../../src/runtime/lazy-resource";
import { NetworkSession } from "../../src/runtime/network-session";
import { openRuntime } from "../../src/runtime/open-runtime";
import type { Codebooks } from "../../src/rvq/codebook";
import { ResidualQuantizer } from "../../src/rvq/quantize";
import { istftVocoder } from "../../src/vocoder/istft-vocoder";
import type { Vocoder } from "../../src/vocoder/vocoder";
import { parseSpeechConfig, type SpeechConfig } from "./config";
import embeddedConfig from "./config.json";
import { buildDecoder } from "./decoder-graph";
import { buildEncoder } from "./encoder-graph";

/** The definition that `loadCodec("speech-16k")` finds. */
export const speech16k: CodecDefinition = {
  name: "speech-16k",
  summary: "16 kHz mono speech, 0.5 to 6 kbps in steps of 0.5, 50 frames a second, causal, 40 ms delay",
  weightsLicence: "Apache-2.0",
  card: {
    paper: "this package's own; after SoundStream (2021) and Vocos (2023)",
    paperUrl: "../codecs/speech-16k/README.md",
    sampleRate: embeddedConfig.sampleRate,
    numChannels: 1,
    frameRate: embeddedConfig.frameRate,
    rvq: embeddedConfig.rvq,
    numParameters: 8_435_090,
    delaySamples: embeddedConfig.hopLength + baselineDelaySamples(embeddedConfig),
    codeLicence: "Apache-2.0",
    weightsLicence: "Apache-2.0, in the package",
    tested: "the PyTorch model that trained it: small random and shipped weights, every stage",
  },
  readSource,
  assemble,
};

async function readSource(weights?: Uint8Array): Promise<CodecSource> {
  if (weights !== undefined) return { config: embeddedConfig, weights };
  const url = new URL("./weights/speech-16k.safetensors", import.meta.url);
  try {
    return { config: embeddedConfig, weights: await readFile(url) };
  } catch (cause) {
    throw new ModelError("missing-weights", `the weights at ${url.pathname} cannot be read; reinstall the package`, {
      codec: speech16k.name,
      cause,
    });
  }
}

async function assemble(source: CodecSource, options: RuntimeOptions): Promise<CodecStages> {
  const config = parseSpeechConfig(source.config);
  const { tensors, metadata } = readSafetensors(source.weights);
  const quantizer = new ResidualQuantizer(readCodebooks(config, tensors));
  const encoder = new LazyResource(async () => {
    const network = buildEncoder(config, tensors, "streaming");
    return onnxEncoder(await NetworkSession.create(await openRuntime(options), network), config);
  });
  const decoder = new LazyResource(async () => {
    const network = buildDecoder(config, tensors, "streaming");
    return onnxDecoder(await NetworkSession.create(await openRuntime(options), network), {
      latentDim: config.latentDim,
      features: "spectrum",
      delaySamples: baselineDelaySamples(config),
    });
  });
  return {
    identity: identityOf(config, metadata.revision ?? digest(source.weights)),
    quantizer,
    vocoder: vocoderOf(config),
    encoder: () => encoder.get(),
    decoder: () => decoder.get(),
    async dispose() {
      await encoder.dispose();
      await decoder.dispose();
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
    delaySamples: config.hopLength + baselineDelaySamples(config),
  };
}

/** The inverse MDCT of a frame reaches over the frame before it: that one is complete a window less a hop later. */
function baselineDelaySamples(config: SpeechConfig): number {
  return config.bypass.kernelSize - config.hopLength;
}

function vocoderOf(config: SpeechConfig): Vocoder {
  const { fftLength, hopLength, spectrumGain, windowSumFloor } = config.vocoder;
  const transform = { fftLength, hopLength, window: hannWindow(fftLength), gain: spectrumGain, windowSumFloor };
  return istftVocoder(transform, baselineDelaySamples(config));
}

function readCodebooks(config: SpeechConfig, tensors: StateDict): Codebooks {
  const { numCodebooks, codebookSize, codebookDim } = config.rvq;
  const tensor = tensors.get("rvq.codebooks");
  const expected = [numCodebooks, codebookSize, codebookDim].join(" x ");
  const actual = tensor?.shape.join(" x ") ?? "no such tensor";
  if (tensor === undefined || actual !== expected) {
    const message = `"rvq.codebooks" expected ${expected}, got ${actual}; use weights that were trained with this config`;
    throw new ModelError("weights-shape", message, { codec: config.name, tensor: "rvq.codebooks" });
  }
  return { numCodebooks, codebookSize, codebookDim, codewords: tensor.data };
}

/** Names weights that carry no revision by their content. */
function digest(weights: Uint8Array): string {
  return createHash("sha256").update(weights).digest("hex").slice(0, 16);
}
