/**
 * The networks equal PyTorch's, stage by stage, in both forms.
 *
 * Each comparison is proven to notice mistakes: the second half of this file breaks the wiring, one layer at a time, and
 * asks that the same check fails with a wide margin.
 */
import { describe, expect, it } from "vitest";
import type { SpeechConfig } from "../../codecs/speech-16k/config";
import { buildDecoder, type DecoderOutput } from "../../codecs/speech-16k/decoder-graph";
import { buildEncoder } from "../../codecs/speech-16k/encoder-graph";
import type { StateDict } from "../../src/checkpoints/state-dict";
import type { NetworkForm } from "../../src/graph/network";
import { type Golden, type GoldenName, maxDifference, readGolden } from "../helpers/golden";
import { type RunOptions, runNetwork } from "../helpers/run-network";

const outputs: readonly DecoderOutput[] = ["spectrum", "log_mel"];

/** What a test changes in a golden codec before it builds the networks. */
interface Changes extends RunOptions {
  readonly config?: SpeechConfig;
  readonly weights?: StateDict;
  readonly form?: NetworkForm;
}

/** The largest difference of each network output from PyTorch's, in units of the tolerance: up to 1 is equal. */
async function differences(golden: Golden, changes: Changes = {}): Promise<Record<string, number>> {
  const { config = golden.config, weights = golden.weights, form = "offline" } = changes;
  const { hopLength, latentDim } = config;
  const encoded = await runNetwork(buildEncoder(config, weights, form), golden.vector("padded"), hopLength, changes);
  const decoder = buildDecoder(config, weights, form, outputs);
  // Everything comes some frames late: as many frames of zeros behind the signal bring out the last.
  const { lookaheadFrames, upsampleFactor } = config.decoder;
  const quantized = new Float32Array([...golden.frames("quantized"), ...new Float32Array(lookaheadFrames * latentDim)]);
  const decoded = await runNetwork(decoder, quantized, latentDim, changes);
  const expected: Record<string, Float32Array> = {
    latents: golden.frames("latents"),
    spectrum: golden.frames("spectrum"),
    log_mel: golden.frames("log_mel"),
  };
  const actual: Record<string, Float32Array> = {
    ...encoded,
    ...decoded,
    log_mel: required(decoded.log_mel).subarray(lookaheadFrames * upsampleFactor * config.mel.numMels),
  };
  return Object.fromEntries(
    Object.entries(expected).map(([name, signal]) => {
      const computed = actual[name]?.subarray(0, signal.length) ?? new Float32Array();
      return [name, maxDifference(computed, signal) / (golden.tolerance[name] ?? 0)];
    }),
  );
}

const names: readonly GoldenName[] = ["speech-16k-tiny", "speech-16k"];

describe.each(names)("networks of %s", (name) => {
  describe("against PyTorch", () => {
    const cases: [string, Changes][] = [
      ["offline", {}],
      ["streaming, frame by frame", { form: "streaming", blocks: [1] }],
      ["streaming, in uneven blocks", { form: "streaming", blocks: [3, 1, 7, 2] }],
      ["streaming, all at once", { form: "streaming", blocks: [1000] }],
    ];
    it.each(cases)("%s", async (_, changes) => {
      const found = await differences(readGolden(name), changes);
      // Measured on both codecs: 0.005 to 0.13. Silence scores 9,900 and more.
      expect(
        Object.values(found).every((difference) => difference <= 1),
        JSON.stringify(found),
      ).toBe(true);
    });
  });
});

describe.each(names)("the two forms of %s", (name) => {
  it("give the same numbers to the last bit", async () => {
    const { config, weights, vector, frames } = readGolden(name);
    const pairs = (form: NetworkForm) =>
      [
        [buildEncoder(config, weights, form), vector("padded"), config.hopLength],
        [buildDecoder(config, weights, form, outputs), frames("quantized"), config.latentDim],
      ] as const;
    for (const [index, [offline, signal, width]] of pairs("offline").entries()) {
      const [streaming] = required(pairs("streaming")[index]);
      const expected = await runNetwork(offline, signal, width);
      for (const blocks of [[1], [4, 1, 9]]) {
        const found = await runNetwork(streaming, signal, width, { blocks });
        // This is what makes tokens independent of chunks. Rounding in another order would score 1e-6.
        for (const [output, numbers] of Object.entries(expected)) {
          expect(maxDifference(required(found[output]), numbers), output).toBe(0);
        }
      }
    }
  });
});

describe("a wrong network is noticed", () => {
  const golden = readGolden("speech-16k-tiny");
  const { config, weights } = golden;

  /** Weights with the numbers of one tensor put through `change`. */
  function withTensor(name: string, change: (value: number, index: number, all: Float32Array) => number): StateDict {
    const tensor = required(weights.get(name));
    const data = tensor.data.map(change);
    return new Map([...weights].map(([key, other]) => [key, key === name ? { ...tensor, data } : other]));
  }

  /** The config with the second dilation of a run of units set to 1. */
  function withoutSecondDilation(dilations: readonly number[]): readonly number[] {
    return dilations.map((dilation, index) => (index === 1 ? 1 : dilation));
  }

  function encoderWithoutDilation(): SpeechConfig {
    return { ...config, encoder: { ...config.encoder, dilations: withoutSecondDilation(config.encoder.dilations) } };
  }

  function withMel(changes: Partial<SpeechConfig["mel"]>): SpeechConfig {
    return { ...config, mel: { ...config.mel, ...changes } };
  }

  function decoderWithoutDilation(): SpeechConfig {
    const subframeDilations = withoutSecondDilation(config.decoder.subframeDilations);
    return { ...config, decoder: { ...config.decoder, subframeDilations } };
  }

  function withExcitation(changes: Partial<SpeechConfig["decoder"]["excitation"]>): SpeechConfig {
    const excitation = { ...config.decoder.excitation, ...changes };
    return { ...config, decoder: { ...config.decoder, excitation } };
  }

  /** Swaps the output channels 2 c and 2 c + 1, which are the two phases of channel c. */
  function withSwappedPhases(): StateDict {
    const [, numInputs = 1, numTaps = 1] = required(weights.get("decoder.upsample.weight")).shape;
    const length = numInputs * numTaps;
    return withTensor("decoder.upsample.weight", (_, index, all) => {
      const channel = Math.floor(index / length);
      return required(all[(channel ^ 1) * length + (index % length)]);
    });
  }

  /** Moves the numbers of each row of a kernel by `offset` places, in a circle. */
  function withShiftedTaps(name: string, numTaps: number, offset: number): StateDict {
    return withTensor(name, (_, index, all) => {
      const row = index - (index % numTaps);
      return required(all[row + ((index + offset) % numTaps)]);
    });
  }

  const encoderMistakes: [string, Changes][] = [
    ["dilations are 1", { config: encoderWithoutDilation() }],
    ["a gain is missing", { weights: withTensor("encoder.units.0.gain", () => 1) }],
    ["a bias is missing", { weights: withTensor("encoder.out.bias", () => 0) }],
    ["the mel's window is a sample short", { config: withMel({ windowLength: config.mel.windowLength - 1 }) }],
    ["the mel's bands end elsewhere", { config: withMel({ maxFrequencyHz: 7900 }) }],
    ["the mel is not normalized", { config: { ...config, melNormalization: { mean: 0, deviation: 1 } } }],
    ["the phases lie elsewhere", { config: { ...config, phase: { ...config.phase, spacingHz: 101 } } }],
    ["magnitudes are not compressed", { config: { ...config, phase: { ...config.phase, exponent: 1 } } }],
    ["states are forgotten", { form: "streaming", blocks: [5], forgets: true }],
  ];
  it.each(encoderMistakes)("in the encoder: %s", async (_, changes) => {
    const { latents } = await differences(golden, changes);
    // The mildest are the bands, with 280 tolerances.
    expect(latents).toBeGreaterThan(200);
  });

  const decoderMistakes: [string, Changes][] = [
    ["dilations are 1", { config: decoderWithoutDilation() }],
    ["a gain is missing", { weights: withTensor("decoder.frame_units.0.gain", () => 1) }],
    ["the phases of the upsampling are swapped", { weights: withSwappedPhases() }],
    [
      "the input's taps are shifted",
      { weights: withShiftedTaps("decoder.input.weight", config.decoder.inputKernelSize, 1) },
    ],
    ["states are forgotten", { form: "streaming", blocks: [5], forgets: true }],
  ];
  it.each(decoderMistakes)("in the decoder: %s", async (_, changes) => {
    const found = await differences(golden, changes);
    // The mildest are the dilations: 3,000 tolerances in the spectrum and 890 in log_mel.
    expect(found.spectrum).toBeGreaterThan(1500);
    expect(found.log_mel).toBeGreaterThan(500);
  });

  const [lowest = 0, middle = 0, highest = 0] = config.decoder.excitation.thresholds;
  const excitationMistakes: [string, Changes][] = [
    ["a bin of the low band is missing", { config: withExcitation({ lowBins: 7 }) }],
    ["a rectifier cuts lower", { config: withExcitation({ thresholds: [lowest, middle, 0.9 * highest] }) }],
    ["rectifiers are in another order", { config: withExcitation({ thresholds: [highest, middle, lowest] }) }],
    ["levels are taken from fewer bins", { config: withExcitation({ smoothingBins: 2 }) }],
    ["quiet frames are not lifted", { config: withExcitation({ levelFloor: 0.1 }) }],
    ["noise has no offsets", { weights: withTensor("decoder.excitation.noise_offsets", () => 0) }],
    [
      "the noise's two hops are swapped",
      { weights: withTensor("decoder.excitation.noise_offsets", (_, index, all) => required(all[index ^ 1])) },
    ],
    [
      "the noise's tones are in another order",
      { weights: withTensor("decoder.excitation.noise_offsets", (_, index, all) => required(all.at(-1 - index))) },
    ],
    ["a bias of the masks is missing", { weights: withTensor("decoder.excitation.masks.bias", () => 0) }],
    ["the mel's window is longer", { config: withMel({ windowLength: config.mel.windowLength + 16 }) }],
  ];
  it.each(excitationMistakes)("in the excitation: %s", async (_, changes) => {
    const { spectrum, log_mel } = await differences(golden, changes);
    // The mildest are the levels, with 298 tolerances.
    expect(spectrum).toBeGreaterThan(200);
    expect(log_mel).toBeLessThan(1);
  });

  it("and a mel beyond all bounds gives a spectrum within them", async () => {
    const loud = withTensor("decoder.log_mel.bias", (value) => value + 1000);
    const { spectrum = Number.NaN, log_mel = 0 } = await differences(golden, { weights: loud });
    expect(log_mel).toBeGreaterThan(1e6);
    expect(Number.isFinite(spectrum)).toBe(true);
  });
});

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("the golden codec lacks what this test breaks");
  return value;
}
