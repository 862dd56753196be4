/**
 * The whole codec equals PyTorch's: samples in, tokens and samples out, through the public API.
 *
 * PyTorch's vectors hold one frame more than this codec makes of the same samples (docs/decisions/0003), so tokens are
 * compared up to the last frame, and samples up to where the decoder looks ahead at that frame, or overlaps with it.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readSafetensors } from "../../src/checkpoints/safetensors";
import { type Codec, loadCodec, numFrames } from "../../src/index";
import { type GoldenName, maxDifference, readGolden } from "../helpers/golden";

const folder = join(import.meta.dirname, "speech-16k-tiny");

/** The tiny codec as anybody loads a codec of their own training: a config and a file of weights. */
function loadTiny(change: (weights: Uint8Array) => Uint8Array = (weights) => weights): Promise<Codec> {
  const config: unknown = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
  return loadCodec({ config, weights: change(readFileSync(join(folder, "weights.safetensors"))) }, { device: "cpu" });
}

const codecs: Record<GoldenName, () => Promise<Codec>> = {
  "speech-16k-tiny": loadTiny,
  "speech-16k": () => loadCodec("speech-16k", { device: "cpu" }),
};

describe.each(Object.keys(codecs) as GoldenName[])("%s", (name) => {
  it("gives PyTorch's tokens and samples", async () => {
    const golden = readGolden(name);
    await using codec = await codecs[name]();
    const { hopLength, sampleRate } = codec.identity;
    const samples = golden.vector("input");
    // PyTorch searched along one path.
    const tokens = await codec.encode({ channels: [samples], sampleRate }, { beamWidth: 1 });
    expect(numFrames(tokens)).toBe(Math.ceil(samples.length / hopLength));
    // No near tie stands in the vectors: the manifest gives the smallest margin.
    expect([...tokens.codes]).toEqual([...golden.vector("tokens").subarray(0, tokens.codes.length)]);

    const decoded = (await codec.decode(tokens)).channels[0] ?? new Float32Array(0);
    expect(decoded.length).toBe(samples.length);
    const compared = (numFrames(tokens) - 1 - golden.config.decoder.lookaheadFrames) * hopLength;
    const difference = maxDifference(decoded.subarray(0, compared), golden.vector("waveform").subarray(0, compared));
    // Samples reach 0.5 and more: silence or a shift by one sample is off by over 0.1.
    expect(difference).toBeLessThanOrEqual(golden.tolerance.waveform ?? 0);
  });
});

describe("loadCodec", () => {
  it("refuses a name that no codec has, listing those there are", async () => {
    await expect(loadCodec("speech-44k")).rejects.toThrow(/no codec is called "speech-44k"; this package has speech-16k/);
    await expect(loadCodec({ config: { system: "mimi" }, weights: new Uint8Array(0) })).rejects.toThrow(/"mimi"/);
  });

  it("refuses a config that is none", async () => {
    await expect(loadCodec({ config: { name: "mine" }, weights: new Uint8Array(0) })).rejects.toMatchObject({
      name: "ModelError",
      code: "bad-config",
    });
  });

  it("refuses weights that do not belong to the config", async () => {
    const config: unknown = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
    const larger = { ...(config as object), rvq: { numCodebooks: 4, codebookSize: 16, codebookDim: 8 } };
    const weights = readFileSync(join(folder, "weights.safetensors"));
    await expect(loadCodec({ config: larger, weights })).rejects.toThrow(
      /"rvq.codebooks" expected the shape \[4, 16, 8\], got \[3, 16, 8\]/,
    );
  });

  it("names weights by their own revision", async () => {
    await using codec = await loadTiny();
    const { metadata } = readSafetensors(readFileSync(join(folder, "weights.safetensors")));
    expect(codec.identity.revision).toBe(metadata.revision);
  });

  it("gives a codec that refuses to work once disposed", async () => {
    const codec = await loadTiny();
    const audio = { channels: [new Float32Array(80)], sampleRate: 16_000 };
    const tokens = await codec.encode(audio);
    await codec.dispose();
    await expect(codec.encode(audio)).rejects.toMatchObject({ name: "BackendError", code: "disposed" });
    await expect(codec.decode(tokens)).rejects.toMatchObject({ name: "BackendError", code: "disposed" });
  });

  it("refuses audio that is not finite, before it becomes tokens", async () => {
    await using codec = await loadTiny();
    const audio = { channels: [Float32Array.of(0.1, Number.NaN, 0.2)], sampleRate: 16_000 };
    await expect(codec.encode(audio)).rejects.toThrow(/got NaN at sample 1 of channel 0/);
  });
});
