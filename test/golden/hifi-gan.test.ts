/**
 * HiFi-GAN's vocoders equal PyTorch's on the same random weights, from the checkpoint as it is published to the samples,
 * at once, in windows and in streams.
 */
import { describe, expect, it } from "vitest";
import type { HifiganConfig } from "../../codecs/hifi-gan/config";
import { buildGenerator, reachOf } from "../../codecs/hifi-gan/generator-graph";
import type { StateDict } from "../../src/checkpoints/state-dict";
import { loadVocoder, type NeuralVocoder } from "../../src/index";
import { WindowedStream } from "../../src/vocoder/frame-windows";
import { maxDifference, withChange } from "../helpers/golden";
import { type HifiganGolden, readHifiganGolden } from "../helpers/golden-hifi-gan";
import { randomGeneratorWeights } from "../helpers/random-generator";
import { runNetwork } from "../helpers/run-network";

/**
 * Largest difference that counts as equal. Samples reach 0.8 to 0.95 with a deviation of 0.3; measured are up to 7e-7.
 * Silence is off by 0.8, a signal that is one sample late by over 0.3.
 */
const tolerance = 1e-5;

const names = ["kind-1", "kind-2", "speecht5"] as const;
const goldens = new Map<string, HifiganGolden>();
for (const name of names) goldens.set(name, await readHifiganGolden(name));

function goldenOf(name: string): HifiganGolden {
  const golden = goldens.get(name);
  if (golden === undefined) throw new Error(`no golden vocoder "${name}"`);
  return golden;
}

function load({ source, weightsPath }: HifiganGolden): Promise<NeuralVocoder> {
  return loadVocoder({ config: source, weights: weightsPath }, { device: "cpu" });
}

async function offlineDifference(golden: HifiganGolden, config = golden.config, weights = golden.weights) {
  const network = buildGenerator(config, weights);
  const { waveform } = await runNetwork(network, golden.logMel, config.mel.numMels);
  return maxDifference(waveform ?? new Float32Array(), golden.waveform);
}

function* chunksOf(features: Float32Array, width: number, frames: number): Generator<Float32Array> {
  for (let at = 0; at < features.length; at += frames * width) yield features.subarray(at, at + frames * width);
}

describe.each(names)("%s", (name) => {
  const golden = goldenOf(name);

  it("gives PyTorch's samples", async () => {
    expect(await offlineDifference(golden)).toBeLessThanOrEqual(tolerance);
  });

  it("gives them through loadVocoder, from the checkpoint as it is published", async () => {
    await using vocoder = await load(golden);
    const { channels, sampleRate } = await vocoder.vocode(golden.logMel);
    expect(sampleRate).toBe(golden.config.mel.sampleRate);
    expect(maxDifference(channels[0] ?? new Float32Array(), golden.waveform)).toBeLessThanOrEqual(tolerance);
  });

  it.each([1, 7, 60])("gives the same bits in chunks of %i frames", async (frames) => {
    await using vocoder = await load(golden);
    const whole = await vocoder.vocode(golden.logMel);
    const pieces: number[] = [];
    const chunks = chunksOf(golden.logMel, golden.config.mel.numMels, frames);
    for await (const piece of vocoder.vocodeStream(chunks)) pieces.push(...piece);
    expect(Float32Array.from(pieces)).toEqual(whole.channels[0]);
  });
});

describe("windows", () => {
  type Generator = Pick<HifiganGolden, "config" | "weights" | "logMel">;

  async function inWindows(generator: Generator, lessContext: number): Promise<Float32Array> {
    const { config, weights, logMel } = generator;
    const featureDim = config.mel.numMels;
    const { back, ahead } = reachOf(config);
    const run = async (features: Float32Array) =>
      (await runNetwork(buildGenerator(config, weights), features, featureDim)).waveform ?? new Float32Array();
    const sizes = { featureDim, back: back - lessContext, ahead: ahead - lessContext, minFrames: 1, maxFrames: 9 };
    const stream = new WindowedStream(sizes, run);
    return Float32Array.from([...(await stream.push(logMel)), ...(await stream.flush())]);
  }

  it.each(names)("with the context that %s looks at give the same bits as the whole", async (name) => {
    const golden = goldenOf(name);
    const { waveform } = await runNetwork(
      buildGenerator(golden.config, golden.weights),
      golden.logMel,
      golden.config.mel.numMels,
    );
    expect(await inWindows(golden, 0)).toEqual(waveform);
  });

  // Only there are the runtime's convolutions exact.
  it.runIf(process.arch === "x64")("give the same bits where some convolutions are fast ones", async () => {
    // 128 channels over three samples a frame, an odd number, and 64 over six.
    const golden = goldenOf("kind-1");
    const rates = { upsampleRates: [3, 2], upsampleKernelSizes: [7, 4] };
    const kernels = { residualKernelSizes: [3, 7], residualDilations: [[1, 3], [1, 3]] };
    const generator = { ...golden.config.generator, initialChannels: 256, ...rates, ...kernels };
    const config: HifiganConfig = { ...golden.config, mel: { ...golden.config.mel, hopLength: 6 }, generator };
    const weights = randomGeneratorWeights(config);
    const { logMel } = golden;
    const network = buildGenerator(config, weights);
    expect(reachOf(config).ahead).toBeGreaterThan(reachOf(config).back);
    const { waveform = new Float32Array() } = await runNetwork(network, logMel, config.mel.numMels);
    expect(maxDifference(waveform, new Float32Array(waveform.length))).toBeGreaterThan(0.01);
    expect(await inWindows({ config, weights, logMel }, 0)).toEqual(waveform);
  });

  it("with one frame less do not", async () => {
    const golden = goldenOf("kind-2");
    // 5e-4: the outermost weights of every layer at once.
    expect(maxDifference(await inWindows(golden, 1), golden.waveform)).toBeGreaterThan(10 * tolerance);
  });
});

describe("the comparison notices", () => {
  const golden = goldenOf("kind-1");
  const { generator } = golden.config;
  const noticed: [string, HifiganConfig, StateDict][] = [
    ["another dilation", { ...golden.config, generator: { ...generator, residualDilations: [[1, 3], [1, 3]] } }, golden.weights],
    ["one weight of a transposed convolution", golden.config, withChange(golden.weights, "ups.1.weight", 5)],
    ["one bias of a residual block", golden.config, withChange(golden.weights, "resblocks.3.convs2.1.bias", 2)],
    ["one weight of the last layer", golden.config, withChange(golden.weights, "conv_post.weight", 9)],
  ];
  it.each(noticed)("%s", async (_, config, weights) => {
    expect(await offlineDifference(golden, config, weights)).toBeGreaterThan(100 * tolerance);
  });
});
