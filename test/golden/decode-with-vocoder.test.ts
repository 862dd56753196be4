/** A codec's tokens through a vocoder that stands alone: the features that the decoder predicts, at their places. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { hifigan16k } from "../../codecs/hifi-gan/index";
import { speech16k } from "../../codecs/speech-16k/index";
import { ModelError } from "../../src/errors";
import type { MelConfig } from "../../src/features/mel-spectrogram";
import {
  Codec,
  codecs,
  decode,
  loadCodec,
  NeuralVocoder,
  type TokenFrames,
  type VocoderDefinition,
  vocoders,
} from "../../src/index";
import { concatFloats } from "../../src/kernels/concat";
import { loadDefinedCodec } from "../../src/load-codec";
import { WindowedStream } from "../../src/vocoder/frame-windows";
import type { VocoderEngine } from "../../src/vocoder/neural-vocoder";
import { maxDifference, readGolden } from "../helpers/golden";
import { collect, framesOf, samplesOf } from "../helpers/stream-pieces";

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
  return new NeuralVocoder(spellingEngine(changes, features));
}

function spellingEngine(changes: Partial<MelConfig> = {}, features = "log_mel"): VocoderEngine {
  const spell = async (frames: Float32Array): Promise<Float32Array> =>
    Float32Array.from({ length: (frames.length / numMels) * hopLength }, (_, n) => {
      const frame = Math.floor(n / hopLength);
      return frames[frame * numMels + ((n % hopLength) % numMels)] ?? 0;
    });
  return {
    name: "speller",
    sampleRate: mel.sampleRate,
    features,
    featureDim: numMels,
    hopLength,
    mel: { ...mel, ...changes },
    openStream: async () =>
      new WindowedStream({ featureDim: numMels, back: 0, ahead: 3, minFrames: 4, maxFrames: 50 }, spell),
    dispose: async () => undefined,
  };
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

  it("refuses what is no vocoder, such as the promise of one", async () => {
    for (const vocoder of [Promise.resolve(spellingVocoder()), null, 3]) {
      const decoding = codec.decode(goldenTokens(), { vocoder: vocoder as never });
      await expect(decoding).rejects.toThrow(/^"vocoder" expected a name or a vocoder that is loaded, got \[object /);
    }
  });

  it("refuses a vocoder of features that the codec has not", async () => {
    const vocoder = spellingVocoder({}, "units");
    await expect(codec.decode(goldenTokens(), { vocoder })).rejects.toMatchObject({
      code: "features-mismatch",
      message: expect.stringMatching(/"speller" takes "units", and "speech-16k-tiny" has log_mel for vocoders/),
    });
  });
});

describe("a vocoder that decode is told by name", () => {
  /** Vocoders that spell, and how often each was put together and disposed. */
  function spellers(...names: string[]) {
    const counts = { assembled: 0, disposed: 0 };
    const definitions = names.map((name): VocoderDefinition => ({
      name,
      summary: "",
      weightsLicence: undefined,
      card: hifigan16k.card,
      readSource: async () => ({ config: {}, weights: new Uint8Array() }),
      async assemble() {
        counts.assembled++;
        // The first attempt fails, as when weights are not installed yet.
        if (counts.assembled === 1) throw new ModelError("missing-weights", "not there yet");
        const dispose = async () => {
          counts.disposed++;
        };
        return { ...spellingEngine(), name, dispose };
      },
    }));
    return { definitions, counts };
  }
  const source = { config, weights: readFileSync(join(folder, "weights.safetensors")) };

  async function writeAll<T>(writable: WritableStream<T>, items: Iterable<T>): Promise<void> {
    const writer = writable.getWriter();
    for (const item of items) await writer.write(item);
    await writer.close();
  }

  it("is loaded once, by its short or its full name, and disposed with the codec", async () => {
    const { definitions, counts } = spellers("hifigan-16k");
    const named = await loadDefinedCodec([speech16k], definitions, source, { device: "cpu" });
    const tokens = goldenTokens();
    const whole = await codec.decode(tokens, { vocoder: spellingVocoder() });
    await expect(named.decode(tokens, { vocoder: "hifigan" })).rejects.toMatchObject({ code: "missing-weights" });
    expect(await named.decode(tokens, { vocoder: "hifigan" })).toEqual(whole);
    const transform = named.decodeTransform({ vocoder: "hifigan" });
    const [chunks] = await Promise.all([collect(transform.readable), writeAll(transform.writable, framesOf(tokens))]);
    expect(samplesOf(chunks)).toEqual(whole.channels[0]);
    expect(counts).toEqual({ assembled: 2, disposed: 0 });
    expect(await named.decode(tokens, { vocoder: "hifigan-16k" })).toEqual(whole);
    await named.dispose();
    expect(counts).toEqual({ assembled: 3, disposed: 2 });
    await expect(named.decode(tokens, { vocoder: "hifigan" })).rejects.toMatchObject({ code: "disposed" });
  });

  it("that there is not is told with those that there are", async () => {
    const { definitions } = spellers("hifigan-16k", "vocos-mel-24khz");
    await using named = await loadDefinedCodec([speech16k], definitions, source, { device: "cpu" });
    await expect(named.decode(goldenTokens(), { vocoder: "wavenet" })).rejects.toMatchObject({
      code: "unknown-vocoder",
      model: "wavenet",
      message:
        'no vocoder is called "wavenet"; for "speech-16k" there are hifigan, diffwave, and by their full names hifigan-16k, vocos-mel-24khz',
    });
  });

  it("has weights to be installed or brought, for the embedded codec too", async () => {
    await expect(codec.decode(goldenTokens(), { vocoder: "hifigan-v1" })).rejects.toMatchObject({
      code: "missing-weights",
      model: "hifigan-v1",
    });
    await using shipped = await loadCodec("speech-16k", { device: "cpu" });
    const silence = { channels: [new Float32Array(3200)], sampleRate: 16000 };
    const tokens = await shipped.encode(silence, { numCodebooks: 1 });
    await expect(decode(tokens, { vocoder: "hifigan-v2" })).rejects.toMatchObject({ code: "missing-weights" });
  });

  it("of a codec that was put together by hand is refused", async () => {
    const own = new Codec(await speech16k.assemble(source, { device: "cpu" }));
    await expect(own.decode(goldenTokens(), { vocoder: "hifigan" })).rejects.toThrow(TypeError);
    await own.dispose();
  });
});

describe("short names of vocoders", () => {
  it.each(codecs.flatMap(({ name, vocoders: short = {} }) => Object.entries(short).map((entry) => [name, ...entry])))(
    "%s: %s is %s, a vocoder that there is",
    (_, __, fullName) => {
      expect(vocoders.map(({ name }) => name)).toContain(fullName);
    },
  );
});
