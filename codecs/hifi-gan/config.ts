/** The config of HiFi-GAN's vocoders: what `config-*.json` holds, or the authors' own files, checked. */
import type { MelConfig } from "../../src/features/mel-spectrogram";
import type { GeneratorSizes } from "../../src/graph/blocks/hifi-gan-generator";
import { badConfig, checkSchema, expectEqual, type Schema } from "../config-schema";

export interface HifiganConfig {
  /** The name that `loadVocoder` takes. */
  readonly name: string;
  readonly mel: MelConfig;
  readonly generator: Omit<GeneratorSizes, "inputChannels">;
  /** Whether the features are brought to mean 0 and deviation 1 by statistics that lie with the weights (SpeechT5). */
  readonly normalizesFeatures?: boolean;
}

const schema: Schema = {
  name: "text",
  mel: {
    sampleRate: "count",
    fftLength: "count",
    windowLength: "count",
    hopLength: "count",
    numMels: "count",
    minFrequencyHz: "number",
    maxFrequencyHz: "number",
    melScale: "text",
    norm: "text",
    power: "count",
    padding: "text",
    compression: { log: "text", floor: "number" },
  },
  generator: {
    initialChannels: "count",
    upsampleRates: ["count"],
    upsampleKernelSizes: ["count"],
    residualKind: "count",
    residualKernelSizes: ["count"],
    residualDilations: [["count"]],
  },
};

/** What a field may say, where it is one word or number of a few. */
const choices: readonly (readonly [string, (config: HifiganConfig) => unknown, readonly unknown[]])[] = [
  ["mel.melScale", ({ mel }) => mel.melScale, ["slaney", "htk"]],
  ["mel.norm", ({ mel }) => mel.norm, ["slaney", "none"]],
  ["mel.power", ({ mel }) => mel.power, [1, 2]],
  ["mel.padding", ({ mel }) => mel.padding, ["reflect-same", "reflect-center"]],
  ["mel.compression.log", ({ mel }) => mel.compression.log, ["natural", "decimal"]],
  ["generator.residualKind", ({ generator }) => generator.residualKind, [1, 2]],
];

/**
 * Checks parsed JSON: this package's, or a `config_v1.json` of the authors with a `system` added.
 *
 * @throws {ModelError} `bad-config`, naming the field, when one is missing, of the wrong kind, or at odds with the others
 */
export function parseHifiganConfig(value: unknown): HifiganConfig {
  const candidate = "upsample_rates" in Object(value) ? fromPublished(value) : value;
  checkSchema(candidate, schema);
  const config = candidate as HifiganConfig;
  for (const [path, read, allowed] of choices) {
    const found = read(config);
    if (!allowed.includes(found)) throw badConfig(path, `one of ${allowed.join(", ")}`, found);
  }
  checkGenerator(config);
  return config;
}

function checkGenerator({ mel, generator }: HifiganConfig): void {
  const { initialChannels, upsampleRates, upsampleKernelSizes, residualKernelSizes, residualDilations } = generator;
  const product = upsampleRates.reduce((hop, rate) => hop * rate, 1);
  expectEqual("mel.hopLength", mel.hopLength, product);
  expectEqual("generator.upsampleKernelSizes.length", upsampleKernelSizes.length, upsampleRates.length);
  expectEqual("generator.residualDilations.length", residualDilations.length, residualKernelSizes.length);
  if (initialChannels % 2 ** upsampleRates.length !== 0) {
    throw badConfig("generator.initialChannels", `a multiple of ${2 ** upsampleRates.length}`, initialChannels);
  }
  for (const [stage, rate] of upsampleRates.entries()) {
    const size = upsampleKernelSizes[stage] ?? 0;
    if (size < rate || (size - rate) % 2 !== 0) {
      throw badConfig(`generator.upsampleKernelSizes[${stage}]`, `${rate} + 2 * n, from the rate`, size);
    }
  }
  for (const [index, size] of residualKernelSizes.entries()) {
    if (size % 2 === 0) throw badConfig(`generator.residualKernelSizes[${index}]`, "an odd size", size);
  }
}

const publishedSchema: Schema = {
  upsample_rates: ["count"],
  upsample_kernel_sizes: ["count"],
  upsample_initial_channel: "count",
  resblock_kernel_sizes: ["count"],
  resblock_dilation_sizes: [["count"]],
  num_mels: "count",
  n_fft: "count",
  hop_size: "count",
  win_size: "count",
  sampling_rate: "count",
  fmin: "number",
  fmax: "number",
};

/** Fields of `publishedSchema`, and `resblock`, which files hold as a text or a number. */
interface PublishedConfig {
  readonly system?: unknown;
  readonly resblock: unknown;
  readonly upsample_rates: readonly number[];
  readonly upsample_kernel_sizes: readonly number[];
  readonly upsample_initial_channel: number;
  readonly resblock_kernel_sizes: readonly number[];
  readonly resblock_dilation_sizes: readonly (readonly number[])[];
  readonly num_mels: number;
  readonly n_fft: number;
  readonly hop_size: number;
  readonly win_size: number;
  readonly sampling_rate: number;
  readonly fmin: number;
  readonly fmax: number;
}

/** The authors' file in this package's words. Their code computes every log-mel alike. */
function fromPublished(value: unknown): HifiganConfig {
  checkSchema(value, publishedSchema);
  const published = value as PublishedConfig;
  return {
    name: String(published.system ?? "hifigan"),
    mel: {
      sampleRate: published.sampling_rate,
      fftLength: published.n_fft,
      windowLength: published.win_size,
      hopLength: published.hop_size,
      numMels: published.num_mels,
      minFrequencyHz: published.fmin,
      maxFrequencyHz: published.fmax,
      melScale: "slaney",
      norm: "slaney",
      power: 1,
      powerOffset: 1e-9,
      padding: "reflect-same",
      compression: { log: "natural", floor: 1e-5 },
    },
    generator: {
      initialChannels: published.upsample_initial_channel,
      upsampleRates: published.upsample_rates,
      upsampleKernelSizes: published.upsample_kernel_sizes,
      residualKind: Number(published.resblock) as 1 | 2,
      residualKernelSizes: published.resblock_kernel_sizes,
      residualDilations: published.resblock_dilation_sizes,
    },
  };
}
