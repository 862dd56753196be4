/** DiffWave as a vocoder of log-mels, with weights from its published checkpoint. The model card is in README.md. */
import { openCheckpoint } from "../../src/checkpoints/open-checkpoint";
import type { AssembleOptions, CodecSource } from "../../src/codec-definition";
import { ModelError } from "../../src/errors";
import { LazyResource } from "../../src/runtime/lazy-resource";
import type { VocoderEngine } from "../../src/vocoder/neural-vocoder";
import type { VocoderDefinition } from "../../src/vocoder-definition";
import { badConfig } from "../config-schema";
import { type DiffwaveConfig, lookAhead, parseDiffwaveConfig } from "./config";
import config22khz from "./config-22khz.json";
import { DiffwaveStream } from "./diffwave-stream";
import { loadConditioner, loadNetworks } from "./networks";
import { Sampler, seededNoise } from "./sampler";

/** The definition that `loadVocoder("diffwave", { weights })` finds: 6 steps. */
export const diffwave: VocoderDefinition = define("diffwave", "6 diffusion steps", true);

/** The same network with all the steps of its training. */
export const diffwaveFull: VocoderDefinition = define("diffwave-full", "50 diffusion steps", false);

function define(name: string, steps: string, isFast: boolean): VocoderDefinition {
  return {
    name,
    summary: `22.05 kHz, from log-mels of 80 bands, by ${steps}`,
    weightsLicence: undefined,
    card: {
      paper: 'Kong et al. 2020, "DiffWave: A Versatile Diffusion Model for Audio Synthesis"',
      paperUrl: "https://arxiv.org/abs/2009.09761",
      sampleRate: config22khz.sampleRate,
      numChannels: 1,
      frameRate: config22khz.sampleRate / config22khz.mel.hopLength,
      numParameters: 2_619_971,
      delaySamples: delayOf(parseDiffwaveConfig(config22khz), isFast),
      codeLicence: "Apache-2.0 (PyPI diffwave)",
      weightsLicence: "that of the file you give",
      tested: "PyPI diffwave 0.1.7: small and full-size random weights and the same noise, every stage",
    },
    async readSource(weights) {
      if (weights !== undefined) return { config: { ...config22khz, name, system: name }, weights };
      const message = `"${name}" comes without weights; give the published checkpoint as the option "weights"`;
      throw new ModelError("missing-weights", message, { codec: name });
    },
    assemble: (source, options) => assemble(source, isFast, options),
  };
}

/** What all steps look ahead, and the frame that the conditioner does. */
function delayOf(config: DiffwaveConfig, isFast: boolean): number {
  const numSteps = isFast ? config.fastSchedule.length : config.noiseSchedule.numSteps;
  return numSteps * lookAhead(config) + (config.mel?.hopLength ?? 0);
}

async function assemble(source: CodecSource, isFast: boolean, options: AssembleOptions): Promise<VocoderEngine> {
  const config = parseDiffwaveConfig(source.config);
  const { mel } = config;
  if (mel === undefined) throw badConfig("conditioning", '"mel" for a vocoder', config.conditioning);
  const checkpoint = await openCheckpoint(source.weights, options);
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
      return new DiffwaveStream(mel, await conditioner.get(), sampler);
    },
    async dispose() {
      await conditioner.dispose();
      await networks.dispose();
      checkpoint.close();
    },
  };
}
