/** Names and configs to systems, the same for codecs, vocoders and speech models. */
import { describe, expect, it } from "vitest";
import type { CodecSource } from "../../src/codec-definition";
import { ModelError } from "../../src/errors";
import { loadCodec, loadSpeechModel, loadVocoder } from "../../src/index";
import { assembleDefined, findDefinition } from "../../src/load-definition";

const definitions = [{ name: "first" }, { name: "second" }];
const weights = new Uint8Array(1);

describe("findDefinition", () => {
  it("goes by the name, by the config's system, or by the default", () => {
    expect(findDefinition("codec", definitions, "second")).toBe(definitions[1]);
    expect(findDefinition("codec", definitions, { config: { system: "second" }, weights }, "first")).toBe(
      definitions[1],
    );
    expect(findDefinition("codec", definitions, { config: {}, weights }, "first")).toBe(definitions[0]);
  });

  it.each([
    ["codec", "unknown-codec"],
    ["vocoder", "unknown-vocoder"],
    ["speech model", "unknown-speech-model"],
  ] as const)("tells which %ss there are", (noun, code) => {
    expect(() => findDefinition(noun, definitions, "third", "first")).toThrow(
      expect.objectContaining({
        code,
        model: "third",
        message: `no ${noun} is called "third"; this package has first, second`,
      }),
    );
    for (const config of [{}, undefined, "text"]) {
      expect(() => findDefinition(noun, definitions, { config, weights })).toThrow(
        `the config does not say what ${noun} it is for; give it a "system", one of first, second`,
      );
    }
  });
});

describe("assembleDefined", () => {
  /** Its parts are what it was assembled from. */
  const echo = {
    name: "echo",
    readSource: async (own?: unknown): Promise<CodecSource> => ({
      config: "its own",
      weights: (own ?? "found") as string,
    }),
    assemble: async (source: CodecSource, options: object) => ({ source, options }),
  };

  it("reads a named system's source, and leaves a caller's as it is", async () => {
    const named = await assembleDefined(echo, "echo", { device: "cpu", weights: "brought" });
    expect(named).toEqual({ source: { config: "its own", weights: "brought" }, options: { device: "cpu" } });
    expect((await assembleDefined(echo, "echo", {})).source.weights).toBe("found");
    const source = { config: { own: true }, weights };
    expect((await assembleDefined(echo, source, {})).source).toBe(source);
  });

  it("names the model in errors about a tensor, and only there", async () => {
    const failing = (error: Error) => assembleDefined({ ...echo, assemble: () => Promise.reject(error) }, "echo", {});
    const foreign = new ModelError("weights-shape", '"w" expected [2]; do this', { tensor: "w" });
    await expect(failing(foreign)).rejects.toMatchObject({
      code: "weights-shape",
      model: "echo",
      tensor: "w",
      cause: foreign,
      message: 'these are no weights of "echo": "w" expected [2]; do this',
    });
    for (const error of [new ModelError("bad-config", "a field"), new RangeError("other")]) {
      await expect(failing(error)).rejects.toBe(error);
    }
  });
});

describe("weights beside a source that has its own", () => {
  it.each([
    ["loadCodec", loadCodec, { system: "encodec-24khz" }],
    ["loadVocoder", loadVocoder, { system: "hifigan-v1" }],
    ["loadSpeechModel", loadSpeechModel, { model_type: "vits" }],
  ] as const)("are refused by %s", async (_, load, config) => {
    const job: Promise<unknown> = load({ config, weights }, { weights });
    await expect(job).rejects.toThrow('"weights" expected beside a name, got them beside a source that has its own');
  });
});
