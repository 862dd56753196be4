/** A codec's tokens through a vocoder that stands alone: the features that the decoder predicts, at their places. */
import { concatFloats } from "../../src/kernels/concat";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { MelConfig } from "../../src/features/mel-spectrogram";
import { loadCodec, NeuralVocoder, type TokenFrames } from "../../src/index";
import { WindowedStream } from "../../src/vocoder/frame-windows";
import { maxDifference, readGolden } from "../helpers/golden";
import { framesOf } from "../helpers/stream-pieces";

const golden = readGolden("speech-16k-tiny");
const folder = join(import.meta.dirname, "speech-16k-tiny");
const config: unknown = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
const codec = await loadCodec(
  { config, weights: readFileSync(join(folder, "weights.safetensors")) },
  { device: "cpu" },
);
afterAll(() => codec.dispose());

const { floor, ...sizes } = golden.config.mel;
const mel: MelConfig = {
  ...sizes,
  sampleRate: golden.config.sampleRate,
  melScale: "slaney",
  norm: "slaney",
  power: 1,
  padding: "reflect-same",
  compression: { log: "natural", floor },
};
const { numMels, hopLength } = mel;

/** Its samples are values of the features, every frame's one after the other; it looks three frames ahead. */
function spellingVocoder(changes: Partial<MelConfig> = {}, features = "log_mel"): NeuralVocoder {
  const spell = async (frames: Float32Array): Promise<Float32Array> =>
    Float32Array.from({ length: (frames.length / numMels) * hopLength }, (_, n) => {
      const frame = Math.floor(n / hopLength);
      return frames[frame * numMels + ((n % hopLength) % numMels)] ?? 0;
    });
  return new NeuralVocoder({
    name: "speller",
    sampleRate: mel.sampleRate,
    features,
    featureDim: numMels,
    hopLength,
    mel: { ...mel, ...changes },
    openStream: async () =>
      new WindowedStream({ featureDim: numMels, back: 0, ahead: 3, minFrames: 4, maxFrames: 50 }, spell),
    dispose: async () => undefined,
  });
}

function goldenTokens(): TokenFrames {
  const { name, sampleRate, frameRate, rvq } = golden.config;
  const codes = Uint16Array.from(golden.vector("tokens"));
  return {
    codec: name,
    revision: codec.identity.revision,
    sampleRate,
    frameRate,
    numSamples: (codes.length / rvq.numCodebooks) * golden.config.hopLength,
    numChannels: 1,
    numCodebooks: rvq.numCodebooks,
    codebookSize: rvq.codebookSize,
    codes,
  };
}

const logMel = golden.frames("log_mel");
const expected = Float32Array.from({ length: goldenTokens().numSamples }, (_, n) => {
  return logMel[Math.floor(n / hopLength) * numMels + ((n % hopLength) % numMels)] ?? Number.NaN;
});
/** Largest difference that counts as equal. Neighbouring frames and bins differ by 0.01 to 1. */
const tolerance = golden.tolerance.log_mel ?? 0;

describe("decode with a vocoder", () => {
  it("gives it the log-mel that PyTorch's decoder predicts, and takes its samples from the first frame on", async () => {
    const { channels, sampleRate } = await codec.decode(goldenTokens(), { vocoder: spellingVocoder() });
    expect(sampleRate).toBe(16_000);
    expect(maxDifference(channels[0] ?? new Float32Array(), expected)).toBeLessThanOrEqual(tolerance);
    // A frame of delay that were left in would show.
    const late = concatFloats([new Float32Array(hopLength), expected]).subarray(0, expected.length);
    expect(maxDifference(late, expected)).toBeGreaterThan(50 * tolerance);
  });

  it("gives the same samples frame by frame", async () => {
    const whole = await codec.decode(goldenTokens(), { vocoder: spellingVocoder() });
    const chunks: Float32Array[] = [];
    for await (const chunk of codec.decodeStream(framesOf(goldenTokens()), { vocoder: spellingVocoder() })) {
      chunks.push(chunk.channels[0] ?? new Float32Array());
    }
    expect(chunks.length).toBeGreaterThan(3);
    expect(concatFloats(chunks)).toEqual(whole.channels[0]);
  });

  it("refuses a vocoder of another log-mel, naming both sides and the field", async () => {
    const vocoder = spellingVocoder({ maxFrequencyHz: 7600 });
    await expect(codec.decode(goldenTokens(), { vocoder })).rejects.toMatchObject({
      code: "features-mismatch",
      message:
        '"speech-16k-tiny" gives log-mel with maxFrequencyHz 8000, "speller" takes maxFrequencyHz 7600; choose a vocoder that was trained on the same features',
    });
  });

  it("refuses a vocoder of features that the codec has not", async () => {
    const vocoder = spellingVocoder({}, "units");
    await expect(codec.decode(goldenTokens(), { vocoder })).rejects.toMatchObject({
      code: "features-mismatch",
      message: expect.stringMatching(/"speller" takes "units", and "speech-16k-tiny" has log_mel for vocoders/),
    });
  });
});
