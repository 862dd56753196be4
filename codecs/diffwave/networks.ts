/** The networks of one DiffWave, loaded: what all its signals share. */
import type { StateDict } from "../../src/checkpoints/state-dict";
import type { RuntimeOptions } from "../../src/codec-definition";
import { NetworkSession } from "../../src/runtime/network-session";
import { openRuntime } from "../../src/runtime/open-runtime";
import { outputData } from "../../src/runtime/output-data";
import type { Tensor } from "../../src/runtime/runtime";
import { buildConditioner } from "./conditioner-graph";
import type { DiffwaveConfig } from "./config";
import { buildDenoiser } from "./denoiser-graph";
import { type ReverseStep, reverseSteps, stepEmbedding } from "./noise-schedule";
import { buildStepNetwork } from "./step-graph";

/** One diffusion step, and what it adds in the layers of the denoiser, [1, numLayers, C]. */
export interface EmbeddedStep extends ReverseStep {
  readonly offsets: Tensor;
}

export interface DiffwaveNetworks {
  readonly denoiser: NetworkSession;
  /** In the order of sampling. */
  readonly steps: readonly EmbeddedStep[];
  dispose(): Promise<void>;
}

/**
 * Builds and loads the networks.
 *
 * @param isFast  the few steps of the config's fast schedule, or all
 * @throws {ModelError} when a tensor is missing or has another shape than the config says
 */
export async function loadNetworks(
  config: DiffwaveConfig,
  weights: StateDict,
  isFast: boolean,
  options: RuntimeOptions,
): Promise<DiffwaveNetworks> {
  const steps = reverseSteps(config, isFast);
  const runtime = await openRuntime(options);
  await using stepNetwork = await NetworkSession.create(runtime, buildStepNetwork(config, weights));
  const embedded = await embedSteps(config, stepNetwork, steps);
  const denoiser = await NetworkSession.create(runtime, buildDenoiser(config, weights, "streaming"));
  return { denoiser, steps: embedded, dispose: () => denoiser.dispose() };
}

/**
 * Builds and loads the network that makes a row for every sample from a mel's frames.
 *
 * @throws {ModelError} when a tensor is missing or has another shape than the config says
 */
export async function loadConditioner(
  config: DiffwaveConfig,
  weights: StateDict,
  options: RuntimeOptions,
): Promise<NetworkSession> {
  return NetworkSession.create(await openRuntime(options), buildConditioner(config, weights));
}

/** All steps go through the network as one batch. */
async function embedSteps(
  config: DiffwaveConfig,
  session: NetworkSession,
  steps: readonly ReverseStep[],
): Promise<EmbeddedStep[]> {
  const { stepEmbeddingDim, numLayers, channels } = config;
  const embedding = new Float32Array(steps.length * stepEmbeddingDim);
  for (const [index, { position }] of steps.entries()) {
    embedding.set(stepEmbedding(config, position), index * stepEmbeddingDim);
  }
  const shape = [steps.length, 1, stepEmbeddingDim];
  const offsets = outputData(session, await session.run({ embedding: { data: embedding, shape } }), "offsets");
  const length = numLayers * channels;
  return steps.map((step, index) => ({
    ...step,
    offsets: { data: offsets.slice(index * length, (index + 1) * length), shape: [1, numLayers, channels] },
  }));
}
