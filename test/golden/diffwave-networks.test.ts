/**
 * DiffWave's networks equal PyPI diffwave's on the same random weights, and the denoiser's streaming form its offline
 * form, whatever the portions.
 */
import { describe, expect, it } from "vitest";
import { buildConditioner } from "../../codecs/diffwave/conditioner-graph";
import { type DiffwaveConfig, lookAhead } from "../../codecs/diffwave/config";
import { buildDenoiser } from "../../codecs/diffwave/denoiser-graph";
import { stepEmbedding } from "../../codecs/diffwave/noise-schedule";
import { buildStepNetwork } from "../../codecs/diffwave/step-graph";
import type { StateDict } from "../../src/checkpoints/state-dict";
import type { Network } from "../../src/graph/network";
import { NetworkSession, type Tensors } from "../../src/runtime/network-session";
import { openRuntime } from "../../src/runtime/open-runtime";
import { maxDifference, withChange } from "../helpers/golden";
import { type DiffwaveKind, type DiffwaveVectors, readDiffwaveGolden } from "../helpers/golden-diffwave";

/** Values reach 0.9 and differences 4e-7 (scripts/diffwave/parity.ts); silence is off by 0.5 and more. */
const tolerance = 5e-6;
/** The class that make_vectors.py takes. */
const goldenLabel = 1;

const goldens = {
  mel: await readDiffwaveGolden("mel"),
  label: await readDiffwaveGolden("label"),
  none: await readDiffwaveGolden("none"),
  trained: await readDiffwaveGolden("trained"),
};

async function open(network: Network): Promise<NetworkSession> {
  return NetworkSession.create(await openRuntime({ device: "cpu" }), network);
}

interface Changes {
  readonly config?: DiffwaveConfig;
  readonly weights?: StateDict;
  readonly label?: number;
  readonly step?: number;
}

/** What does not depend on the form: the offsets of the step, and the condition. */
async function inputsOf(kind: DiffwaveKind, signal: DiffwaveVectors, changes: Changes): Promise<Tensors> {
  const { config = goldens[kind].config, weights = goldens[kind].weights, label = goldenLabel } = changes;
  await using session = await open(buildStepNetwork(config, weights));
  const embedding = { data: stepEmbedding(config, changes.step ?? signal.step), shape: [1, 1, config.stepEmbeddingDim] };
  const { offsets } = await session.run({ embedding });
  if (offsets === undefined) throw new Error("no offsets");
  const { classDim = 0, mel } = config;
  const classes = weights.get("class_embedding.weight")?.data.slice(label * classDim, (label + 1) * classDim);
  if (classes !== undefined) return { offsets, condition: { data: classes, shape: [1, 1, classDim] } };
  if (signal.condition === undefined || mel === undefined) return { offsets };
  return { offsets, condition: { data: signal.condition, shape: [1, signal.audio.length, mel.numMels] } };
}

/** The noise that the offline form finds in a signal's first drawing. */
async function noiseOffline(kind: DiffwaveKind, index: number, changes: Changes = {}): Promise<Float32Array> {
  const { config = goldens[kind].config, weights = goldens[kind].weights } = changes;
  const signal = goldens[kind].signals[index] as DiffwaveVectors;
  const samples = { data: signal.drawn.slice(0, signal.audio.length), shape: [1, signal.audio.length, 1] };
  await using session = await open(buildDenoiser(config, weights, "offline"));
  const { noise } = await session.run({ samples, ...(await inputsOf(kind, signal, changes)) });
  return noise?.data ?? new Float32Array();
}

/** The same from the streaming form in portions, whose results are late. `marks` is what it is told lies beyond the end. */
async function noiseInPortions(kind: DiffwaveKind, portions: readonly number[], marks = 0): Promise<Float32Array> {
  const { config, weights, signals } = goldens[kind];
  const signal = signals[0] as DiffwaveVectors;
  const delay = lookAhead(config);
  const length = signal.audio.length;
  const { offsets, condition } = await inputsOf(kind, signal, {});
  const width = condition?.shape[2] ?? 0;
  const conditions = new Float32Array((length + 2 * delay) * width);
  if (kind === "mel") conditions.set(condition?.data ?? [], delay * width);
  const inside = new Float32Array(length + 2 * delay).fill(marks).fill(1, delay, delay + length);
  const samples = new Float32Array(length + delay);
  samples.set(signal.drawn.subarray(0, length));
  await using session = await open(buildDenoiser(config, weights, "streaming"));
  const stream = session.openStream();
  const found: number[] = [];
  for (let begin = 0, call = 0; begin < samples.length; call++) {
    const size = Math.min(portions[call % portions.length] as number, samples.length - begin);
    const rows = size + delay;
    const stretch = { data: conditions.slice(begin * width, (begin + rows) * width), shape: [1, rows, width] };
    const inputs: Record<string, { data: Float32Array; shape: readonly number[] }> = {
      samples: { data: samples.slice(begin, begin + size), shape: [1, size, 1] },
      inside: { data: inside.slice(begin, begin + rows), shape: [1, rows, 1] },
      offsets: offsets as NonNullable<typeof offsets>,
    };
    if (condition !== undefined) inputs.condition = kind === "mel" ? stretch : condition;
    found.push(...((await stream.run(inputs)).noise?.data ?? []));
    begin += size;
  }
  return Float32Array.from(found).slice(delay);
}

describe("conditioner", () => {
  const rows = [["mel", 0], ["mel", 1], ["trained", 0]] as const;
  it.each(rows)("gives PyTorch's rows for signal %s %i", async (kind, index) => {
    const { config, weights, signals } = goldens[kind];
    const { mel, numFrames, condition } = signals[index] as DiffwaveVectors;
    await using session = await open(buildConditioner(config, weights));
    const result = await session.run({ mel: { data: mel, shape: [1, numFrames, mel.length / numFrames] } });
    // Values reach 2.4.
    expect(maxDifference(result.condition?.data ?? new Float32Array(), condition ?? new Float32Array())).toBeLessThan(
      tolerance,
    );
  });
});

describe("denoiser", () => {
  const cases = (["mel", "label", "none", "trained"] as const).flatMap((kind) =>
    goldens[kind].signals.map(({ numFrames }, index) => [kind, numFrames, index] as const),
  );
  it.each(cases)("conditioned on %s, %i frames", async (kind, _, index) => {
    const { noise } = goldens[kind].signals[index] as DiffwaveVectors;
    expect(maxDifference(await noiseOffline(kind, index), noise)).toBeLessThan(tolerance);
  });

  it.each([[[5000]], [[1]], [[3, 1, 100, 13, 14, 15]]] as const)("in portions of %j", async (portions) => {
    const { noise } = goldens.mel.signals[0] as DiffwaveVectors;
    expect(maxDifference(await noiseInPortions("mel", portions), noise)).toBeLessThan(tolerance);
  });

  it.each(["label", "none"] as const)("in portions, conditioned on %s", async (kind) => {
    const { noise } = goldens[kind].signals[0] as DiffwaveVectors;
    expect(maxDifference(await noiseInPortions(kind, [100, 7]), noise)).toBeLessThan(tolerance);
  });
});

describe("the comparison notices", () => {
  const { config, weights } = goldens.mel;
  const noticed: [string, DiffwaveKind, Changes][] = [
    ["another dilation", "mel", { config: { ...config, dilationCycle: 2 } }],
    ["the step rounded to a whole one", "mel", { step: 3 }],
    ["one bias of a residual", "mel", { weights: withChange(weights, "residual_layers.2.output_projection.bias", 1) }],
    ["one bias of a step", "mel", { weights: withChange(weights, "residual_layers.5.diffusion_projection.bias", 3) }],
    ["another class", "label", { label: 2 }],
  ];
  it.each(noticed)("%s", async (_, kind, changes) => {
    const { noise } = goldens[kind].signals[0] as DiffwaveVectors;
    expect(maxDifference(await noiseOffline(kind, 0, changes), noise)).toBeGreaterThan(100 * tolerance);
  });

  it("that what lies behind the end is taken for signal", async () => {
    const { noise } = goldens.mel.signals[0] as DiffwaveVectors;
    expect(maxDifference(await noiseInPortions("mel", [500], 1), noise)).toBeGreaterThan(100 * tolerance);
  });
});
