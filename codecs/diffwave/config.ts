/** The config of the DiffWave systems: what `config-*.json` holds, checked. */
import type { MelConfig } from "../../src/features/mel-spectrogram";
import { badConfig, checkSchema, expectEqual, type Schema } from "../config-schema";
import type { AdaptivePriorConfig } from "./adaptive-prior";

/** What the network is told beside the noise: a log-mel, a class, or nothing. */
export type Conditioning = "mel" | "label" | "none";

export interface DiffwaveConfig {
  readonly name: string;
  readonly sampleRate: number;
  readonly conditioning: Conditioning;
  /** For `mel`: the features. */
  readonly mel?: MelConfig;
  /** For `mel`: what brings the features to about -1 to 1. Default: they are taken as they are. */
  readonly melNormalization?: { readonly mean: number; readonly deviation: number };
  /** For `mel`: strides of the transposed convolutions, whose product is the features' hop. */
  readonly upsampling?: readonly number[];
  /** For `label`: the number of classes, and the width of their embedding. */
  readonly numClasses?: number;
  readonly classDim?: number;
  readonly numLayers: number;
  /** Width of the residual stack. */
  readonly channels: number;
  /** Layer n has the dilation 2 to the power of n modulo this. */
  readonly dilationCycle: number;
  /** Width of the embedding of a diffusion step, half sines and half cosines, and of the layers behind it. */
  readonly stepEmbeddingDim: number;
  readonly stepHiddenDim: number;
  /** Variances of the noise that training adds, evenly spaced from the first step's to the last's. */
  readonly noiseSchedule: { readonly first: number; readonly last: number; readonly numSteps: number };
  /** Variances of the few steps that are enough for sampling. */
  readonly fastSchedule: readonly number[];
  /** For `mel`: noise as loud as the speech is. Default: noise of level one, and samples clipped at full scale. */
  readonly adaptivePrior?: AdaptivePriorConfig;
}

const schema: Schema = {
  name: "text",
  sampleRate: "count",
  conditioning: "text",
  numLayers: "count",
  channels: "count",
  dilationCycle: "count",
  stepEmbeddingDim: "count",
  stepHiddenDim: "count",
  noiseSchedule: { first: "number", last: "number", numSteps: "count" },
  fastSchedule: ["number"],
};

/** What a config has besides, by its conditioning. */
const conditioningSchemas: Readonly<Record<Conditioning, Schema>> = {
  mel: { mel: { sampleRate: "count", hopLength: "count", numMels: "count" }, upsampling: ["count"] },
  label: { numClasses: "count", classDim: "count" },
  none: {},
};

/**
 * Checks parsed JSON.
 *
 * @throws {ModelError} `bad-config`, naming the field, when one is missing, of the wrong kind, or at odds with the others
 */
export function parseDiffwaveConfig(value: unknown): DiffwaveConfig {
  checkSchema(value, schema);
  const config = value as DiffwaveConfig;
  const { conditioning, mel, melNormalization, upsampling, stepEmbeddingDim, noiseSchedule } = config;
  const conditioningSchema = conditioningSchemas[conditioning];
  if (conditioningSchema === undefined) {
    throw badConfig("conditioning", `one of ${Object.keys(conditioningSchemas).join(", ")}`, conditioning);
  }
  checkSchema(value, conditioningSchema);
  if (stepEmbeddingDim % 2 !== 0) throw badConfig("stepEmbeddingDim", "an even number", stepEmbeddingDim);
  if (noiseSchedule.numSteps < 2) throw badConfig("noiseSchedule.numSteps", "at least 2", noiseSchedule.numSteps);
  for (const [index, beta] of [noiseSchedule.first, noiseSchedule.last, ...config.fastSchedule].entries()) {
    const path = ["noiseSchedule.first", "noiseSchedule.last"][index] ?? `fastSchedule[${index - 2}]`;
    if (!(beta > 0 && beta < 1)) throw badConfig(path, "a number between 0 and 1", beta);
  }
  if (config.adaptivePrior !== undefined) checkPrior(config.adaptivePrior, mel);
  if (melNormalization !== undefined) {
    const { mean, deviation } = melNormalization;
    checkSchema(deviation, "number", "melNormalization.deviation");
    if (deviation === 0) throw badConfig("melNormalization.deviation", "a number above 0", deviation);
    if (!Number.isFinite(mean)) throw badConfig("melNormalization.mean", "a number", mean);
  }
  if (mel !== undefined && upsampling !== undefined) {
    expectEqual("mel.sampleRate", mel.sampleRate, config.sampleRate);
    expectEqual(
      "mel.hopLength",
      mel.hopLength,
      upsampling.reduce((product, stride) => product * stride, 1),
    );
  }
  return config;
}

function checkPrior(prior: AdaptivePriorConfig, mel: MelConfig | undefined): void {
  for (const name of ["scale", "floor", "limit"] as const) {
    checkSchema(prior[name], "number", `adaptivePrior.${name}`);
    if (prior[name] === 0) throw badConfig(`adaptivePrior.${name}`, "a number above 0", prior[name]);
  }
  if (mel === undefined) throw badConfig("adaptivePrior", "nothing without a mel", prior);
  const { log, scale = 1, offset = 0 } = mel.compression;
  if (log !== "natural" || scale !== 1 || offset !== 0) {
    throw badConfig("mel.compression", "plain natural logarithms for an adaptive prior", mel.compression);
  }
  if (mel.power !== 1) throw badConfig("mel.power", "1, magnitudes, for an adaptive prior", mel.power);
}

/** The dilation of a layer. */
export function dilationOf({ dilationCycle }: DiffwaveConfig, layer: number): number {
  return 2 ** (layer % dilationCycle);
}

/** Samples that the residual stack looks ahead, and back: the sum of all dilations. */
export function lookAhead(config: DiffwaveConfig): number {
  return Array.from({ length: config.numLayers }, (_, layer) => dilationOf(config, layer)).reduce((a, b) => a + b, 0);
}

/** Width of what conditions each sample (`mel`) or the whole signal (`label`); 0 for nothing. */
export function conditionWidth({ conditioning, mel, classDim = 0 }: DiffwaveConfig): number {
  return conditioning === "mel" ? (mel?.numMels ?? 0) : conditioning === "label" ? classDim : 0;
}
