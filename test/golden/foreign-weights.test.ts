/** Weights of another model: told when it is loaded, with the model's name, what it looked for and what is there. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { codecs, loadCodec, loadSpeechModel, loadVocoder, vocoders } from "../../src/index";

const vitsWeights = join(import.meta.dirname, "vits-tiny", "model.safetensors");
const vocosWeights = join(import.meta.dirname, "vocos-tiny", "mel.bin");
/** Lyra's files are TFLite graphs, which are asked for by their names. */
const ofTensors = codecs.map(({ name }) => name).filter((name) => name !== "lyra-v2");

async function refusal(model: string, loading: Promise<AsyncDisposable>): Promise<void> {
  const error = await loading.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ name: "ModelError", code: "missing-weights", model });
  expect((error as Error).message).toMatch(
    new RegExp(
      `^these are no weights of "${model}": the weights have no tensor ".+" of the shape .+, but \\d+ others, such as .+ and .+; give the weights file that belongs to the config$`,
    ),
  );
}

describe("weights of VITS", () => {
  it.each(vocoders.map(({ name }) => name))("are refused by %s", async (name) => {
    await refusal(name, loadVocoder(name, { weights: vitsWeights }));
  });

  it.each(ofTensors)("are refused by %s", async (name) => {
    await refusal(name, loadCodec(name, { weights: vitsWeights }));
  });
});

describe("weights of Vocos", () => {
  it("are refused by vits", async () => {
    const config = { model_type: "vits" };
    await refusal("vits", loadSpeechModel({ config, weights: vocosWeights }));
  });
});

describe("weights of another size", () => {
  it("are told with both sizes", async () => {
    const weights = join(import.meta.dirname, "hifi-gan", "kind-1", "generator");
    await expect(loadVocoder("hifigan-v1", { weights })).rejects.toMatchObject({
      code: "weights-shape",
      model: "hifigan-v1",
      message: expect.stringMatching(/^these are no weights of "hifigan-v1": "conv_pre.weight" expected the shape \[512, 80, 7\], got \[/),
    });
  });
});
