/** HiFi-GAN's vocoders, with weights from their published checkpoints. The model card is in README.md. */
import { requireTensor } from "../../src/checkpoints/state-dict";
import type { AssembleOptions, CodecSource } from "../../src/codec-definition";
import { LazyResource } from "../../src/runtime/lazy-resource";
import { NetworkSession } from "../../src/runtime/network-session";
import { openRuntime } from "../../src/runtime/open-runtime";
import { outputData } from "../../src/runtime/output-data";
import type { SystemCard } from "../../src/system-card";
import { WindowedStream } from "../../src/vocoder/frame-windows";
import type { VocoderEngine } from "../../src/vocoder/neural-vocoder";
import type { VocoderDefinition } from "../../src/vocoder-definition";
import { requireWeights, withCheckpoint } from "../weights";
import { type HifiganConfig, parseHifiganConfig } from "./config";
import config16k from "./config-16k.json";
import configSpeecht5 from "./config-speecht5.json";
import configV1 from "./config-v1.json";
import configV2 from "./config-v2.json";
import configV3 from "./config-v3.json";
import { buildGenerator, reachOf } from "./generator-graph";
import { renameTensors } from "./names";

export { type HifiganConfig, parseHifiganConfig } from "./config";
export { buildGenerator } from "./generator-graph";
export { renameTensors } from "./names";

/** Frames that a stream waits for, beside those it looks ahead: half a window is then context at worst. */
const MIN_WINDOW_FRAMES = 32;
/** Longer windows cost memory and save little context; V1 takes about 150 MiB for one of this length. */
const MAX_WINDOW_FRAMES = 512;

const paper = {
  paper:
    'Kong et al. 2020, "HiFi-GAN: Generative Adversarial Networks for Efficient and High Fidelity Speech Synthesis"',
  paperUrl: "https://arxiv.org/abs/2010.05646",
  numChannels: 1,
  codeLicence: "MIT",
} as const;

/** 14 M parameters, the best of the paper's three. */
export const hifiganV1 = define(configV1, "22 kHz from 80 mel bins, 13.9 M parameters, the paper's best", {
  numParameters: 13_926_017,
  weightsLicence: "that of the file you give",
  tested: "the architecture in PyTorch: small and full-size random weights",
});

/** The same depth with a quarter of the channels. */
export const hifiganV2 = define(configV2, "22 kHz from 80 mel bins, 0.9 M parameters, the paper's smallest", {
  numParameters: 925_985,
  weightsLicence: "that of the file you give",
  tested: "the architecture in PyTorch: full-size random weights",
});

/** Fewer and simpler layers. */
export const hifiganV3 = define(configV3, "22 kHz from 80 mel bins, 1.5 M parameters, the paper's fastest", {
  numParameters: 1_462_273,
  weightsLicence: "that of the file you give",
  tested: "the architecture in PyTorch: small and full-size random weights",
});

/** What Hugging Face's SpeechT5 speaks with. */
export const hifiganSpeecht5 = define(configSpeecht5, "16 kHz from SpeechT5's 80 mel bins, 12.7 M parameters", {
  numParameters: 12_656_417,
  weightsLicence: "MIT",
  tested: "transformers SpeechT5HifiGan: small and full-size random weights",
});

/** On the log-mel that `speech-16k` decodes to. */
export const hifigan16k = define(config16k, "16 kHz from the log-mel of speech-16k, 1.4 M parameters", {
  numParameters: 1_423_362,
  weightsLicence: "Apache-2.0, in @quantone/hifigan-16k",
  weightsPackage: "@quantone/hifigan-16k",
  tested: "training's generator: golden vectors of its layers at small size",
});

/** All of them, for lists. */
export const hifiganVocoders: readonly VocoderDefinition[] = [
  hifiganV1,
  hifiganV2,
  hifiganV3,
  hifiganSpeecht5,
  hifigan16k,
];

function define(
  config: unknown,
  summary: string,
  {
    weightsPackage,
    ...facts
  }: Pick<SystemCard, "numParameters" | "weightsLicence" | "tested"> & Pick<VocoderDefinition, "weightsPackage">,
): VocoderDefinition {
  const parsed = parseHifiganConfig(config);
  const { name, mel } = parsed;
  const owner = { name, ...(weightsPackage !== undefined && { weightsPackage }) };
  return {
    ...owner,
    summary,
    weightsLicence: undefined,
    card: {
      ...paper,
      sampleRate: mel.sampleRate,
      frameRate: mel.sampleRate / mel.hopLength,
      delaySamples: (MIN_WINDOW_FRAMES + reachOf(parsed).ahead) * mel.hopLength,
      ...facts,
    },
    readSource: async (weights) => ({
      config,
      weights: await requireWeights(owner, weights, "a checkpoint of its generator"),
    }),
    assemble,
  };
}

async function assemble(source: CodecSource, options: AssembleOptions): Promise<VocoderEngine> {
  const config = parseHifiganConfig(source.config);
  return withCheckpoint(source.weights, options, (checkpoint) => {
    const weights = renameTensors(checkpoint.tensors);
    // Weights of another system or size are told here, and not by the first call that builds the network.
    requireTensor(weights, "conv_pre.weight", [config.generator.initialChannels, config.mel.numMels, 7]);
    const generator = new LazyResource(async () =>
      NetworkSession.create(await openRuntime(options), buildGenerator(config, weights)),
    );
    return engineOf(config, generator, () => checkpoint.close());
  });
}

function engineOf(config: HifiganConfig, generator: LazyResource<NetworkSession>, close: () => void): VocoderEngine {
  const { name, mel } = config;
  const { sampleRate, numMels: featureDim, hopLength } = mel;
  const reach = reachOf(config);
  return {
    name,
    sampleRate,
    features: "log_mel",
    featureDim,
    hopLength,
    mel,
    async openStream({ signal, isPatient = false }) {
      const session = await generator.get();
      const run = async (features: Float32Array): Promise<Float32Array> => {
        const shape = [1, features.length / featureDim, featureDim];
        return outputData(session, await session.run({ log_mel: { data: features, shape } }), "waveform");
      };
      const minFrames = isPatient ? MAX_WINDOW_FRAMES : MIN_WINDOW_FRAMES;
      return new WindowedStream({ featureDim, ...reach, minFrames, maxFrames: MAX_WINDOW_FRAMES }, run, signal);
    },
    async dispose() {
      await generator.dispose();
      close();
    },
  };
}
