/** The config of a SoundStream: what `config.json` holds, checked. The same file configures the PyTorch twin. */
import type { DenoisingSide } from "../../src/encoder/denoising";
import { badConfig, checkSchema, expectEqual, type Schema } from "../config-schema";

export interface SoundstreamConfig {
  readonly sampleRate: number;
  /** Samples of one frame: the product of the strides. */
  readonly hopLength: number;
  readonly frameRate: number;
  readonly latentDim: number;
  /** Width of the encoder's first convolution; every stride doubles it. */
  readonly encoderChannels: number;
  /** Width of the decoder's last stage; every stride towards the latents doubles it. */
  readonly decoderChannels: number;
  /** From the encoder's first stage to its last; the decoder has them in the other order. */
  readonly strides: readonly number[];
  /** Of the convolutions at the two ends of samples and at the decoder's start. */
  readonly kernelSize: number;
  /** Of the convolution to latents. */
  readonly latentKernelSize: number;
  readonly residualKernelSize: number;
  /** One residual unit each, in every stage. */
  readonly dilations: readonly number[];
  /** The network that a FiLM layer conditions on denoising; neither when left out. */
  readonly denoising?: DenoisingSide;
  readonly rvq: { readonly numCodebooks: number; readonly codebookSize: number; readonly codebookDim: number };
}

const schema: Schema = {
  sampleRate: "count",
  hopLength: "count",
  frameRate: "number",
  latentDim: "count",
  encoderChannels: "count",
  decoderChannels: "count",
  strides: ["count"],
  kernelSize: "count",
  latentKernelSize: "count",
  residualKernelSize: "count",
  dilations: ["count"],
  rvq: { numCodebooks: "count", codebookSize: "count", codebookDim: "count" },
};

/**
 * The largest dilation that a config may have. Nothing else in a file of weights bounds it, and streams remember
 * `dilation * (residualKernelSize - 1)` frames.
 */
const MAX_DILATION = 4096;

/**
 * Checks parsed JSON.
 *
 * @throws {ModelError} `bad-config`, naming the field, when one is missing, of the wrong kind, or at odds with the others
 */
export function parseSoundstreamConfig(value: unknown): SoundstreamConfig {
  checkSchema(value, schema);
  const config = value as SoundstreamConfig;
  const { hopLength, strides, denoising } = config;
  expectEqual(
    "hopLength",
    hopLength,
    strides.reduce((product, stride) => product * stride, 1),
  );
  expectEqual("frameRate", config.frameRate, config.sampleRate / hopLength);
  expectEqual("rvq.codebookDim", config.rvq.codebookDim, config.latentDim);
  const excessive = config.dilations.find((dilation) => dilation > MAX_DILATION);
  if (excessive !== undefined) throw badConfig("dilations", `at most ${MAX_DILATION}`, excessive);
  if (denoising !== undefined && denoising !== "encoder" && denoising !== "decoder") {
    throw badConfig("denoising", '"encoder" or "decoder", or nothing', denoising);
  }
  return config;
}
