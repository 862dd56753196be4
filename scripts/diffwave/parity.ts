/**
 * How near our DiffWave is to PyPI diffwave, stage by stage, as the table of codecs/diffwave/README.md.
 *
 * `python scripts/diffwave/make_vectors.py full DIR && npx tsx scripts/diffwave/parity.ts DIR`; without DIR: the tiny model.
 */

import { buildDenoiser } from "../../codecs/diffwave/denoiser-graph";
import { DiffwaveStream } from "../../codecs/diffwave/diffwave-stream";
import { loadConditioner, loadNetworks } from "../../codecs/diffwave/networks";
import { stepEmbedding } from "../../codecs/diffwave/noise-schedule";
import { Sampler } from "../../codecs/diffwave/sampler";
import { buildStepNetwork } from "../../codecs/diffwave/step-graph";
import type { Network } from "../../src/graph/network";
import { NetworkSession, type Tensors } from "../../src/runtime/network-session";
import { openRuntime } from "../../src/runtime/open-runtime";
import {
  type DiffwaveVectors,
  diffwaveTinyFolder,
  drawnNoise,
  readDiffwaveGolden,
} from "../../test/helpers/golden-diffwave";

const cpu = { device: "cpu" } as const;
const { config, weights, signals } = await readDiffwaveGolden("mel", process.argv[2] ?? diffwaveTinyFolder);
const { mel: melConfig } = config;
if (melConfig === undefined) throw new Error("expected a model of mels");

console.log("| samples | steps | stage | largest difference | root mean square of the difference | of the signal |");
console.log("|---|---|---|---|---|---|");
for (const signal of signals) await report(signal);

async function report(signal: DiffwaveVectors): Promise<void> {
  const { numFrames, mel, audio, drawn, fast } = signal;
  await using conditioner = await loadConditioner(config, weights, cpu);
  const frames = { mel: { data: mel, shape: [1, numFrames, mel.length / numFrames] } };
  const { condition } = await conditioner.run(frames);
  row(signal, "condition", condition?.data, signal.condition);
  const embedding = { data: stepEmbedding(config, signal.step), shape: [1, 1, config.stepEmbeddingDim] };
  const { offsets } = await runOnce(buildStepNetwork(config, weights), { embedding });
  if (offsets === undefined || signal.condition === undefined) throw new Error("incomplete vectors");
  const inputs = {
    samples: { data: drawn.slice(0, audio.length), shape: [1, audio.length, 1] },
    condition: { data: signal.condition, shape: [1, audio.length, mel.length / numFrames] },
    offsets,
  };
  const { noise } = await runOnce(buildDenoiser(config, weights, "offline"), inputs);
  row(signal, "noise of one step", noise?.data, signal.noise);
  const networks = await loadNetworks(config, weights, fast, cpu);
  const sampler = new Sampler(config, networks, { noise: drawnNoise(signal) });
  const stream = new DiffwaveStream(
    { ...config, mel: melConfig as NonNullable<typeof melConfig> },
    conditioner,
    sampler,
  );
  const pieces = [...(await stream.push(mel)), ...(await stream.flush())];
  await networks.dispose();
  row(signal, "audio", Float32Array.from(pieces), audio);
}

async function runOnce(network: Network, inputs: Tensors): Promise<Tensors> {
  await using session = await NetworkSession.create(await openRuntime(cpu), network);
  return session.run(inputs);
}

function row(
  { audio, fast }: DiffwaveVectors,
  stage: string,
  actual: Float32Array | undefined,
  expected: Float32Array | undefined,
): void {
  if (actual === undefined || expected === undefined || actual.length !== expected.length)
    throw new Error(`${stage}: ${actual?.length} numbers instead of ${expected?.length}`);
  const difference = actual.map((value, index) => value - (expected[index] ?? 0));
  const largest = difference.reduce((worst, value) => Math.max(worst, Math.abs(value)), 0);
  const numbers = [largest, rootMeanSquare(difference), rootMeanSquare(expected)];
  const steps = fast ? config.fastSchedule.length : config.noiseSchedule.numSteps;
  console.log(`| ${audio.length} | ${steps} | ${stage} | ${numbers.map((n) => n.toExponential(1)).join(" | ")} |`);
}

function rootMeanSquare(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}
