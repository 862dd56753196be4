/** The `config.yaml` that lies beside published weights of Vocos -> this package's config. */
import { parse } from "yaml";
import { ModelError } from "../../src/errors";
import type { MelConfig } from "../../src/features/mel-spectrogram";
import { badConfig, checkSchema, expectEqual, type Schema } from "../config-schema";
import { parseVocosConfig, type VocosConfig } from "./config";

/** A Python class and the arguments that it is made with, which are not all there: classes have defaults. */
interface Section {
  readonly class_path: string;
  readonly init_args: Readonly<Record<string, unknown>>;
}

type Sections = Readonly<Record<"feature_extractor" | "backbone" | "head", Section>>;

const schema: Schema = {
  feature_extractor: { class_path: "text", init_args: {} },
  backbone: {
    class_path: "text",
    init_args: { input_channels: "count", dim: "count", intermediate_dim: "count", num_layers: "count" },
  },
  head: { class_path: "text", init_args: { dim: "count", n_fft: "count", hop_length: "count" } },
};

/** The classes that run here, with all their arguments: one that is not among them would change what they do. */
const knownClasses: Readonly<Record<keyof Sections, Readonly<Record<string, readonly string[]>>>> = {
  feature_extractor: {
    "vocos.feature_extractors.MelSpectrogramFeatures": ["sample_rate", "n_fft", "hop_length", "n_mels", "padding"],
    "vocos.feature_extractors.EncodecFeatures": ["encodec_model", "bandwidths", "train_codebooks"],
  },
  backbone: {
    "vocos.models.VocosBackbone": [
      "input_channels",
      "dim",
      "intermediate_dim",
      "num_layers",
      "layer_scale_init_value",
      "adanorm_num_embeddings",
    ],
  },
  head: { "vocos.heads.ISTFTHead": ["dim", "n_fft", "hop_length", "padding"] },
};

/** EnCodec 24 kHz: each of its codebooks of 1024 costs 750 bit/s. */
const encodec = { sampleRate: 24_000, codebookSize: 1024, bitsPerSecondOfCodebook: 750 };

/**
 * Reads the author's file.
 *
 * @param name  what the vocoder is called
 * @throws {ModelError} `bad-config` when it is no such file, or describes a network that does not run here
 */
export function parsePublishedConfig(text: string, name: string): VocosConfig {
  const sections = parseYaml(text);
  checkSchema(sections, schema);
  const { feature_extractor, backbone, head } = sections as Sections;
  checkClass("feature_extractor", feature_extractor);
  checkClass("backbone", backbone);
  checkClass("head", head);
  const { input_channels, dim, intermediate_dim, num_layers, adanorm_num_embeddings } = backbone.init_args;
  expectEqual("head.init_args.dim", head.init_args.dim as number, dim as number);
  const features = readFeatures(feature_extractor);
  expectEqual(
    "backbone.init_args.adanorm_num_embeddings",
    (adanorm_num_embeddings ?? 0) as number,
    features.encodec?.bitsPerSecond.length ?? 0,
  );
  return parseVocosConfig({
    name,
    ...features,
    featureDim: input_channels,
    channels: dim,
    hiddenChannels: intermediate_dim,
    numBlocks: num_layers,
    kernelSize: 7,
    fftLength: head.init_args.n_fft,
    hopLength: head.init_args.hop_length,
    padding: head.init_args.padding ?? "same",
  });
}

function parseYaml(text: string): unknown {
  try {
    return parse(text);
  } catch (cause) {
    throw new ModelError("bad-config", "config.yaml beside the weights is no YAML; fetch it again", { cause });
  }
}

function checkClass(section: keyof Sections, { class_path, init_args }: Section): void {
  const classes = knownClasses[section];
  const known = classes[class_path];
  if (known === undefined) {
    const runs = Object.keys(classes).join(" or ");
    throw badConfig(`${section}.class_path`, `one that runs here, ${runs}`, class_path);
  }
  const path = `${section}.init_args`;
  for (const [argument, value] of Object.entries(init_args)) {
    if (!known.includes(argument)) throw badConfig(`${path}.${argument}`, `nothing for a ${class_path}`, value);
  }
}

function readFeatures({ class_path, init_args }: Section): Pick<VocosConfig, "sampleRate" | "mel" | "encodec"> {
  if (class_path.endsWith("EncodecFeatures")) return readEncodecFeatures(init_args);
  const { sample_rate = 24_000, n_fft = 1024, hop_length = 256, n_mels = 100, padding = "center" } = init_args;
  const path = "feature_extractor.init_args";
  checkSchema({ sample_rate, n_fft, hop_length, n_mels }, melSchema, path);
  if (padding !== "center" && padding !== "same") throw badConfig(`${path}.padding`, '"center" or "same"', padding);
  const sampleRate = sample_rate as number;
  const mel: MelConfig = {
    sampleRate,
    fftLength: n_fft as number,
    windowLength: n_fft as number,
    hopLength: hop_length as number,
    numMels: n_mels as number,
    minFrequencyHz: 0,
    maxFrequencyHz: sampleRate / 2,
    melScale: "htk",
    norm: "none",
    power: 1,
    padding: padding === "center" ? "reflect-center" : "reflect-same",
    compression: { log: "natural", floor: 1e-7 },
  };
  return { sampleRate, mel };
}

const melSchema: Schema = { sample_rate: "count", n_fft: "count", hop_length: "count", n_mels: "count" };

function readEncodecFeatures(args: Section["init_args"]): Pick<VocosConfig, "sampleRate" | "encodec"> {
  const { encodec_model = "encodec_24khz", bandwidths = [1.5, 3, 6, 12] } = args;
  const path = "feature_extractor.init_args";
  if (encodec_model !== "encodec_24khz") throw badConfig(`${path}.encodec_model`, '"encodec_24khz"', encodec_model);
  checkSchema(bandwidths, ["number"], `${path}.bandwidths`);
  const bitsPerSecond = (bandwidths as number[]).map((rate) => rate * 1000);
  const { sampleRate, codebookSize, bitsPerSecondOfCodebook } = encodec;
  const numCodebooks = Math.floor(Math.max(...bitsPerSecond) / bitsPerSecondOfCodebook);
  return { sampleRate, encodec: { numCodebooks, codebookSize, bitsPerSecond } };
}
