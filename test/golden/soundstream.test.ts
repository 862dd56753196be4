/**
 * The whole SoundStream equals its PyTorch twin on random weights: samples in, tokens and samples out, through the public
 * API, whatever the chunking, the number of codebooks and the kind of file, with denoising off and switched on the way.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readSafetensors, writeSafetensors } from "../../src/checkpoints/safetensors";
import { type Codec, type CodecSource, isCodecError, loadCodec, type PcmAudio } from "../../src/index";
import { maxDifference } from "../helpers/golden";
import {
  isDenoised,
  readSoundstreamGolden,
  type SoundstreamGolden,
  soundstreamFolder,
} from "../helpers/golden-soundstream";
import { chunksOf, collect, framesOf, samplesOf } from "../helpers/stream-pieces";

const models = {
  encoder: readSoundstreamGolden(soundstreamFolder("encoder")),
  decoder: readSoundstreamGolden(soundstreamFolder("decoder")),
};
const codecs = { encoder: await loadTiny(models.encoder), decoder: await loadTiny(models.decoder) };
afterAll(async () => {
  for (const codec of Object.values(codecs)) await codec.dispose();
});

function loadTiny({ folder }: SoundstreamGolden, file = "weights.safetensors"): Promise<Codec> {
  return loadCodec("soundstream", { weights: join(folder, file), device: "cpu" });
}

const cases = (["encoder", "decoder"] as const).flatMap((side) =>
  (["off", "switched"] as const).flatMap((denoising) =>
    models[side].signals.map((signal) => ({ side, denoising, signal, length: signal.input.length })),
  ),
);

describe.each(cases)("$length samples, denoising in the $side, $denoising", ({ side, denoising, signal }) => {
  const golden = models[side];
  const codec = codecs[side];
  const { sampleRate, hopLength, frameRate } = golden.config;
  const audio: PcmAudio = { channels: [signal.input], sampleRate };
  const denoise = (seconds: number) => isDenoised(golden, denoising, Math.round(seconds * frameRate));
  const encodeOptions = side === "encoder" ? { denoise } : {};
  const decodeOptions = side === "decoder" ? { denoise } : {};
  const expected = signal[denoising];

  // The closest decision has a margin of 4e-5 of the residual's square (manifest.json): no near ties are among them.
  it("give the twin's tokens", async () => {
    const tokens = await codec.encode(audio, encodeOptions);
    expect([...tokens.codes]).toEqual([...expected.tokens]);
    expect(tokens.numSamples).toBe(signal.input.length);
  });

  it.each([1, hopLength - 1, hopLength, 7 * hopLength, 331])("give the same tokens in chunks of %i", async (size) => {
    const pieces = await collect(codec.encodeStream(chunksOf(audio, size), encodeOptions));
    expect(pieces.flatMap(({ codes }) => [...codes])).toEqual([...expected.tokens]);
  });

  it("decode to the twin's samples, and frame by frame to the same ones", async () => {
    const tokens = await codec.encode(audio, encodeOptions);
    const whole = samplesOf([await codec.decode(tokens, decodeOptions)]);
    // Samples reach 0.5 to 1.5: silence, or a signal that is a sample late, is off by more than 0.1. Measured: 7.2e-7.
    expect(maxDifference(whole, expected.waveform)).toBeLessThanOrEqual(3e-6);
    const pieces = await collect(codec.decodeStream(framesOf(tokens), decodeOptions));
    expect(samplesOf(pieces)).toEqual(whole);
  });
});

describe("quantizer dropout", () => {
  it.each([1, 2, 3])("lets %i codebooks be the first of all, and decodes them", async (numCodebooks) => {
    const [signal] = models.encoder.signals;
    const { input = new Float32Array(), off } = signal ?? {};
    const { sampleRate, rvq } = models.encoder.config;
    const tokens = await codecs.encoder.encode({ channels: [input], sampleRate }, { numCodebooks });
    expect([...tokens.codes]).toEqual(
      [...(off?.tokens ?? [])].filter((_, index) => index % rvq.numCodebooks < numCodebooks),
    );
    const { channels } = await codecs.encoder.decode(tokens);
    expect(channels[0]?.length).toBe(input.length);
    expect(maxDifference(channels[0] ?? new Float32Array(), off?.waveform ?? new Float32Array())).toBeGreaterThan(0.05);
  });
});

describe("the switch", () => {
  const audio: PcmAudio = { channels: [models.encoder.signals[0]?.input ?? new Float32Array()], sampleRate: 2400 };

  it("is off unless it is asked for, and changes the tokens when it is", async () => {
    const off = await codecs.encoder.encode(audio);
    expect([...(await codecs.encoder.encode(audio, { denoise: false })).codes]).toEqual([...off.codes]);
    expect([...(await codecs.encoder.encode(audio, { denoise: true })).codes]).not.toEqual([...off.codes]);
  });

  it("is refused by the side that has none", async () => {
    const tokens = await codecs.encoder.encode(audio);
    await expect(codecs.encoder.decode(tokens, { denoise: true })).rejects.toThrow(
      '"denoise" expected false for the decoder of "soundstream", which denoises in its encoder, got true',
    );
    await expect(codecs.decoder.encode(audio, { denoise: true })).rejects.toThrow(RangeError);
    expect([codecs.encoder.identity.denoising, codecs.decoder.identity.denoising]).toEqual(["encoder", "decoder"]);
  });

  it("is nowhere in a config without it, whatever the weights hold", async () => {
    const { denoising: _, ...config } = models.encoder.config;
    const weights = join(models.encoder.folder, "weights.safetensors");
    await using codec = await loadCodec({ config: { ...config, system: "soundstream" }, weights }, { device: "cpu" });
    expect(codec.identity.denoising).toBeUndefined();
    await expect(codec.encode(audio, { denoise: true })).rejects.toThrow(/which has no denoising/);
    expect((await codec.encode(audio)).codes.length).toBe(30 * 4);
  });
});

describe("files of weights", () => {
  it.each(["encoder", "decoder"] as const)("of torch.save are the same codec, denoising in the %s", async (side) => {
    await using other = await loadTiny(models[side], "weights.pt");
    expect(other.identity).toEqual(codecs[side].identity);
    const audio: PcmAudio = { channels: [models[side].signals[0]?.input ?? new Float32Array()], sampleRate: 2400 };
    expect([...(await other.encode(audio)).codes]).toEqual([...(await codecs[side].encode(audio)).codes]);
  });

  it("are told apart by their codebooks", () => {
    expect(codecs.encoder.identity.revision).not.toBe(codecs.decoder.identity.revision);
  });

  it("without a config are taken for the paper's size", async () => {
    const { tensors } = readSafetensors(readFileSync(join(models.encoder.folder, "weights.safetensors")));
    await expect(loadCodec("soundstream", { weights: writeSafetensors(tensors) })).rejects.toThrow(
      '"rvq.codebooks" expected the shape [24, 1024, 256], got [4, 16, 6]',
    );
  });

  it("with a config that is none are refused, and so is no file at all", async () => {
    const failure = (source: Parameters<typeof loadCodec>[0], weights?: CodecSource["weights"]) =>
      loadCodec(source, weights === undefined ? {} : { weights }).catch((error: unknown) => error);
    const { tensors } = readSafetensors(readFileSync(join(models.encoder.folder, "weights.safetensors")));
    const broken = await failure("soundstream", writeSafetensors(tensors, { config: "{" }));
    expect(isCodecError(broken, "bad-config")).toBe(true);
    const config = { ...models.encoder.config, system: "soundstream", strides: [2, 3, 5] };
    const contradicting = await failure({ config, weights: writeSafetensors(tensors) });
    expect(String(contradicting)).toMatch(/"hopLength" expected 30, from the other fields, got 24/);
    const huge = { ...models.encoder.config, system: "soundstream", dilations: [1, 1e12] };
    const unbounded = await failure("soundstream", writeSafetensors(tensors, { config: JSON.stringify(huge) }));
    expect(String(unbounded)).toMatch(/"dilations" expected at most 4096, got 1000000000000/);
    const side = await failure({
      config: { ...models.encoder.config, system: "soundstream", denoising: "both" },
      weights: writeSafetensors(tensors),
    });
    expect(String(side)).toMatch(/"denoising" expected "encoder" or "decoder", or nothing, got "both"/);
    expect(isCodecError(await failure("soundstream"), "missing-weights")).toBe(true);
  });
});
