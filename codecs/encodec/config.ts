/** The config of the EnCodec systems: what `config-*.json` holds, checked. */
import { type Segmentation, segmentationFault } from "../../src/tokens/segmentation";
import { badConfig, checkSchema, expectEqual, type Schema } from "../config-schema";

export interface EncodecConfig {
  /** The name that `loadCodec` takes. */
  readonly name: string;
  readonly sampleRate: number;
  /** Channels that are coded together. */
  readonly numChannels: number;
  /** Samples of one frame: the product of the strides. */
  readonly hopLength: number;
  readonly frameRate: number;
  readonly latentDim: number;
  /** Width of the first convolution; every stride doubles it. */
  readonly baseChannels: number;
  /** From the encoder's first stage to its last; the decoder has them in the other order. */
  readonly strides: readonly number[];
  readonly kernelSize: number;
  readonly lastKernelSize: number;
  readonly residualKernelSize: number;
  /** Residual units before each stride, the n-th with dilation `dilationBase` to the power of n. */
  readonly numResidualUnits: number;
  readonly dilationBase: number;
  /** How many times narrower the inside of a residual unit is. */
  readonly compression: number;
  readonly numLstmLayers: number;
  /** Whether frames depend on nothing behind them. If not, every network call takes a whole signal, or a whole segment. */
  readonly isCausal: boolean;
  /** Whether what each convolution gives is brought to mean 0 and variance 1 over the signal. Not for causal networks. */
  readonly hasSignalNorm: boolean;
  /** Whether residual units have a convolution beside their branch, or pass their input on as it is. */
  readonly hasShortcutConv: boolean;
  /** How signals are cut, in models that code segments each by itself and at a level of its own. */
  readonly segmentation?: Segmentation;
  /**
   * Frames that a stream waits for before its first call. Default: what the padding needs to be exact. 1 starts at once,
   * and the first frames differ from those of a stream that waits (see README.md).
   */
  readonly startFrames?: number;
  readonly rvq: { readonly numCodebooks: number; readonly codebookSize: number; readonly codebookDim: number };
}

const schema: Schema = {
  name: "text",
  sampleRate: "count",
  numChannels: "count",
  hopLength: "count",
  frameRate: "number",
  latentDim: "count",
  baseChannels: "count",
  strides: ["count"],
  kernelSize: "count",
  lastKernelSize: "count",
  residualKernelSize: "count",
  numResidualUnits: "count",
  dilationBase: "count",
  compression: "count",
  numLstmLayers: "count",
  isCausal: "flag",
  hasSignalNorm: "flag",
  hasShortcutConv: "flag",
  rvq: { numCodebooks: "count", codebookSize: "count", codebookDim: "count" },
};

/**
 * Checks parsed JSON.
 *
 * @throws {ModelError} `bad-config`, naming the field, when one is missing, of the wrong kind, or at odds with the others
 */
export function parseEncodecConfig(value: unknown): EncodecConfig {
  checkSchema(value, schema);
  checkSchema((value as EncodecConfig).startFrames ?? 1, "count", "startFrames");
  const config = value as EncodecConfig;
  const { hopLength, strides, baseChannels, compression } = config;
  expectEqual(
    "hopLength",
    hopLength,
    strides.reduce((product, stride) => product * stride, 1),
  );
  expectEqual("frameRate", config.frameRate, config.sampleRate / hopLength);
  expectEqual("rvq.codebookDim", config.rvq.codebookDim, config.latentDim);
  if (config.isCausal && config.hasSignalNorm) throw badConfig("hasSignalNorm", "false for a causal model", true);
  if (config.segmentation !== undefined) checkSegmentation(config.segmentation, config);
  if (strides.includes(1)) throw badConfig("strides", "strides of at least 2", strides);
  if (baseChannels % compression !== 0) throw badConfig("baseChannels", `a multiple of ${compression}`, baseChannels);
  return config;
}

function checkSegmentation(segmentation: Segmentation, { isCausal, hopLength }: EncodecConfig): void {
  checkSchema(segmentation, { segmentSamples: "count", overlapSamples: "number" }, "segmentation");
  const fault = segmentationFault(segmentation, hopLength);
  if (fault !== undefined) throw badConfig("segmentation", fault, segmentation);
  if (isCausal) throw badConfig("segmentation", "none for a causal model", segmentation);
}

/**
 * Frames that a network has to see in its first call, unless the signal ends before: the longest mirror image at the
 * frame rate and the frame that it leaves out. The paddings of the other layers are shorter than these frames. All of
 * them where the network is not causal.
 */
export function encoderStartFrames(config: EncodecConfig): number {
  return config.isCausal ? (config.startFrames ?? config.lastKernelSize) : Number.POSITIVE_INFINITY;
}

/** The same for the decoder, which mirrors its quantized latents first. */
export function decoderStartFrames(config: EncodecConfig): number {
  return config.isCausal ? (config.startFrames ?? config.kernelSize) : Number.POSITIVE_INFINITY;
}
