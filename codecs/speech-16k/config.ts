/** The config of the speech codecs: what `config.json` holds, checked. The same file configures training. */
import { badConfig, checkSchema, expectEqual, type Schema } from "../config-schema";

export interface EncoderStageConfig {
  readonly channels: number;
  readonly kernelSize: number;
  readonly stride: number;
  readonly dilations: readonly number[];
}

export interface SpeechConfig {
  readonly name: string;
  readonly sampleRate: number;
  /** Samples of one frame: the product of the encoder's strides. */
  readonly hopLength: number;
  readonly frameRate: number;
  readonly latentDim: number;
  readonly residualKernelSize: number;
  readonly encoder: { readonly stages: readonly EncoderStageConfig[]; readonly outputKernelSize: number };
  readonly bypass: { readonly kernelSize: number };
  readonly rvq: { readonly numCodebooks: number; readonly codebookSize: number; readonly codebookDim: number };
  readonly decoder: {
    readonly inputKernelSize: number;
    readonly frameChannels: number;
    readonly frameDilations: readonly number[];
    readonly upsampleFactor: number;
    readonly upsampleKernelSize: number;
    readonly subframeChannels: number;
    readonly subframeDilations: readonly number[];
  };
  readonly vocoder: {
    readonly fftLength: number;
    readonly hopLength: number;
    readonly spectrumGain: number;
    readonly windowSumFloor: number;
  };
  readonly mel: {
    readonly fftLength: number;
    readonly windowLength: number;
    readonly hopLength: number;
    readonly numMels: number;
    readonly minFrequencyHz: number;
    readonly maxFrequencyHz: number;
    readonly floor: number;
  };
}

const schema: Schema = {
  name: "text",
  sampleRate: "count",
  hopLength: "count",
  frameRate: "number",
  latentDim: "count",
  residualKernelSize: "count",
  encoder: {
    stages: [{ channels: "count", kernelSize: "count", stride: "count", dilations: ["count"] }],
    outputKernelSize: "count",
  },
  bypass: { kernelSize: "count" },
  rvq: { numCodebooks: "count", codebookSize: "count", codebookDim: "count" },
  decoder: {
    inputKernelSize: "count",
    frameChannels: "count",
    frameDilations: ["count"],
    upsampleFactor: "count",
    upsampleKernelSize: "count",
    subframeChannels: "count",
    subframeDilations: ["count"],
  },
  vocoder: { fftLength: "count", hopLength: "count", spectrumGain: "number", windowSumFloor: "number" },
  mel: {
    fftLength: "count",
    windowLength: "count",
    hopLength: "count",
    numMels: "count",
    minFrequencyHz: "number",
    maxFrequencyHz: "number",
    floor: "number",
  },
};

/**
 * Checks parsed JSON.
 *
 * @throws {ModelError} `bad-config`, naming the field, when one is missing, of the wrong kind, or at odds with the others
 */
export function parseSpeechConfig(value: unknown): SpeechConfig {
  checkSchema(value, schema);
  const config = value as SpeechConfig;
  const { hopLength, encoder, decoder, vocoder, mel, bypass } = config;
  const subframe = hopLength / decoder.upsampleFactor;
  expectEqual(
    "hopLength",
    hopLength,
    encoder.stages.reduce((product, stage) => product * stage.stride, 1),
  );
  expectEqual("frameRate", config.frameRate, config.sampleRate / hopLength);
  expectEqual("rvq.codebookDim", config.rvq.codebookDim, config.latentDim);
  expectEqual("bypass.kernelSize", bypass.kernelSize, 2 * hopLength);
  expectEqual("vocoder.hopLength", vocoder.hopLength, subframe);
  expectEqual("mel.hopLength", mel.hopLength, subframe);
  for (const [index, { kernelSize, stride }] of encoder.stages.entries()) {
    if (kernelSize < stride)
      throw badConfig(`encoder.stages[${index}].kernelSize`, `at least the stride, ${stride}`, kernelSize);
  }
  return config;
}
