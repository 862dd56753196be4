/** Models of several files, from a folder, from one of its files and from a hub, which a server on this machine is. */
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { readOptionalTextIn, weightsFolder } from "../../src/checkpoints/weights-folder";
import { loadCodec, loadSpeechModel, loadVocoder } from "../../src/index";
import { maxDifference } from "../helpers/golden";
import { readVocosGolden, vocosTinyFolder } from "../helpers/golden-vocos";

const golden = import.meta.dirname;
let temporary: string;
let server: Server;
let asked: string[];

beforeAll(async () => {
  // The hub: golden folders by their names, whoever owns them.
  server = createServer((request, response) => {
    const [, , model = "", , , ...file] = (request.url ?? "").split("/");
    const path = join(model === "vocos" ? temporary : join(golden, model), ...file);
    asked.push(file.join("/"));
    const isThere = existsSync(path);
    response.writeHead(isThere ? 200 : 404).end(isThere ? readFileSync(path) : undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterAll(() => server.close());

beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), "quantone-folders-"));
  asked = [];
  vi.stubEnv("HF_ENDPOINT", `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  vi.stubEnv("QUANTONE_CACHE", join(temporary, "cache"));
});

afterEach(() => {
  rmSync(temporary, { recursive: true });
  vi.unstubAllEnvs();
});

describe("the folder of weights", () => {
  it.each([
    ["owner/model", "hf:owner/model"],
    ["hf:owner/model@v2", "hf:owner/model@v2"],
    ["hf:owner/model/sub/model.pth", "hf:owner/model/sub"],
    ["https://host/lyra", "https://host/lyra"],
    ["https://host/vits/model.safetensors", "https://host/vits"],
    ["https://host/vits/G.pth?download=a/b", "https://host/vits"],
    [golden, golden],
    [import.meta.filename, golden],
  ])("of %s is %s", async (weights, folder) => {
    expect(await weightsFolder(weights)).toBe(folder);
  });

  it.each(["nowhere/model.pth", "./owner/model", "nowhere"])("of %s, which is not there, is an error", async (weights) => {
    await expect(weightsFolder(weights)).rejects.toMatchObject({ code: "not-found" });
  });

  it("of one name that lacks a text is not taken for a model of the hub", async () => {
    const folder = await weightsFolder("scripts");
    expect(folder).toBe(join(process.cwd(), "scripts"));
    expect(await readOptionalTextIn(folder, "vocab.json")).toBeUndefined();
    expect(asked).toEqual([]);
  });

  it("may lack a text, but not have one that is longer than any", async () => {
    expect(await readOptionalTextIn(temporary, "config.yaml")).toBeUndefined();
    writeFileSync(join(temporary, "config.yaml"), new Uint8Array(2 ** 24 + 1));
    await expect(readOptionalTextIn(temporary, "config.yaml")).rejects.toMatchObject({ code: "limit-exceeded" });
  });
});

describe("lyra-v2", () => {
  const config: unknown = JSON.parse(readFileSync(join(golden, "lyra-tiny", "config.json"), "utf8"));

  it.each(["owner/lyra-tiny", "hf:owner/lyra-tiny", join(golden, "lyra-tiny", "encoder.tflite")])(
    "loads from %s",
    async (weights) => {
      await using codec = await loadCodec({ config, weights }, { device: "cpu" });
      const tokens = await codec.encode({ channels: [new Float32Array(640)], sampleRate: codec.identity.sampleRate });
      expect((await codec.decode(tokens)).channels[0]).toHaveLength(640);
    },
  );
});

describe("vits", () => {
  it("loads from a plain hub id, and the SHA-256 that is given is that of the weights", async () => {
    const vocabulary = Object.fromEntries([..." abcdefghijk"].map((letter, number) => [letter, number]));
    const options = { weights: "owner/vits-tiny", vocabulary, tokenizer: { phonemize: false } };
    await using model = await loadSpeechModel("vits", options);
    expect((await model.synthesize("a bad cab")).channels[0]?.length).toBeGreaterThan(100);
    expect(asked).toEqual(["config.json", "model.safetensors"]);
    rmSync(join(temporary, "cache"), { recursive: true });
    const download = { sha256: "0".repeat(64) };
    await expect(loadSpeechModel("vits", { ...options, download })).rejects.toMatchObject({
      code: "checksum-mismatch",
      message: expect.stringContaining("model.safetensors"),
    });
  });
});

describe("vocos", () => {
  const yaml = `
feature_extractor:
  class_path: vocos.feature_extractors.MelSpectrogramFeatures
  init_args: { sample_rate: 1600, n_fft: 64, hop_length: 16, n_mels: 6, padding: center }
backbone:
  class_path: vocos.models.VocosBackbone
  init_args: { input_channels: 6, dim: 8, intermediate_dim: 12, num_layers: 2 }
head:
  class_path: vocos.heads.ISTFTHead
  init_args: { dim: 8, n_fft: 64, hop_length: 16, padding: center }
`;

  beforeEach(() => {
    copyFileSync(join(vocosTinyFolder, "mel.bin"), join(temporary, "pytorch_model.bin"));
    writeFileSync(join(temporary, "config.yaml"), yaml);
  });

  it.each(["folder", "file", "hub id"])("takes its sizes from the config.yaml beside the weights: %s", async (kind) => {
    const file = join(temporary, "pytorch_model.bin");
    const weights = { folder: temporary, file, "hub id": "owner/vocos" }[kind] as string;
    const { signals, config } = await readVocosGolden("mel");
    const { features = new Float32Array(), audio = new Float32Array() } = signals[0] ?? {};
    await using vocoder = await loadVocoder("vocos-mel-24khz", { weights, device: "cpu" });
    expect(vocoder.name).toBe("vocos-mel-24khz");
    expect(vocoder.mel).toEqual(config.mel);
    const { channels } = await vocoder.vocode(features);
    // PyPI vocos ends at the last frame's own sample. Samples reach 7, and its are within 3e-6.
    expect(maxDifference(channels[0]?.subarray(0, audio.length) ?? new Float32Array(), audio)).toBeLessThan(5e-5);
  });

  it("is refused under the name of the other kind, which the error gives", async () => {
    await expect(loadVocoder("vocos-encodec-24khz", { weights: temporary })).rejects.toMatchObject({
      code: "bad-config",
      model: "vocos-encodec-24khz",
      message:
        '"vocos-encodec-24khz" takes encodec_latents, the config.yaml beside the weights says log_mel; load them as "vocos-mel-24khz"',
    });
  });

  it("has the published sizes where there is no config.yaml, and refuses weights of others", async () => {
    rmSync(join(temporary, "config.yaml"));
    await expect(loadVocoder("vocos-mel-24khz", { weights: temporary })).rejects.toMatchObject({
      code: "weights-shape",
      model: "vocos-mel-24khz",
    });
  });

  it("takes a config of one's own before the one beside the weights", async () => {
    writeFileSync(join(temporary, "config.yaml"), "- no Vocos");
    await expect(loadVocoder("vocos-mel-24khz", { weights: temporary })).rejects.toMatchObject({ code: "bad-config" });
    const config: unknown = JSON.parse(readFileSync(join(vocosTinyFolder, "mel.json"), "utf8"));
    await using vocoder = await loadVocoder({ config, weights: temporary });
    expect(vocoder.featureDim).toBe(6);
  });
});
