import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import config16k from "../../../codecs/hifi-gan/config-16k.json";
import configSpeecht5 from "../../../codecs/hifi-gan/config-speecht5.json";
import configV1 from "../../../codecs/hifi-gan/config-v1.json";
import { readSafetensors } from "../../../src/checkpoints/safetensors";
import {
  type MelConfig,
  MelSpectrogramStream,
  melDifference,
  melSpectrogram,
} from "../../../src/features/mel-spectrogram";
import { maxDifference, requireVector } from "../../helpers/golden";
import { noise } from "../../helpers/synth-audio";

const root = join(import.meta.dirname, "..", "..", "..");
/** What librosa, torch and transformers give, made by scripts/hifi-gan/make_vectors.py. */
const vectors = readSafetensors(readFileSync(join(root, "test/golden/mel/vectors.safetensors"))).tensors;

const vector = (name: string) => requireVector(vectors, name).data;

const samples = vector("samples");
const hifigan = configV1.mel as MelConfig;
const centered: MelConfig = {
  ...hifigan,
  melScale: "htk",
  norm: "none",
  powerOffset: 0,
  padding: "reflect-center",
};
/** Each system's own log-mel. */
const variants: Record<string, MelConfig> = {
  hifigan,
  speecht5: configSpeecht5.mel as MelConfig,
  "speech-16k": config16k.mel as MelConfig,
  diffwave: {
    ...centered,
    minFrequencyHz: 20,
    maxFrequencyHz: 11025,
    isWindowNormalized: true,
    // 20 dB a decade less 20 dB of reference, from -100 to 0 dB brought to 0 to 1.
    compression: { log: "decimal", floor: 1e-5, scale: 0.2, offset: 0.8, range: [0, 1] },
  },
  vocos: {
    ...centered,
    sampleRate: 24000,
    numMels: 100,
    maxFrequencyHz: 12000,
    compression: { log: "natural", floor: 1e-7 },
  },
};

describe("melSpectrogram", () => {
  it.each(Object.entries(variants))("of %s is the reference's to 1e-4", (name, config) => {
    // Values span 10 (1 in diffwave's); another window, scale, norm, floor or edge is off by more than 0.01.
    expect(maxDifference(melSpectrogram(samples, config), vector(name))).toBeLessThanOrEqual(1e-4);
  });

  const wrong: [string, MelConfig][] = [
    ["another scale", { ...hifigan, melScale: "htk" }],
    ["no norm", { ...hifigan, norm: "none" }],
    ["powers", { ...hifigan, power: 2 }],
    ["no offset", { ...hifigan, powerOffset: 0 }],
    ["a lower top", { ...hifigan, maxFrequencyHz: 7999 }],
    ["another floor", { ...hifigan, compression: { ...hifigan.compression, floor: 1e-3 } }],
    ["a shorter window", { ...hifigan, windowLength: 1022 }],
  ];
  it.each(wrong)("differs with %s", (_, config) => {
    expect(maxDifference(melSpectrogram(samples, config), vector("hifigan"))).toBeGreaterThan(1e-3);
  });

  it.each([
    [0, 0, 0],
    [1, 0, 1],
    [255, 0, 1],
    [256, 1, 2],
    [300, 1, 2],
    [5000, 19, 20],
  ])("of %i samples has %i frames in their hops, %i on their centres", (length, inHops, onCentres) => {
    const signal = noise(length, 3);
    expect(melSpectrogram(signal, hifigan)).toHaveLength(inHops * 80);
    expect(melSpectrogram(signal, { ...hifigan, padding: "reflect-center" })).toHaveLength(onCentres * 80);
  });

  it("refuses what is no signal and lengths that are none", () => {
    expect(() => melSpectrogram([0, 1] as never, hifigan)).toThrow(TypeError);
    expect(() => melSpectrogram(samples, { ...hifigan, fftLength: 1000 })).toThrow(
      /"fftLength" expected a power of two/,
    );
    expect(() => melSpectrogram(samples, { ...hifigan, windowLength: 2048 })).toThrow(
      /"windowLength" expected 1 to 1024/,
    );
    expect(() => melSpectrogram(samples, { ...hifigan, hopLength: 0 })).toThrow(/"hopLength"/);
  });
});

describe("MelSpectrogramStream", () => {
  it.each(["reflect-same", "reflect-center"] as const)("gives the same bits in any chunks, %s", (padding) => {
    const config = { ...hifigan, padding };
    const whole = melSpectrogram(samples, config);
    for (const size of [1, 255, 256, 383, 4099]) {
      const stream = new MelSpectrogramStream(config);
      const rows: number[] = [];
      for (let at = 0; at < samples.length; at += size) rows.push(...stream.push(samples.subarray(at, at + size)));
      rows.push(...stream.flush());
      expect(Float32Array.from(rows), `chunks of ${size}`).toEqual(whole);
    }
  });

  it("gives the same bits for a signal of several slices", () => {
    const long = noise(200_000, 5);
    const stream = new MelSpectrogramStream(hifigan);
    const rows = [...stream.push(long.subarray(0, 70_001)), ...stream.push(long.subarray(70_001)), ...stream.flush()];
    expect(Float32Array.from(rows)).toEqual(melSpectrogram(long, hifigan));
  });
});

describe("melDifference", () => {
  it("finds none between a config and itself, with defaults written out or not", () => {
    const { powerOffset: _, ...plain } = hifigan;
    const explicit = { ...hifigan, powerOffset: 0, isWindowNormalized: false };
    expect(melDifference(plain, explicit)).toBeUndefined();
    expect(melDifference(hifigan, hifigan)).toBeUndefined();
  });

  const others: [string, MelConfig, object][] = [
    ["hop", { ...hifigan, hopLength: 160 }, { field: "hopLength", left: "256", right: "160" }],
    ["rate first", { ...hifigan, hopLength: 160, sampleRate: 16000 }, { field: "sampleRate" }],
    ["offset", { ...hifigan, powerOffset: 0 }, { field: "powerOffset", right: "0" }],
    [
      "range",
      { ...hifigan, compression: { ...hifigan.compression, range: [0, 1] } },
      { field: "compression.range", left: "none", right: "0,1" },
    ],
  ];
  it.each(others)("names the %s", (_, other, expected) => {
    expect(melDifference(hifigan, other)).toMatchObject(expected);
  });
});
