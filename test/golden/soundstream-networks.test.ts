/**
 * The SoundStream networks equal the PyTorch twin's on the same random weights, in both forms, with denoising off and
 * switched from frame to frame, on either side.
 */
import { describe, expect, it } from "vitest";
import type { SoundstreamConfig } from "../../codecs/soundstream/config";
import { buildDecoder } from "../../codecs/soundstream/decoder-graph";
import { buildEncoder } from "../../codecs/soundstream/encoder-graph";
import type { StateDict } from "../../src/checkpoints/state-dict";
import type { DenoisingSide } from "../../src/encoder/denoising";
import type { Network, NetworkForm } from "../../src/graph/network";
import { maxDifference, withChange } from "../helpers/golden";
import {
  type DenoisingCase,
  isDenoised,
  readSoundstreamGolden,
  soundstreamFolder,
} from "../helpers/golden-soundstream";
import { type RunOptions, runNetwork } from "../helpers/run-network";

const models = {
  encoder: readSoundstreamGolden(soundstreamFolder("encoder")),
  decoder: readSoundstreamGolden(soundstreamFolder("decoder")),
};

/**
 * Largest difference that counts as equal. Values reach 1.5; measured are up to 7.2e-7. The mildest of the mistakes below
 * is off by 0.03.
 */
const tolerance = 3e-6;

interface Changes extends RunOptions {
  readonly config?: SoundstreamConfig;
  readonly weights?: StateDict;
  readonly form?: NetworkForm;
  readonly denoising?: DenoisingCase;
  /** The mode that the networks are told, where it is not the one that they are compared in. */
  readonly told?: DenoisingCase;
}

/** The largest difference of latents and of samples from the twin's, for one signal. */
async function differences(side: DenoisingSide, index: number, changes: Changes = {}) {
  const golden = models[side];
  const { config = golden.config, weights = golden.weights, form = "offline", denoising = "off" } = changes;
  const signal = golden.signals[index];
  if (signal === undefined) throw new Error(`no signal ${index}`);
  const expected = signal[denoising];
  const numFrames = Math.ceil(signal.input.length / config.hopLength);
  const modes = Float32Array.from({ length: 2 * numFrames }, (_, at) => {
    const isOn = isDenoised(golden, changes.told ?? denoising, Math.floor(at / 2));
    return isOn === (at % 2 === 1) ? 1 : 0;
  });
  const run = (network: Network, data: Float32Array, width: number) => {
    const takesModes = network.inputs.some(({ name }) => name === "denoising");
    return runNetwork(network, data, width, { ...changes, ...(takesModes && { beside: { denoising: modes } }) });
  };
  const padded = new Float32Array(numFrames * config.hopLength);
  padded.set(signal.input);
  const { latents } = await run(buildEncoder(config, weights, form), padded, config.hopLength);
  const { waveform } = await run(buildDecoder(config, weights, form), expected.quantized, config.latentDim);
  return {
    latents: maxDifference(latents ?? new Float32Array(), expected.latents),
    waveform: maxDifference(waveform?.subarray(0, signal.input.length) ?? new Float32Array(), expected.waveform),
  };
}

const forms: [string, Changes][] = [
  ["offline", {}],
  ["streaming, all at once", { form: "streaming", blocks: [1000] }],
  ["streaming, frame by frame", { form: "streaming", blocks: [1] }],
  ["streaming, in uneven blocks", { form: "streaming", blocks: [3, 1, 8] }],
];
const cases = (["encoder", "decoder"] as const).flatMap((side) =>
  models[side].signals.flatMap(({ input }, index) =>
    (["off", "switched"] as const).map((denoising) => ({ side, index, denoising, length: input.length })),
  ),
);

describe.each(cases)("denoising in the $side, $denoising, $length samples", ({ side, index, denoising }) => {
  it.each(forms)("%s", async (_, changes) => {
    const found = await differences(side, index, { ...changes, denoising });
    expect(Math.max(found.latents, found.waveform), JSON.stringify(found)).toBeLessThanOrEqual(tolerance);
  });
});

describe("the two forms", () => {
  it.each(["encoder", "decoder"] as const)(
    "give the same numbers to the last bit, denoising in the %s",
    async (side) => {
      const { config, weights, signals } = models[side];
      const signal = signals[1];
      if (signal === undefined) throw new Error("no second signal");
      const modes = Float32Array.from(
        { length: (2 * signal.input.length) / config.hopLength },
        (_, at) => (at >> 2) & 1,
      );
      const beside = { beside: { denoising: modes } };
      for (const [build, data, width, extra] of [
        [buildEncoder, signal.input, config.hopLength, side === "encoder" ? beside : {}],
        [buildDecoder, signal.off.quantized, config.latentDim, side === "decoder" ? beside : {}],
      ] as const) {
        const expected = await runNetwork(build(config, weights, "offline"), data, width, extra);
        for (const blocks of [[1], [4, 1, 3]]) {
          const found = await runNetwork(build(config, weights, "streaming"), data, width, { ...extra, blocks });
          // This is what makes tokens independent of chunks. Rounding in another order would score 1e-7.
          expect(found).toEqual(expected);
        }
      }
    },
  );
});

describe("the comparison notices", () => {
  const { config, weights } = models.encoder;
  const noticed: [string, Changes][] = [
    ["states that are forgotten", { form: "streaming", blocks: [5], forgets: true }],
    ["another dilation", { config: { ...config, dilations: [1, 3, 8] } }],
    ["the switch in the wrong position", { denoising: "switched", told: "off" }],
    ["one weight of the switch", { weights: withChange(weights, "encoder.film.weight", 3), denoising: "switched" }],
    ["one weight of the first layer", { weights: withChange(weights, "encoder.input.weight", 2) }],
    ["one bias of a transposed convolution", { weights: withChange(weights, "decoder.stages.1.up.bias", 1) }],
    ["one weight of the last layer", { weights: withChange(weights, "decoder.output.weight", 3) }],
  ];
  it.each(noticed)("%s", async (_, changes) => {
    const found = await differences("encoder", 0, changes);
    expect(Math.max(found.latents, found.waveform)).toBeGreaterThan(5000 * tolerance);
  });
});
