/**
 * `quantone vocode` around a small vocoder of random weights: copy synthesis of audio, and features from a file; and
 * `quantone decode --vocoder` with one of the size that fits the embedded codec.
 */
import { concatFloats } from "../../src/kernels/concat";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import config16k from "../../codecs/hifi-gan/config-16k.json";
import { readAudioFile, writeWavFile } from "../../src/audio/index";
import { readNpy } from "../../src/checkpoints/npy";
import { writeSafetensors } from "../../src/checkpoints/safetensors";
import { melFrames } from "../../src/features/mel-frames";
import { codecs, loadCodec, loadVocoder, melSpectrogram, type PcmAudio, vocoders } from "../../src/index";
import { maxDifference } from "../helpers/golden";
import { readHifiganGolden } from "../helpers/golden-hifi-gan";
import { randomGeneratorWeights } from "../helpers/random-generator";
import { runCommand } from "../helpers/run-command";
import { noise } from "../helpers/synth-audio";

const folder = await mkdtemp(join(tmpdir(), "quantone-"));
afterAll(() => rm(folder, { recursive: true }));
const path = (name: string) => join(folder, name);
const npy = (name: string) => join(import.meta.dirname, "npy", `${name}.npy`);
const golden = await readHifiganGolden("kind-1");
const { numMels, sampleRate } = golden.config.mel;

const quantone = (...args: string[]) =>
  runCommand(args, {
    codecs,
    loadCodec,
    vocoders,
    // The small generator in place of the published ones.
    loadVocoder: (name, { weights = "" }) =>
      name === "hifigan-16k"
        ? loadVocoder(name, { weights, device: "cpu" })
        : loadVocoder({ config: golden.source, weights }, { device: "cpu" }),
  });

const vocode = (...args: string[]) =>
  quantone("vocode", ...args, "--vocoder", "hifigan-v1", "--weights", golden.weightsPath, "--sample-format", "f32");

async function samplesIn(name: string): Promise<Float32Array> {
  return (await readAudioFile(path(name))).channels[0] ?? new Float32Array();
}

describe("quantone vocode", () => {
  it("makes audio from features in a file", async () => {
    const logMel = { dtype: "F32" as const, shape: [golden.logMel.length / numMels, numMels], data: golden.logMel };
    await writeFile(path("mel.safetensors"), writeSafetensors(new Map([["log_mel", logMel]])));
    const { exitCode, stdout, stderr } = await vocode(path("mel.safetensors"), path("mel.wav"), "--json");
    expect(exitCode, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ vocoder: "hifigan-kind-1", sampleRate, numSamples: 960, numClipped: 0 });
    // Silence is off by 0.8.
    expect(maxDifference(await samplesIn("mel.wav"), golden.waveform)).toBeLessThanOrEqual(1e-5);
  });

  // Files of NumPy's own, see scripts/make_npy_vectors.py: bin m of frame f is m + f / 8.
  it.each(["bins-frames", "frames-bins", "bins-frames-fortran", "frames-bins-fortran", "batch-of-one", "half"])(
    "takes features from .npy: %s",
    async (name) => {
      const { exitCode, stderr } = await vocode(npy(name), path(`${name}.wav`));
      expect(exitCode, stderr).toBe(0);
      expect(stderr).not.toContain("warning");
      await using vocoder = await loadVocoder({ config: golden.source, weights: golden.weightsPath }, { device: "cpu" });
      const rows = Float32Array.from({ length: 5 * 6 }, (_, at) => (at % 6) + Math.floor(at / 6) / 8);
      expect(await samplesIn(`${name}.wav`)).toEqual((await vocoder.vocode(rows)).channels[0]);
    },
  );

  it("takes as many bins as frames as [bins, frames], and says so", async () => {
    const { exitCode, stderr } = await vocode(npy("square"), path("square.wav"));
    expect(exitCode, stderr).toBe(0);
    expect(stderr).toMatch(/^warning: .*square\.npy has as many bins as frames: it is taken as \[bins, frames\]\n/);
    const rows = Float32Array.from({ length: 36 }, (_, at) => (at % 6) + Math.floor(at / 6) / 8);
    await using vocoder = await loadVocoder({ config: golden.source, weights: golden.weightsPath }, { device: "cpu" });
    expect(await samplesIn("square.wav")).toEqual((await vocoder.vocode(rows)).channels[0]);
  });

  it("saves the features of audio, from which comes the same audio", async () => {
    const audio: PcmAudio = { channels: [noise(8000, 5, 0.3)], sampleRate: 8000 };
    await writeWavFile(path("in8k.wav"), audio, { sampleFormat: "f32" });
    const saved = path("saved.npy");
    const first = await vocode(path("in8k.wav"), path("first.wav"), "--save-features", saved, "--json");
    expect(first.exitCode, first.stderr).toBe(0);
    expect(JSON.parse(first.stdout).features).toBe(saved);
    const array = readNpy(await readFile(saved));
    const mel = melSpectrogram(audio.channels[0] as Float32Array, golden.config.mel);
    expect(array).toEqual({ shape: [numMels, mel.length / numMels], isFortranOrder: true, data: mel });
    expect((await vocode(saved, path("second.wav"))).exitCode).toBe(0);
    expect(maxDifference(await samplesIn("second.wav"), await samplesIn("first.wav"))).toBeLessThanOrEqual(1e-6);
    const again = await vocode(path("in8k.wav"), path("third.wav"), "--save-features", saved);
    expect([again.exitCode, again.stderr]).toEqual([1, expect.stringMatching(/saved\.npy: exists; .*--force/)]);
    const named = await vocode(path("in8k.wav"), path("third.wav"), "--save-features", path("saved.bin"));
    expect([named.exitCode, named.stderr]).toEqual([2, expect.stringMatching(/expected a name that ends in \.npy/)]);
    const itself = await vocode(saved, path("third.wav"), "--save-features", saved, "--force");
    expect([itself.exitCode, itself.stderr]).toEqual([2, expect.stringMatching(/is the input file itself/)]);
  });

  it.each([
    ["big-endian", /big-endian\.npy: the \.npy file holds >f4, .* are read; save array\.astype/],
    ["batch-of-two", /the array expected \[frames, 6\] or \[6, frames\], got \[2, 6, 5\]/],
    ["one-dimension", /the array expected \[frames, 6\] or \[6, frames\], got \[5\]/],
    ["absent", /absent\.npy: no such file or folder/],
  ])("refuses %s.npy", async (name, message) => {
    const { exitCode, stderr } = await vocode(npy(name), path("none.wav"), "--save-features", path("none.npy"));
    expect([exitCode, stderr]).toEqual([1, expect.stringMatching(message)]);
    expect((await readdir(folder)).filter((file) => file.startsWith("none"))).toEqual([]);
  });

  it("makes audio again from its log-mel, of another rate and in stereo", async () => {
    const stereo: PcmAudio = { channels: [noise(11_025, 1, 0.3), noise(11_025, 2, 0.3)], sampleRate: 11_025 };
    await writeWavFile(path("stereo.wav"), stereo, { sampleFormat: "f32" });
    const { exitCode, stderr } = await vocode(path("stereo.wav"), path("copy.wav"));
    expect(exitCode, stderr).toBe(0);
    expect(stderr).toMatch(/stereo\.wav -> .*copy\.wav \(1\.00 s 8000 Hz, hifigan-kind-1\) in /);
    const frames: Float32Array[] = [];
    for await (const rows of melFrames([stereo], golden.config.mel)) frames.push(rows);
    await using vocoder = await loadVocoder({ config: golden.source, weights: golden.weightsPath }, { device: "cpu" });
    const expected = await vocoder.vocode(concatFloats(frames));
    expect(await samplesIn("copy.wav")).toEqual(expected.channels[0]);
  });

  it("refuses what it cannot do, and says what it can", async () => {
    const other = await quantone("vocode", "a.wav", path("b.wav"), "--vocoder", "hifigan");
    expect([other.exitCode, other.stderr]).toEqual([2, expect.stringMatching(/expected one of hifigan-v1, .*got hifigan;/)]);
    const seed = await quantone("vocode", "a.wav", path("b.wav"), "--vocoder", "hifigan-v1", "--seed", "first");
    expect([seed.exitCode, seed.stderr]).toEqual([2, expect.stringMatching(/seed.* Give a whole number from 0 to 4294967295/)]);
    const bare = await quantone("vocode", "a.wav", path("b.wav"), "--vocoder", "hifigan-v2");
    expect([bare.exitCode, bare.stderr]).toEqual([2, expect.stringMatching(/hifigan-v2 comes without weights; .*--weights/)]);
    const tensor = { dtype: "F32" as const, shape: [2, 3], data: new Float32Array(6) };
    await writeFile(path("narrow.safetensors"), writeSafetensors(new Map([["log_mel", tensor]])));
    const narrow = await vocode(path("narrow.safetensors"), path("b.wav"));
    expect([narrow.exitCode, narrow.stderr]).toEqual([1, expect.stringMatching(/narrow.*"log_mel" expected \[frames, 6\] or \[6, frames\], got \[2, 3\]/)]);
    const broken = { ...tensor, shape: [2, 6], data: new Float32Array(12).fill(Number.NaN, 7, 8) };
    await writeFile(path("broken.safetensors"), writeSafetensors(new Map([["log_mel", broken]])));
    const nan = await vocode(path("broken.safetensors"), path("b.wav"));
    expect([nan.exitCode, nan.stderr]).toEqual([1, expect.stringMatching(/broken.*"log_mel" expected finite numbers/)]);
    const foreign = await vocode(path("mel.safetensors"), path("b.mp3"));
    expect([foreign.exitCode, foreign.stderr]).toEqual([2, expect.stringMatching(/only WAV is written/)]);
  });
});

describe("quantone decode --vocoder", () => {
  const weights = path("hifigan-16k.safetensors");
  const decode = (...args: string[]) =>
    quantone("decode", path("in.qtn"), ...args, "--device", "cpu", "--sample-format", "f32");

  beforeAll(async () => {
    await writeFile(weights, writeSafetensors(randomGeneratorWeights(config16k)));
    await writeWavFile(path("in.wav"), { channels: [noise(9000, 3, 0.2)], sampleRate: 16_000 });
    const { exitCode, stderr } = await quantone("encode", path("in.wav"), path("in.qtn"), "--device", "cpu");
    expect(exitCode, stderr).toBe(0);
  });

  it("decodes with the vocoder, to as many samples as went in", async () => {
    const { exitCode, stderr } = await decode(
      path("other.wav"),
      "--vocoder",
      "hifigan-16k",
      "--vocoder-weights",
      weights,
    );
    expect(exitCode, stderr).toBe(0);
    await using codec = await loadCodec("speech-16k", { device: "cpu" });
    await using vocoder = await loadVocoder("hifigan-16k", { weights, device: "cpu" });
    const audio = await readAudioFile(path("in.wav"));
    const expected = await codec.decode(await codec.encode(audio), { vocoder });
    const samples = await samplesIn("other.wav");
    expect(samples).toHaveLength(9000);
    // The command decodes packet by packet.
    expect(maxDifference(samples, expected.channels[0] ?? new Float32Array())).toBeLessThanOrEqual(1e-6);
    const own = (await codec.decode(await codec.encode(audio))).channels[0] ?? new Float32Array();
    expect(maxDifference(samples, own)).toBeGreaterThan(0.01);
  });

  it("refuses a vocoder of another log-mel, and one without weights", async () => {
    const other = await decode(path("no.wav"), "--vocoder", "hifigan-v1", "--vocoder-weights", golden.weightsPath);
    expect([other.exitCode, other.stderr]).toEqual([
      1,
      expect.stringMatching(/"speech-16k" gives log-mel with sampleRate 16000, "hifigan-kind-1" takes sampleRate 8000;/),
    ]);
    const bare = await decode(path("no.wav"), "--vocoder", "hifigan-v2");
    expect([bare.exitCode, bare.stderr]).toEqual([2, expect.stringMatching(/say where they are with --vocoder-weights/)]);
    const nameless = await decode(path("no.wav"), "--vocoder-weights", weights);
    expect([nameless.exitCode, nameless.stderr]).toEqual([2, expect.stringMatching(/name it with --vocoder/)]);
  });
});

describe("melFrames", () => {
  it("gives the frames of the whole signal, whatever the chunks", async () => {
    const mono = noise(5000, 4, 0.3);
    const chunks = [0, 1, 700, 5000].map((end, index, ends) => ({
      channels: [mono.subarray(ends[index - 1] ?? 0, end)],
      sampleRate,
    }));
    const rows: Float32Array[] = [];
    for await (const frames of melFrames(chunks, golden.config.mel)) rows.push(frames);
    expect(concatFloats(rows)).toEqual(melSpectrogram(mono, golden.config.mel));
  });
});
