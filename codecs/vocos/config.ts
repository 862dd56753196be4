/** The config of the Vocos systems: what `config-*.json` holds, checked. */
import type { MelConfig } from "../../src/features/mel-spectrogram";
import { badConfig, checkSchema, expectEqual, type Schema } from "../config-schema";

/** EnCodec's quantized frames as features: what a sum of codewords from the checkpoint's own codebooks needs. */
export interface EncodecFeatures {
  readonly numCodebooks: number;
  readonly codebookSize: number;
  /** Rates that the network knows apart, in bits per second. */
  readonly bitsPerSecond: readonly number[];
}

export interface VocosConfig {
  readonly name: string;
  readonly sampleRate: number;
  /** Width of a feature frame: mel bands, or numbers of a codeword. */
  readonly featureDim: number;
  /** Exactly one of the two says what goes in. */
  readonly mel?: MelConfig;
  readonly encodec?: EncodecFeatures;
  /** Width of the backbone, and of the inside of its blocks. */
  readonly channels: number;
  readonly hiddenChannels: number;
  readonly numBlocks: number;
  /** Frames that each convolution spans, odd. */
  readonly kernelSize: number;
  readonly fftLength: number;
  readonly hopLength: number;
  /**
   * Where frame f of the spectrum lies. `center`: around sample f * hopLength. `same`: in the middle of its own hop.
   */
  readonly padding: "center" | "same";
}

const schema: Schema = {
  name: "text",
  sampleRate: "count",
  featureDim: "count",
  channels: "count",
  hiddenChannels: "count",
  numBlocks: "count",
  kernelSize: "count",
  fftLength: "count",
  hopLength: "count",
  padding: "text",
};

const melSchema: Schema = { sampleRate: "count", hopLength: "count", numMels: "count" };
const encodecSchema: Schema = { numCodebooks: "count", codebookSize: "count", bitsPerSecond: ["count"] };

/**
 * Checks parsed JSON.
 *
 * @throws {ModelError} `bad-config`, naming the field, when one is missing, of the wrong kind, or at odds with the others
 */
export function parseVocosConfig(value: unknown): VocosConfig {
  checkSchema(value, schema);
  const config = value as VocosConfig;
  const { mel, encodec, padding, kernelSize, featureDim } = config;
  if ((mel === undefined) === (encodec === undefined)) {
    throw badConfig("mel", 'either it or "encodec"', mel === undefined ? "neither" : "both");
  }
  if (mel !== undefined) {
    checkSchema(mel, melSchema, "mel");
    expectEqual("mel.numMels", mel.numMels, featureDim);
    expectEqual("mel.sampleRate", mel.sampleRate, config.sampleRate);
    expectEqual("mel.hopLength", mel.hopLength, config.hopLength);
  }
  if (encodec !== undefined) checkSchema(encodec, encodecSchema, "encodec");
  if (padding !== "center" && padding !== "same") throw badConfig("padding", '"center" or "same"', padding);
  if (kernelSize % 2 === 0) throw badConfig("kernelSize", "an odd number", kernelSize);
  return config;
}

/** Frames that the backbone looks ahead, and back. */
export function lookAheadFrames({ kernelSize, numBlocks }: VocosConfig): number {
  return ((kernelSize - 1) / 2) * (numBlocks + 1);
}

/** Samples from where a frame's window begins to the first sample that the frame stands for. */
export function overlapSamples({ padding, fftLength, hopLength }: VocosConfig): number {
  return padding === "center" ? fftLength / 2 : (fftLength - hopLength) / 2;
}
