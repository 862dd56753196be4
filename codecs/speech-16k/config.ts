/** The config of the speech codecs: what `config.json` holds, checked. The same file configures training. */
import type { MelConfig } from "../../src/features/mel-spectrogram";
import type { ExcitationConfig } from "../../src/graph/blocks/excitation";
import { badConfig, checkSchema, expectEqual, type Schema } from "../config-schema";

export interface SpeechConfig {
  readonly name: string;
  readonly sampleRate: number;
  /** Samples of one frame. */
  readonly hopLength: number;
  readonly frameRate: number;
  readonly latentDim: number;
  readonly residualKernelSize: number;
  readonly encoder: {
    /** Of the convolution that strides from the mel's frames to the codec's. */
    readonly inputKernelSize: number;
    readonly channels: number;
    readonly dilations: readonly number[];
    readonly outputKernelSize: number;
  };
  readonly rvq: { readonly numCodebooks: number; readonly codebookSize: number; readonly codebookDim: number };
  readonly decoder: {
    /** Frames that the network hears beyond the one it decodes: most of the codec's delay. */
    readonly lookaheadFrames: number;
    readonly inputKernelSize: number;
    readonly frameChannels: number;
    readonly frameDilations: readonly number[];
    readonly upsampleFactor: number;
    readonly upsampleKernelSize: number;
    readonly subframeChannels: number;
    readonly subframeDilations: readonly number[];
    readonly excitation: Omit<ExcitationConfig, "fftLength" | "hopLength" | "spectrumGain" | "mel">;
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
  /** What brings log-mels to about -1 to 1 before the encoder's first layer. */
  readonly melNormalization: { readonly mean: number; readonly deviation: number };
  /** The lowest frequencies, which the encoder hears with their phases: multiples of `spacingHz`. */
  readonly phase: {
    readonly numFrequencies: number;
    readonly spacingHz: number;
    /** What their magnitudes are raised to, above `floor`. */
    readonly exponent: number;
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
  encoder: { inputKernelSize: "count", channels: "count", dilations: ["count"], outputKernelSize: "count" },
  rvq: { numCodebooks: "count", codebookSize: "count", codebookDim: "count" },
  decoder: {
    lookaheadFrames: "number",
    inputKernelSize: "count",
    frameChannels: "count",
    frameDilations: ["count"],
    upsampleFactor: "count",
    upsampleKernelSize: "count",
    subframeChannels: "count",
    subframeDilations: ["count"],
    excitation: {
      directBins: "count",
      lowBins: "count",
      thresholds: ["signed"],
      binsPerBand: "count",
      smoothingBins: "number",
      levelFloor: "number",
      powerFloor: "number",
    },
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
  melNormalization: { mean: "signed", deviation: "number" },
  phase: { numFrequencies: "count", spacingHz: "number", exponent: "number", floor: "number" },
};

/**
 * Checks parsed JSON.
 *
 * @throws {ModelError} `bad-config`, naming the field, when one is missing, of the wrong kind, or at odds with the others
 */
export function parseSpeechConfig(value: unknown): SpeechConfig {
  checkSchema(value, schema);
  const config = value as SpeechConfig;
  const { hopLength, encoder, decoder, vocoder, mel } = config;
  const subframe = hopLength / decoder.upsampleFactor;
  expectEqual("frameRate", config.frameRate, config.sampleRate / hopLength);
  expectEqual("rvq.codebookDim", config.rvq.codebookDim, config.latentDim);
  expectEqual("vocoder.hopLength", vocoder.hopLength, subframe);
  expectEqual("mel.hopLength", mel.hopLength, subframe);
  if (!Number.isInteger(decoder.lookaheadFrames)) {
    throw badConfig("decoder.lookaheadFrames", "a whole number", decoder.lookaheadFrames);
  }
  if (encoder.inputKernelSize < decoder.upsampleFactor) {
    const expected = `at least decoder.upsampleFactor, ${decoder.upsampleFactor}`;
    throw badConfig("encoder.inputKernelSize", expected, encoder.inputKernelSize);
  }
  checkFeatures(config);
  checkExcitation(config);
  return config;
}

/** @throws {ModelError} `bad-config` when what the encoder hears cannot be worked out */
function checkFeatures({ sampleRate, mel, melNormalization, phase }: SpeechConfig): void {
  if (mel.windowLength < mel.hopLength || mel.windowLength > mel.fftLength) {
    const expected = `at least mel.hopLength, ${mel.hopLength}, and at most mel.fftLength, ${mel.fftLength}`;
    throw badConfig("mel.windowLength", expected, mel.windowLength);
  }
  if (melNormalization.deviation === 0) {
    throw badConfig("melNormalization.deviation", "a number above 0", melNormalization.deviation);
  }
  const highest = phase.numFrequencies * phase.spacingHz;
  if (highest === 0 || highest > sampleRate / 2) {
    const expected = `${phase.numFrequencies} frequencies up to half the sample rate, ${sampleRate / 2}`;
    throw badConfig("phase.spacingHz", expected, phase.spacingHz);
  }
  if (phase.floor === 0) throw badConfig("phase.floor", "a number above 0", phase.floor);
}

/** @throws {ModelError} `bad-config` when harmonics or noise cannot be made */
function checkExcitation({ decoder: { excitation }, vocoder }: SpeechConfig): void {
  const { directBins, lowBins } = excitation;
  if (vocoder.hopLength < 3) throw badConfig("vocoder.hopLength", "at least 3, for tones of noise", vocoder.hopLength);
  const highestBin = vocoder.fftLength / 2;
  if (directBins > highestBin) {
    throw badConfig("decoder.excitation.directBins", `at most half of vocoder.fftLength, ${highestBin}`, directBins);
  }
  if (!Number.isInteger(excitation.smoothingBins)) {
    throw badConfig("decoder.excitation.smoothingBins", "a whole number", excitation.smoothingBins);
  }
  if (lowBins >= directBins)
    throw badConfig("decoder.excitation.lowBins", `less than directBins, ${directBins}`, lowBins);
  for (const name of ["levelFloor", "powerFloor"] as const) {
    if (excitation[name] === 0) throw badConfig(`decoder.excitation.${name}`, "a number above 0", 0);
  }
}

/** The log-mel that the decoder learned to predict, as training/quantone_training/features.py computes it. */
export function melOf({ sampleRate, mel }: SpeechConfig): MelConfig {
  const { floor, ...sizes } = mel;
  return {
    ...sizes,
    sampleRate,
    melScale: "slaney",
    norm: "slaney",
    power: 1,
    padding: "reflect-same",
    compression: { log: "natural", floor },
  };
}
