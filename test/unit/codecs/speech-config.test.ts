import { describe, expect, it } from "vitest";
import { parseSpeechConfig } from "../../../codecs/speech-16k/config";
import embedded from "../../../codecs/speech-16k/config.json";

/** The embedded config with one field changed, or taken away. */
function withField(path: string, value?: unknown): unknown {
  const config = structuredClone(embedded) as unknown as Record<string, unknown>;
  const keys = path.split(".");
  const name = keys.pop() ?? "";
  const section = keys.reduce((inner, key) => inner[key] as Record<string, unknown>, config);
  if (value === undefined) delete section[name];
  else section[name] = value;
  return config;
}

describe("a speech config", () => {
  it("is taken as it is when it is right", () => {
    expect(parseSpeechConfig(embedded)).toEqual(embedded);
  });

  const mistakes: [string, unknown, string][] = [
    ["name", "", '"name" expected a text that is not empty, got ""'],
    ["sampleRate", undefined, '"sampleRate" expected a number of at least 0, got nothing'],
    ["latentDim", 1.5, '"latentDim" expected a whole number of at least 1, got 1.5'],
    ["rvq.numCodebooks", 0, '"rvq.numCodebooks" expected a whole number of at least 1, got 0'],
    ["mel.floor", -1, '"mel.floor" expected a number of at least 0, got -1'],
    ["decoder", 3, '"decoder" expected an object, got 3'],
    ["decoder.frameDilations", [], '"decoder.frameDilations" expected a list that is not empty, got []'],
    ["decoder.frameDilations", [1, "2"], '"decoder.frameDilations[1]" expected a number of at least 0, got "2"'],
    ["encoder.inputKernelSize", 1, '"encoder.inputKernelSize" expected at least decoder.upsampleFactor, 2, got 1'],
    ["decoder.lookaheadFrames", 1.5, '"decoder.lookaheadFrames" expected a whole number, got 1.5'],
    [
      "mel.windowLength",
      2048,
      '"mel.windowLength" expected at least mel.hopLength, 160, and at most mel.fftLength, 1024, got 2048',
    ],
    [
      "mel.windowLength",
      80,
      '"mel.windowLength" expected at least mel.hopLength, 160, and at most mel.fftLength, 1024, got 80',
    ],
    ["phase.spacingHz", 500, '"phase.spacingHz" expected 40 frequencies up to half the sample rate, 8000, got 500'],
    ["phase.spacingHz", 0, '"phase.spacingHz" expected 40 frequencies up to half the sample rate, 8000, got 0'],
    ["melNormalization.mean", "loud", '"melNormalization.mean" expected a number, got "loud"'],
    ["decoder.excitation.thresholds", [0, "1"], '"decoder.excitation.thresholds[1]" expected a number, got "1"'],
    [
      "decoder.excitation.directBins",
      257,
      '"decoder.excitation.directBins" expected at most half of vocoder.fftLength, 256, got 257',
    ],
    ["decoder.excitation.smoothingBins", 0.5, '"decoder.excitation.smoothingBins" expected a whole number, got 0.5'],
    ["decoder.excitation.lowBins", 96, '"decoder.excitation.lowBins" expected less than directBins, 96, got 96'],
    ["decoder.excitation.levelFloor", 0, '"decoder.excitation.levelFloor" expected a number above 0, got 0'],
    ["decoder.excitation.powerFloor", 0, '"decoder.excitation.powerFloor" expected a number above 0, got 0'],
    ["phase.numFrequencies", 0, '"phase.numFrequencies" expected a whole number of at least 1, got 0'],
    ["phase.floor", 0, '"phase.floor" expected a number above 0, got 0'],
    ["melNormalization.deviation", 0, '"melNormalization.deviation" expected a number above 0, got 0'],
    ["frameRate", 75, '"frameRate" expected 50, from the other fields, got 75'],
    ["rvq.codebookDim", 8, '"rvq.codebookDim" expected 64, from the other fields, got 8'],
    ["vocoder.hopLength", 80, '"vocoder.hopLength" expected 160, from the other fields, got 80'],
    ["mel.hopLength", 80, '"mel.hopLength" expected 160, from the other fields, got 80'],
  ];
  it.each(mistakes)("with a wrong %s says so", (path, value, message) => {
    expect(() => parseSpeechConfig(withField(path, value))).toThrow(
      expect.objectContaining({ name: "ModelError", code: "bad-config", message: `${message}; correct the config` }),
    );
  });

  it("has hops with room for the tones of noise", () => {
    const { encoder, decoder, mel, vocoder } = embedded;
    const config = {
      ...embedded,
      encoder: { ...encoder, inputKernelSize: 160 },
      decoder: { ...decoder, upsampleFactor: 160 },
      mel: { ...mel, hopLength: 2 },
      vocoder: { ...vocoder, hopLength: 2 },
    };
    const message = '"vocoder.hopLength" expected at least 3, for tones of noise, got 2; correct the config';
    expect(() => parseSpeechConfig(config)).toThrow(expect.objectContaining({ code: "bad-config", message }));
  });

  it.each([null, [], "text", 3])("is not %j", (value) => {
    expect(() => parseSpeechConfig(value)).toThrow(expect.objectContaining({ code: "bad-config" }));
  });
});
