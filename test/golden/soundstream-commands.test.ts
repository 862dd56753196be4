/** SoundStream from the command line: audio into a container and back, with weights that carry their config. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readAudioFile, writeWavFile } from "../../src/audio/index";
import { codecs, loadCodec } from "../../src/index";
import { maxDifference } from "../helpers/golden";
import { readSoundstreamGolden, soundstreamFolder } from "../helpers/golden-soundstream";
import { runCommand } from "../helpers/run-command";
import { hasShared, sharedPath } from "../helpers/shared";

const folder = await mkdtemp(join(tmpdir(), "quantone-"));
afterAll(() => rm(folder, { recursive: true }));
const weights = join(soundstreamFolder("encoder"), "weights.safetensors");

const quantone = (...args: string[]) =>
  runCommand([...args, ...(args.includes("--weights") ? [] : ["--weights", weights]), "--device", "cpu"], {
    codecs,
    loadCodec,
  });

/** Encodes and decodes a file; gives what came out, and what encode told. */
async function roundTrip(input: string, name: string, ...options: string[]) {
  const [tokens, output] = [join(folder, `${name}.qtn`), join(folder, `${name}.wav`)];
  const encoded = await quantone("encode", input, tokens, "--codec", "soundstream", "--json", ...options);
  expect(encoded.exitCode, encoded.stderr).toBe(0);
  const decoded = await quantone("decode", tokens, output, "--sample-format", "f32");
  expect(decoded.exitCode, decoded.stderr).toBe(0);
  return { report: JSON.parse(encoded.stdout), audio: await readAudioFile(output) };
}

describe("quantone with SoundStream", () => {
  const golden = readSoundstreamGolden(soundstreamFolder("encoder"));
  const [signal] = golden.signals;
  const input = join(folder, "in.wav");

  it("encodes and decodes to the twin's samples", async () => {
    await writeWavFile(
      input,
      { channels: [signal?.input ?? new Float32Array()], sampleRate: 2400 },
      { sampleFormat: "f32" },
    );
    const { report, audio } = await roundTrip(input, "all");
    expect([report.codec, report.numFrames, report.numCodebooks]).toEqual(["soundstream", 30, 4]);
    expect(
      maxDifference(audio.channels[0] ?? new Float32Array(), signal?.off.waveform ?? new Float32Array()),
    ).toBeLessThan(
      // Silence is off by 1.
      3e-6,
    );
  });

  it("stays at the rate asked for", async () => {
    // 100 frames a second of 4 bits a codebook.
    const { report } = await roundTrip(input, "rate", "--bitrate", "0.9");
    expect([report.numCodebooks, report.bitsPerSecond]).toEqual([2, 800]);
  });

  it("denoises where the codec can, and refuses it where it cannot", async () => {
    const plain = await roundTrip(input, "plain");
    const denoised = await roundTrip(input, "denoised", "--denoise");
    const [first = new Float32Array()] = plain.audio.channels;
    expect(maxDifference(denoised.audio.channels[0] ?? new Float32Array(), first)).toBeGreaterThan(0.05);
    const refused = await quantone("decode", join(folder, "plain.qtn"), join(folder, "no.wav"), "--denoise");
    expect([refused.exitCode, refused.stderr]).toEqual([
      2,
      'quantone: "denoise" expected false for the decoder of "soundstream", which denoises in its encoder, got true\n',
    ]);
  });

  it("names the file that other weights cannot decode", async () => {
    await roundTrip(input, "mine");
    const others = join(soundstreamFolder("decoder"), "weights.safetensors");
    const refused = await quantone("decode", join(folder, "mine.qtn"), join(folder, "no.wav"), "--weights", others);
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toMatch(
      /mine\.qtn: tokens' "revision" expected .*; decode them with the codec that made them/,
    );
  });

  it.skipIf(!hasShared)("takes a recording of another rate", async () => {
    const { report, audio } = await roundTrip(sharedPath("audio/lyra/sample1_16kHz.wav"), "recording");
    expect(report.source.sampleRate).toBe(16_000);
    expect(audio.sampleRate).toBe(2400);
    expect(audio.channels[0]?.length).toBe(report.numSamples);
    expect(report.numSamples / 2400).toBeCloseTo(report.seconds, 3);
  });
});
