/** Vocos as a vocoder, with weights from its published checkpoints. The model card is in README.md. */
import { requireTensor } from "../../src/checkpoints/state-dict";
import { readOptionalTextIn, weightsFolder } from "../../src/checkpoints/weights-folder";
import type { AssembleOptions, CodecSource } from "../../src/codec-definition";
import { ModelError } from "../../src/errors";
import { LazyResource } from "../../src/runtime/lazy-resource";
import { NetworkSession } from "../../src/runtime/network-session";
import { openRuntime } from "../../src/runtime/open-runtime";
import type { Tensor } from "../../src/runtime/runtime";
import type { SystemCard } from "../../src/system-card";
import type { VocoderEngine } from "../../src/vocoder/neural-vocoder";
import type { VocoderDefinition } from "../../src/vocoder-definition";
import { requireWeights, withCheckpoint } from "../weights";
import { buildBackbone } from "./backbone-graph";
import { lookAheadFrames, overlapSamples, parseVocosConfig, type VocosConfig } from "./config";
import configEncodec24khz from "./config-encodec-24khz.json";
import configMel24khz from "./config-mel-24khz.json";
import { parsePublishedConfig } from "./published-config";
import { VocosStream } from "./vocos-stream";

export { buildBackbone } from "./backbone-graph";
export { parseVocosConfig, type VocosConfig } from "./config";
export { parsePublishedConfig } from "./published-config";

/** The definition that `loadVocoder("vocos-mel-24khz", { weights })` finds. */
export const vocosMel24khz = define(parseVocosConfig(configMel24khz), {
  summary: "24 kHz, from log-mels of 100 bands",
  numParameters: 13_531_650,
});

/** The definition that `loadVocoder("vocos-encodec-24khz", { weights })` finds. */
export const vocosEncodec24khz = define(parseVocosConfig(configEncodec24khz), {
  summary: "24 kHz, from the quantized latents of encodec-24khz",
  numParameters: 7_984_258,
});

/** @param published  the config of the published model, for weights without one beside them */
function define(
  published: VocosConfig,
  { summary, numParameters }: { readonly summary: string; readonly numParameters: number },
): VocoderDefinition {
  return {
    name: published.name,
    summary,
    weightsLicence: undefined,
    card: cardOf(published, numParameters),
    readSource: async (weights) => ({
      config: undefined,
      weights: await requireWeights(published, weights, "the published checkpoint"),
    }),
    async assemble(source, options) {
      const given = source.config === undefined ? undefined : parseVocosConfig(source.config);
      return assemble(given ?? (await configBeside(source, published, options)) ?? published, source, options);
    },
  };
}

/** The config of a model's folder or hub id: a model of the published kind that its trainer gave other sizes. */
async function configBeside(
  { weights }: CodecSource,
  published: VocosConfig,
  { download }: AssembleOptions,
): Promise<VocosConfig | undefined> {
  if (typeof weights !== "string") return undefined;
  const text = await readOptionalTextIn(await weightsFolder(weights), "config.yaml", download);
  if (text === undefined) return undefined;
  const config = parsePublishedConfig(text, published.name);
  if (featuresOf(config) === featuresOf(published)) return config;
  const other = [vocosMel24khz, vocosEncodec24khz].find(({ name }) => name !== published.name)?.name;
  const problem = `"${published.name}" takes ${featuresOf(published)}, the config.yaml beside the weights says ${featuresOf(config)}`;
  throw new ModelError("bad-config", `${problem}; load them as "${other}"`, { model: published.name });
}

function featuresOf({ mel }: VocosConfig): string {
  return mel === undefined ? "encodec_latents" : "log_mel";
}

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

async function assemble(config: VocosConfig, source: CodecSource, options: AssembleOptions): Promise<VocoderEngine> {
  const { name, sampleRate, featureDim, hopLength, mel, channels, kernelSize } = config;
  return withCheckpoint(source.weights, options, (checkpoint) => {
    // Weights of another system or size are told here, and not by the first call that builds the network.
    requireTensor(checkpoint.tensors, "backbone.embed.weight", [channels, featureDim, kernelSize]);
    const backbone = new LazyResource(async () =>
      NetworkSession.create(await openRuntime(options), buildBackbone(config, checkpoint.tensors, "streaming")),
    );
    return {
      name,
      sampleRate,
      features: featuresOf(config),
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
  });
}

/** The rate of the features among those that the network knows apart, or nothing where features have none. */
function rateMarks({ encodec, name }: VocosConfig, bitsPerSecond: number | undefined): Tensor | undefined {
  if (encodec === undefined) return undefined;
  const data = Float32Array.from(encodec.bitsPerSecond, (rate) => (rate === bitsPerSecond ? 1 : 0));
  if (data.includes(1)) return { data, shape: [data.length] };
  const rates = encodec.bitsPerSecond.join(", ");
  throw new RangeError(`"bitsPerSecond" expected one of ${rates} for ${name}, got ${bitsPerSecond}`);
}
