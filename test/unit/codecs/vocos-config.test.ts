/** The config.yaml of published Vocos models. */
import { describe, expect, it } from "vitest";
import { parseVocosConfig } from "../../../codecs/vocos/config";
import configEncodec24khz from "../../../codecs/vocos/config-encodec-24khz.json";
import configMel24khz from "../../../codecs/vocos/config-mel-24khz.json";
import { parsePublishedConfig } from "../../../codecs/vocos/published-config";

/** Written after the fields that PyPI vocos 0.1.0 instantiates its classes with. */
const mel = `
feature_extractor:
  class_path: vocos.feature_extractors.MelSpectrogramFeatures
  init_args: { sample_rate: 24000, n_fft: 1024, hop_length: 256, n_mels: 100, padding: center }
backbone:
  class_path: vocos.models.VocosBackbone
  init_args: { input_channels: 100, dim: 512, intermediate_dim: 1536, num_layers: 8 }
head:
  class_path: vocos.heads.ISTFTHead
  init_args: { dim: 512, n_fft: 1024, hop_length: 256, padding: center }
`;
const encodec = `
feature_extractor:
  class_path: vocos.feature_extractors.EncodecFeatures
  init_args:
    encodec_model: encodec_24khz
    bandwidths: [1.5, 3.0, 6.0, 12.0]
backbone:
  class_path: vocos.models.VocosBackbone
  init_args: { input_channels: 128, dim: 384, intermediate_dim: 1152, num_layers: 8, adanorm_num_embeddings: 4 }
head:
  class_path: vocos.heads.ISTFTHead
  init_args: { dim: 384, n_fft: 1280, hop_length: 320, padding: same }
`;

describe("a published config.yaml", () => {
  it.each([
    ["mel", mel, configMel24khz],
    ["encodec", encodec, configEncodec24khz],
  ])("says what the config of the %s model here says", (_, text, { system, ...config }) => {
    expect(parsePublishedConfig(text, config.name)).toEqual(parseVocosConfig(config));
  });

  it("gives other sizes", () => {
    const text = mel
      .replace("{ sample_rate: 24000, n_fft: 1024, hop_length: 256, n_mels: 100,", "{ sample_rate: 16000, n_mels: 80,")
      .replace("input_channels: 100, dim: 512", "input_channels: 80, dim: 64")
      .replace("{ dim: 512", "{ dim: 64");
    const config = parsePublishedConfig(text, "small");
    expect(config).toMatchObject({ sampleRate: 16000, featureDim: 80, channels: 64, hopLength: 256 });
    expect(config.mel).toMatchObject({ sampleRate: 16000, numMels: 80, fftLength: 1024, maxFrequencyHz: 8000 });
  });

  it.each([
    ["another backbone", "vocos.models.VocosBackbone", "vocos.models.VocosResNetBackbone", /backbone.class_path/],
    ["another head", "vocos.heads.ISTFTHead", "vocos.heads.IMDCTSymExpHead", /head.class_path/],
    [
      "other features",
      "vocos.feature_extractors.MelSpectrogramFeatures",
      "own.Features",
      /feature_extractor.class_path/,
    ],
    ["an argument that no class has", "padding: center }\nbackbone", "f_min: 40 }\nbackbone", /init_args.f_min/],
    ["sizes at odds", "{ dim: 512", "{ dim: 500", /head.init_args.dim/],
    ["a norm for rates that a mel has not", "num_layers: 8", "num_layers: 8, adanorm_num_embeddings: 4", /adanorm/],
    ["a size that is no number", "num_layers: 8", "num_layers: many", /num_layers/],
    [
      "another padding",
      "padding: center }\nbackbone",
      "padding: none }\nbackbone",
      /feature_extractor.init_args.padding/,
    ],
    ["a missing section", /head:[\s\S]*/, "", /"head" expected an object/],
    ["no sections", /[\s\S]*/, "- a\n- b\n", /"config" expected an object/],
    ["no YAML", "head:", "\thead: [", /config.yaml beside the weights is no YAML/],
  ])("is refused for %s", (_, part, other, message) => {
    const text = mel.replace(part, other);
    expect(text).not.toBe(mel);
    const parse = () => parsePublishedConfig(text, "vocos");
    expect(parse).toThrow(expect.objectContaining({ name: "ModelError", code: "bad-config" }));
    expect(parse).toThrow(message);
  });

  it("is refused for EnCodec's other model", () => {
    const parse = () => parsePublishedConfig(encodec.replace("encodec_24khz", "encodec_48khz"), "vocos");
    expect(parse).toThrow(/encodec_model" expected "encodec_24khz"/);
  });

  it("does not unfold a few bytes to gigabytes", () => {
    const lists = Array.from({ length: 30 }, (_, n) => `a${n + 1}: &a${n + 1} [${`*a${n},`.repeat(9)}]`);
    expect(() => parsePublishedConfig(`a0: &a0 [x]\n${lists.join("\n")}`, "vocos")).toThrow(/no YAML/);
  });
});
