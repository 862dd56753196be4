/** Vocos as a vocoder, with weights from its published checkpoints. The model card is in README.md. */
import { openCheckpoint } from "../../src/checkpoints/open-checkpoint";
import type { AssembleOptions, CodecSource } from "../../src/codec-definition";
import { LazyResource } from "../../src/runtime/lazy-resource";
import { NetworkSession } from "../../src/runtime/network-session";
import { openRuntime } from "../../src/runtime/open-runtime";
import type { Tensor } from "../../src/runtime/runtime";
import type { SystemCard } from "../../src/system-card";
import type { VocoderEngine } from "../../src/vocoder/neural-vocoder";
import type { VocoderDefinition } from "../../src/vocoder-definition";
import { requireWeights } from "../require-weights";
import { buildBackbone } from "./backbone-graph";
import { lookAheadFrames, overlapSamples, parseVocosConfig, type VocosConfig } from "./config";
import configEncodec24khz from "./config-encodec-24khz.json";
import configMel24khz from "./config-mel-24khz.json";
import { VocosStream } from "./vocos-stream";

/** The definition that `loadVocoder("vocos-mel-24khz", { weights })` finds. */
export const vocosMel24khz: VocoderDefinition = {
  name: "vocos-mel-24khz",
  summary: "24 kHz, from log-mels of 100 bands",
  weightsLicence: undefined,
  card: cardOf(parseVocosConfig(configMel24khz), 13_531_650),
  readSource: (weights) => readSource(configMel24khz, weights),
  assemble,
};

/** The definition that `loadVocoder("vocos-encodec-24khz", { weights })` finds. */
export const vocosEncodec24khz: VocoderDefinition = {
  name: "vocos-encodec-24khz",
  summary: "24 kHz, from the quantized latents of encodec-24khz",
  weightsLicence: undefined,
  card: cardOf(parseVocosConfig(configEncodec24khz), 7_984_258),
  readSource: (weights) => readSource(configEncodec24khz, weights),
  assemble,
};

function cardOf(config: VocosConfig, numParameters: number): SystemCard {
  const { sampleRate, hopLength } = config;
  return {
    paper: 'Siuzdak 2023, "Vocos: Closing the gap between time-domain and Fourier-based neural vocoders"',
    paperUrl: "https://arxiv.org/abs/2306.00814",
    sampleRate,
    numChannels: 1,
    frameRate: sampleRate / hopLength,
    numParameters,
    delaySamples: lookAheadFrames(config) * hopLength + overlapSamples(config),
    codeLicence: "MIT",
    weightsLicence: "MIT",
    tested: "PyPI vocos 0.1.0: small and full-size random weights, every stage",
  };
}

async function readSource(config: { name: string }, weights: CodecSource["weights"] | undefined): Promise<CodecSource> {
  return { config, weights: requireWeights(config.name, weights, "the published checkpoint") };
}

async function assemble(source: CodecSource, options: AssembleOptions): Promise<VocoderEngine> {
  const config = parseVocosConfig(source.config);
  const checkpoint = await openCheckpoint(source.weights, options);
  const backbone = new LazyResource(async () =>
    NetworkSession.create(await openRuntime(options), buildBackbone(config, checkpoint.tensors, "streaming")),
  );
  const { name, sampleRate, featureDim, hopLength, mel } = config;
  return {
    name,
    sampleRate,
    features: mel === undefined ? "encodec_latents" : "log_mel",
    featureDim,
    hopLength,
    ...(mel && { mel }),
    async openStream({ signal, bitsPerSecond }) {
      const rate = rateMarks(config, bitsPerSecond);
      return new VocosStream(config, await backbone.get(), { rate, signal });
    },
    async dispose() {
      await backbone.dispose();
      checkpoint.close();
    },
  };
}

/** The rate of the features among those that the network knows apart, or nothing where features have none. */
function rateMarks({ encodec, name }: VocosConfig, bitsPerSecond: number | undefined): Tensor | undefined {
  if (encodec === undefined) return undefined;
  const data = Float32Array.from(encodec.bitsPerSecond, (rate) => (rate === bitsPerSecond ? 1 : 0));
  if (data.includes(1)) return { data, shape: [data.length] };
  const rates = encodec.bitsPerSecond.join(", ");
  throw new RangeError(`"bitsPerSecond" expected one of ${rates} for ${name}, got ${bitsPerSecond}`);
}
