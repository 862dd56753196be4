/**
 * Small TFLite files in the layout of Lyra V2's give what LiteRT gives with them: the same tokens and, to the bit, the same
 * samples, through the public API, whatever the chunking. scripts/lyra-v2/make_vectors.py makes files and vectors.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { buildFromTflite } from "../../codecs/lyra-v2/tflite-network";
import { memorySource } from "../../src/checkpoints/byte-source";
import { readTflite, type TfliteModel, type TfliteOperator } from "../../src/checkpoints/tflite/tflite-model";
import { loadCodec, type TokenFrames } from "../../src/index";
import { runNetwork } from "../helpers/run-network";
import { chunksOf, collect, framesOf } from "../helpers/stream-pieces";

const folder = join(import.meta.dirname, "lyra-tiny");
const config: { hopLength: number; sampleRate: number } = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
const golden: Record<"tokens" | "samples" | "latents" | "decoded", number[]> = JSON.parse(
  readFileSync(join(folder, "manifest.json"), "utf8"),
);
const { hopLength, sampleRate } = config;
const numStages = 6;
const samples = Float32Array.from(golden.samples);
const codec = await loadCodec({ config, weights: folder }, { device: "cpu" });
afterAll(() => codec.dispose());

function readModel(part: string): TfliteModel {
  return readTflite(memorySource(readFileSync(join(folder, `${part}.tflite`))));
}

const tokens: TokenFrames = await codec.encode({ channels: [samples], sampleRate });

describe("a TFLite file's network", () => {
  // Rounding the 8-bit layers another way, or adding a bias last, changes a tenth of the latents and more.
  it("gives LiteRT's latents to the bit", async () => {
    const network = buildFromTflite(readModel("encoder"), { name: "e", input: "waveform", output: "latents" }, "offline");
    const { latents } = await runNetwork(network, samples, hopLength);
    // Where theirs is 0, ours may be -0.
    expect(Array.from(latents ?? [], (value) => value + 0)).toEqual(golden.latents);
  });

  it("is refused with an operator that no such network has", () => {
    const model = readModel("encoder");
    const change = (operator: TfliteOperator) =>
      operator.name === "LEAKY_RELU" ? { ...operator, name: "TANH" } : operator;
    const subgraphs = model.subgraphs.map((graph) => ({ ...graph, operators: graph.operators.map(change) }));
    expect(() => buildFromTflite({ ...model, subgraphs }, { name: "e", input: "x", output: "y" }, "streaming")).toThrow(
      expect.objectContaining({ name: "CheckpointError", code: "unsupported-format", message: expect.stringMatching(/TANH/) }),
    );
  });

  it("is refused when its variables do not start as zeros", () => {
    const model = readModel("decoder");
    const [main, start] = model.subgraphs;
    if (main === undefined || start === undefined) throw new Error("the file has no start");
    const tensors = start.tensors.map((tensor) => (tensor.stored ? { ...tensor, stored: tensor.stored.map(() => 1) } : tensor));
    const changed = { ...model, subgraphs: [main, { ...start, tensors }] };
    expect(() => buildFromTflite(changed, { name: "d", input: "x", output: "y" }, "streaming")).toThrow(
      expect.objectContaining({ code: "unsupported-format" }),
    );
  });

  it("ends in a typed error whatever operator or tensor is missing", () => {
    const model = readModel("decoder");
    const [main, start] = model.subgraphs;
    if (main === undefined || start === undefined) throw new Error("the file has no start");
    let numErrors = 0;
    for (const left of main.operators.keys()) {
      const operators = main.operators.filter((_, index) => index !== left);
      const changed = { ...model, subgraphs: [{ ...main, operators }, start] };
      try {
        buildFromTflite(changed, { name: "d", input: "x", output: "y" }, "streaming");
      } catch (error) {
        expect(["CheckpointError", "GraphError"]).toContain((error as Error).name);
        numErrors++;
      }
    }
    // What is left out without harm: writing to variables, and their handles.
    expect(numErrors).toBeGreaterThan(main.operators.length / 2);
  });
});

describe("Lyra V2", () => {
  it("finds LiteRT's tokens", () => {
    expect([...tokens.codes]).toEqual(golden.tokens);
  });

  it.each([1, 15, 16, 17, 53, 640])("finds the same tokens in chunks of %i samples", async (size) => {
    const pieces = await collect(codec.encodeStream(chunksOf({ channels: [samples], sampleRate }, size)));
    expect(pieces.flatMap(({ codes }) => [...codes])).toEqual(golden.tokens);
  });

  it("decodes to LiteRT's samples, at once and frame by frame", async () => {
    const whole = await codec.decode(tokens);
    expect([...(whole.channels[0] ?? [])]).toEqual(golden.decoded);
    const pieces = await collect(codec.decodeStream(framesOf(tokens)));
    expect(pieces.flatMap(({ channels }) => [...(channels[0] ?? [])])).toEqual(golden.decoded);
  });

  it("conceals lost frames without a change to what was before them", async () => {
    const lostFrames = new Uint8Array(40);
    lostFrames.fill(1, 10, 20);
    const [concealed = new Float32Array()] = (await codec.decode({ ...tokens, lostFrames })).channels;
    expect([...concealed.subarray(0, 10 * hopLength)]).toEqual(golden.decoded.slice(0, 10 * hopLength));
    expect([...concealed.subarray(10 * hopLength, 20 * hopLength)]).not.toEqual(
      golden.decoded.slice(10 * hopLength, 20 * hopLength),
    );
    expect(concealed.every(Number.isFinite)).toBe(true);
  });

  it("sends nothing for silence when asked so, and codes what is sent as if there were nothing else", async () => {
    const silence = new Float32Array(60 * hopLength);
    const withSilence = Float32Array.from([...silence, ...samples]);
    const asked = { channels: [withSilence], sampleRate };
    const { lostFrames = new Uint8Array(0), codes, numSamples } = await codec.encode(asked, { dtx: true });
    expect(numSamples).toBe(withSilence.length);
    // The first frame of all is never taken for noise.
    expect([...lostFrames.subarray(0, 61)]).toEqual([0, ...new Array(59).fill(1), 0]);
    const sentSamples = withSilence.filter((_, n) => lostFrames[Math.floor(n / hopLength)] === 0);
    const expected = await codec.encode({ channels: [sentSamples], sampleRate });
    expect(codes.filter((_, at) => lostFrames[Math.floor(at / numStages)] === 0)).toEqual(expected.codes);
  });

  it("names the file that is not there, and wants a folder", async () => {
    const missing = loadCodec({ config, weights: join(folder, "nowhere") }, { device: "cpu" });
    await expect(missing).rejects.toMatchObject({ name: "CheckpointError", code: "not-found", message: expect.stringMatching(/quantizer/) });
    const bytes = loadCodec({ config, weights: readFileSync(join(folder, "encoder.tflite")) }, { device: "cpu" });
    await expect(bytes).rejects.toThrow(TypeError);
    await expect(loadCodec("lyra-v2")).rejects.toMatchObject({ code: "missing-weights" });
  });

  it("wants the codebooks that the config says", async () => {
    const rvq = { numCodebooks: 7, codebookSize: 16, codebookDim: 8 };
    const misfit = loadCodec({ config: { ...config, rvq }, weights: folder }, { device: "cpu" });
    await expect(misfit).rejects.toMatchObject({ name: "ModelError", code: "weights-shape" });
  });
});
