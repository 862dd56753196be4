/** DiffWave as a vocoder of log-mels, with weights from its published checkpoint. The model card is in README.md. */
import { requireTensor } from "../../src/checkpoints/state-dict";
import type { AssembleOptions, CodecSource } from "../../src/codec-definition";
import { LazyResource } from "../../src/runtime/lazy-resource";
import type { VocoderEngine } from "../../src/vocoder/neural-vocoder";
import type { VocoderDefinition } from "../../src/vocoder-definition";
import { badConfig } from "../config-schema";
import { requireWeights, withCheckpoint } from "../weights";
import { lookAhead, parseDiffwaveConfig } from "./config";
import config16k from "./config-16k.json";
import config22khz from "./config-22khz.json";
import { DiffwaveStream } from "./diffwave-stream";
import { loadConditioner, loadNetworks } from "./networks";
import { Sampler, seededNoise } from "./sampler";

export { buildConditioner } from "./conditioner-graph";
export { type DiffwaveConfig, parseDiffwaveConfig } from "./config";
export { buildDenoiser } from "./denoiser-graph";
export { DiffwaveGenerator, type GenerateOptions, type GeneratorOptions, loadDiffwaveGenerator } from "./generator";
export { buildStepNetwork } from "./step-graph";

/** What the cards of all have in common. */
const paper = {
  paper: 'Kong et al. 2020, "DiffWave: A Versatile Diffusion Model for Audio Synthesis"',
  paperUrl: "https://arxiv.org/abs/2009.09761",
  numChannels: 1,
  codeLicence: "Apache-2.0 (PyPI diffwave)",
  weightsLicence: "that of the file you give",
  tested: "PyPI diffwave 0.1.7: small and full-size random weights and the same noise, every stage",
};

/** The definition that `loadVocoder("diffwave", { weights })` finds: 6 steps. */
export const diffwave = define(config22khz, {
  name: "diffwave",
  summary: "22.05 kHz, from log-mels of 80 bands, by 6 diffusion steps",
  isFast: true,
  card: paper,
  numParameters: 2_619_971,
});

/** The same network with all the steps of its training. */
export const diffwaveFull = define(config22khz, {
  name: "diffwave-full",
  summary: "22.05 kHz, from log-mels of 80 bands, by 50 diffusion steps",
  isFast: false,
  card: paper,
  numParameters: 2_619_971,
});

/** The small one that training/ trains, for the log-mel of speech-16k. */
export const diffwave16k = define(config16k, {
  name: "diffwave-16k",
  summary: "16 kHz, from the log-mel of speech-16k, by 6 diffusion steps, 0.5 M parameters",
  weightsPackage: "@quantone/diffwave-16k",
  isFast: true,
  card: {
    ...paper,
    codeLicence: "Apache-2.0",
    weightsLicence: "Apache-2.0, in @quantone/diffwave-16k",
    tested: "its PyTorch twin: small random weights and the same noise",
  },
  numParameters: 534_687,
});

/** What tells one definition from another, beside its config. */
interface Facts extends Pick<VocoderDefinition, "name" | "summary" | "weightsPackage"> {
  /** Whether the few steps of the fast schedule are taken, or all of training's. */
  readonly isFast: boolean;
  readonly card: typeof paper;
  readonly numParameters: number;
}

function define(rawConfig: object, { isFast, card, numParameters, ...facts }: Facts): VocoderDefinition {
  const { name } = facts;
  const named = { ...rawConfig, name, system: name };
  const config = parseDiffwaveConfig(named);
  const numSteps = isFast ? config.fastSchedule.length : config.noiseSchedule.numSteps;
  const hopLength = config.mel?.hopLength ?? 1;
  return {
    ...facts,
    weightsLicence: undefined,
    card: {
      ...card,
      sampleRate: config.sampleRate,
      frameRate: config.sampleRate / hopLength,
      numParameters,
      // What all steps look ahead, and the frame that the conditioner does.
      delaySamples: numSteps * lookAhead(config) + hopLength,
    },
    async readSource(weights) {
      return { config: named, weights: await requireWeights(facts, weights, "a file of them") };
    },
    assemble: (source, options) => assemble(source, isFast, options),
  };
}

async function assemble(source: CodecSource, isFast: boolean, options: AssembleOptions): Promise<VocoderEngine> {
  const config = parseDiffwaveConfig(source.config);
  const { mel } = config;
  if (mel === undefined) throw badConfig("conditioning", '"mel" for a vocoder', config.conditioning);
  return withCheckpoint(source.weights, options, (checkpoint) => {
    // Weights of another system or size are told here, and not by the first call that builds a network.
    requireTensor(checkpoint.tensors, "input_projection.weight", [config.channels, 1, 1]);
    const conditioner = new LazyResource(() => loadConditioner(config, checkpoint.tensors, options));
    const networks = new LazyResource(() => loadNetworks(config, checkpoint.tensors, isFast, options));
    return {
      name: config.name,
      sampleRate: config.sampleRate,
      features: "log_mel",
      featureDim: mel.numMels,
      hopLength: mel.hopLength,
      mel,
      async openStream({ seed = 0, signal }) {
        const noise = seededNoise(seed);
        const sampler = new Sampler(config, await networks.get(), { noise, signal });
        return new DiffwaveStream({ ...config, mel }, await conditioner.get(), sampler);
      },
      async dispose() {
        await conditioner.dispose();
        await networks.dispose();
        checkpoint.close();
      },
    };
  });
}
