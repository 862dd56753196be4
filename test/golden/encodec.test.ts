/**
 * The whole EnCodec codec equals PyPI encodec's on random weights: samples in, tokens and samples out, through the public
 * API, whatever the chunking and whichever of the published names the checkpoint has.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readSafetensors, writeSafetensors } from "../../src/checkpoints/safetensors";
import { type Codec, loadCodec } from "../../src/index";
import { maxDifference } from "../helpers/golden";
import { readEncodecGolden } from "../helpers/golden-encodec";
import { chunksOf, collect, framesOf, samplesOf } from "../helpers/stream-pieces";

const golden = readEncodecGolden();
const config: unknown = JSON.parse(readFileSync(join(golden.folder, "config.json"), "utf8"));
const weightsPath = join(golden.folder, "weights.safetensors");
const { sampleRate, hopLength } = golden.config;

const codec = await loadTiny(readFileSync(weightsPath));
afterAll(() => codec.dispose());

function loadTiny(weights: Uint8Array, changes: object = {}): Promise<Codec> {
  return loadCodec({ config: { ...Object(config), ...changes }, weights }, { device: "cpu" });
}

describe.each(golden.signals.map((signal) => [signal.input.length, signal] as const))("%i samples", (_, signal) => {
  // The closest decision has a margin of 4e-3 of the squared length (manifest.json): no near ties are among them.
  it("give encodec's tokens", async () => {
    const tokens = await codec.encode({ channels: [signal.input], sampleRate });
    expect([...tokens.codes]).toEqual([...signal.tokens]);
    expect(tokens.numSamples).toBe(signal.input.length);
  });

  it.each([1, hopLength - 1, 7 * hopLength, 331])("give the same tokens in chunks of %i", async (size) => {
    const pieces = await collect(codec.encodeStream(chunksOf({ channels: [signal.input], sampleRate }, size)));
    expect(pieces.flatMap(({ codes }) => [...codes])).toEqual([...signal.tokens]);
    expect(pieces.reduce((sum, piece) => sum + piece.numSamples, 0)).toBe(signal.input.length);
  });

  it("decode to encodec's samples, at once and frame by frame", async () => {
    const tokens = await codec.encode({ channels: [signal.input], sampleRate });
    const expected = signal.waveform.subarray(0, signal.input.length);
    const whole = await codec.decode(tokens);
    // Samples reach 0.5 to 2.1: silence, or a signal that is one sample late, is off by more than 0.1.
    expect(maxDifference(samplesOf([whole]), expected)).toBeLessThanOrEqual(1e-5);
    const chunks = await collect(codec.decodeStream(framesOf(tokens)));
    expect(maxDifference(samplesOf(chunks), expected)).toBeLessThanOrEqual(1e-5);
  });
});

describe("a stream that starts at once", () => {
  it("has tokens after one frame, which differ at the start and agree later", async () => {
    await using immediate = await loadTiny(readFileSync(weightsPath), { startFrames: 1 });
    const { input = new Float32Array(), tokens = new Float32Array() } = golden.signals[0] ?? {};
    const pieces = await collect(immediate.encodeStream(chunksOf({ channels: [input], sampleRate }, hopLength)));
    const waiting = await collect(codec.encodeStream(chunksOf({ channels: [input], sampleRate }, hopLength)));
    expect(pieces[0]?.codes.length).toBe(golden.config.rvq.numCodebooks);
    expect(waiting[0]?.codes.length).toBe(5 * golden.config.rvq.numCodebooks);
    const codes = pieces.flatMap(({ codes }) => [...codes]);
    expect(codes.length).toBe(tokens.length);
    const start = 8 * golden.config.rvq.numCodebooks;
    expect(codes.slice(0, start)).not.toEqual([...tokens.subarray(0, start)]);
  });
});

describe("names of the published checkpoints", () => {
  it("are those of the original, saved as its authors save it", async () => {
    await using other = await loadTiny(readFileSync(join(golden.folder, "weights.th")));
    const { input = new Float32Array(), tokens = [] } = golden.signals[0] ?? {};
    expect([...(await other.encode({ channels: [input], sampleRate })).codes]).toEqual([...tokens]);
  });

  it("are those of Hugging Face's port too, with either form of weight norm", async () => {
    const { tensors } = readSafetensors(readFileSync(weightsPath));
    const ported = new Map(
      [...tensors].map(([name, tensor]) => [
        name
          .replace(/^(encoder|decoder)\.model\./, "$1.layers.")
          .replace(/\.(conv|convtr)\.\1\./, ".conv.")
          .replace("quantizer.vq.layers", "quantizer.layers")
          .replace("_codebook", "codebook")
          .replace("weight_g", "parametrizations.weight.original0")
          .replace("weight_v", "parametrizations.weight.original1"),
        tensor,
      ]),
    );
    expect([...ported.keys()]).toContain("decoder.layers.3.conv.parametrizations.weight.original0");
    await using other = await loadTiny(writeSafetensors(ported));
    const { input = new Float32Array(), tokens = [] } = golden.signals[0] ?? {};
    expect([...(await other.encode({ channels: [input], sampleRate })).codes]).toEqual([...tokens]);
  });
});

describe("loadCodec", () => {
  it("says that EnCodec's weights are needed", async () => {
    await expect(loadCodec("encodec-24khz")).rejects.toMatchObject({ code: "missing-weights", model: "encodec-24khz" });
    await expect(loadCodec("encodec-24khz", { weights: "no/such/file.th" })).rejects.toMatchObject({
      name: "CheckpointError",
      code: "not-found",
    });
  });

  it("refuses weights of another size, naming the tensor", async () => {
    await expect(loadCodec("encodec-24khz", { weights: weightsPath })).rejects.toMatchObject({
      code: "weights-shape",
      tensor: "quantizer.layers.0.codebook.embed",
    });
  });

  it("takes weights in one place only", async () => {
    const weights = readFileSync(weightsPath);
    await expect(loadCodec({ config, weights }, { weights })).rejects.toThrow(TypeError);
  });
});
