/**
 * The config of a VITS model: read from what its authors published, Hugging Face's `config.json` or the original's, and
 * checked.
 */
import { badConfig, checkSchema, type Schema } from "../config-schema";

/** Sizes of the waveform decoder, a HiFi-GAN generator. */
export interface DecoderConfig {
  readonly initialChannels: number;
  /** Strides of the transposed convolutions; their product is the hop. */
  readonly strides: readonly number[];
  readonly kernelSizes: readonly number[];
  readonly resblockKernelSizes: readonly number[];
  readonly resblockDilations: readonly (readonly number[])[];
  /** `1`: each dilated convolution is followed by a plain one; `2`: it is not. */
  readonly resblock: "1" | "2";
}

export interface VitsConfig {
  /** In Hz. */
  readonly sampleRate: number;
  /** Samples of one latent frame. */
  readonly hopLength: number;
  /** Width of text encoder, duration predictor and WaveNets, H. */
  readonly hiddenDim: number;
  /** Width of the latents, D. */
  readonly latentDim: number;
  readonly numLayers: number;
  readonly numHeads: number;
  /** Distances up to this have vectors of their own in the attention. */
  readonly windowSize: number;
  readonly feedForwardDim: number;
  readonly feedForwardKernelSize: number;
  readonly layerNormEpsilon: number;
  /** Whether durations are drawn from a flow; otherwise they are predicted. */
  readonly hasDrawnDurations: boolean;
  readonly durationKernelSize: number;
  /** Width of the predictor that does not draw. */
  readonly durationDim: number;
  readonly numDurationFlows: number;
  readonly numSplineBins: number;
  readonly splineTailBound: number;
  /** Layers of each stack of depthwise convolutions. */
  readonly numSeparableLayers: number;
  /** Couplings of the flow between text and sound, and the WaveNet layers of each. */
  readonly numFlows: number;
  readonly numFlowLayers: number;
  readonly numPosteriorLayers: number;
  readonly waveNetKernelSize: number;
  readonly waveNetDilationBase: number;
  /** Of the transform whose magnitudes the posterior encoder takes. */
  readonly fftLength: number;
  readonly decoder: DecoderConfig;
  /** 1 for a model of one voice. */
  readonly numSpeakers: number;
  /** Width of a speaker's embedding; 0 for a model of one voice. */
  readonly speakerDim: number;
  /** What the authors synthesize with. */
  readonly speakingRate: number;
  readonly noiseScale: number;
  readonly durationNoiseScale: number;
}

type Fields = Readonly<Record<string, unknown>>;

/** What both kinds of config have under other names. */
const sizes = {
  sampleRate: "count",
  hiddenDim: "count",
  latentDim: "count",
  numLayers: "count",
  numHeads: "count",
  windowSize: "count",
  feedForwardDim: "count",
  feedForwardKernelSize: "count",
  layerNormEpsilon: "number",
  durationKernelSize: "count",
  durationDim: "count",
  numDurationFlows: "count",
  numSplineBins: "count",
  splineTailBound: "number",
  numSeparableLayers: "count",
  numFlows: "count",
  numFlowLayers: "count",
  numPosteriorLayers: "count",
  waveNetKernelSize: "count",
  waveNetDilationBase: "count",
  fftLength: "count",
  decoder: {
    initialChannels: "count",
    strides: ["count"],
    kernelSizes: ["count"],
    resblockKernelSizes: ["count"],
    resblockDilations: [["count"]],
  },
  numSpeakers: "count",
  speakerDim: "number",
  speakingRate: "number",
  noiseScale: "number",
  durationNoiseScale: "number",
} as const satisfies Schema;

/**
 * Reads either kind of published config.
 *
 * @throws {ModelError} `bad-config`, naming the field as it is called here
 */
export function parseVitsConfig(value: unknown): VitsConfig {
  checkSchema(value, {});
  const fields = value as Fields;
  const isOriginal = typeof fields.model === "object" && fields.model !== null;
  const read = isOriginal ? readOriginal(fields.model as Fields, Object(fields.data)) : readPort(fields);
  checkSchema(read, sizes);
  const { strides } = read.decoder;
  const config: VitsConfig = { ...read, hopLength: strides.reduce((product, stride) => product * stride, 1) };
  checkFit(config);
  return config;
}

type ConfigWithoutHop = Omit<VitsConfig, "hopLength">;

/** Fields of the port that have one value in every published model. */
const fixedFields = {
  model_type: "vits",
  hidden_act: "relu",
  depth_separable_channels: 2,
  leaky_relu_slope: 0.1,
  use_bias: true,
} as const;

/** Fields that Hugging Face's port gives, with its defaults in place of those that are left out. */
function readPort(fields: Fields): ConfigWithoutHop {
  for (const [name, value] of Object.entries(fixedFields)) {
    const given = fields[name] ?? value;
    if (given !== value) throw badConfig(name, JSON.stringify(value), given);
  }
  const of = <T>(name: string, fallback: T): T => (fields[name] ?? fallback) as T;
  return {
    sampleRate: of("sampling_rate", 16000),
    hiddenDim: of("hidden_size", 192),
    latentDim: of("flow_size", 192),
    numLayers: of("num_hidden_layers", 6),
    numHeads: of("num_attention_heads", 2),
    windowSize: of("window_size", 4),
    feedForwardDim: of("ffn_dim", 768),
    feedForwardKernelSize: of("ffn_kernel_size", 3),
    layerNormEpsilon: of("layer_norm_eps", 1e-5),
    hasDrawnDurations: of("use_stochastic_duration_prediction", true),
    durationKernelSize: of("duration_predictor_kernel_size", 3),
    durationDim: of("duration_predictor_filter_channels", 256),
    numDurationFlows: of("duration_predictor_num_flows", 4),
    numSplineBins: of("duration_predictor_flow_bins", 10),
    splineTailBound: of("duration_predictor_tail_bound", 5),
    numSeparableLayers: of("depth_separable_num_layers", 3),
    numFlows: of("prior_encoder_num_flows", 4),
    numFlowLayers: of("prior_encoder_num_wavenet_layers", 4),
    numPosteriorLayers: of("posterior_encoder_num_wavenet_layers", 16),
    waveNetKernelSize: of("wavenet_kernel_size", 5),
    waveNetDilationBase: of("wavenet_dilation_rate", 1),
    fftLength: 2 * (of("spectrogram_bins", 513) - 1),
    decoder: {
      initialChannels: of("upsample_initial_channel", 512),
      strides: of("upsample_rates", [8, 8, 2, 2]),
      kernelSizes: of("upsample_kernel_sizes", [16, 16, 4, 4]),
      resblockKernelSizes: of("resblock_kernel_sizes", [3, 7, 11]),
      resblockDilations: of(
        "resblock_dilation_sizes",
        [1, 2, 3].map(() => [1, 3, 5]),
      ),
      resblock: "1",
    },
    numSpeakers: of("num_speakers", 1),
    speakerDim: of("speaker_embedding_size", 0),
    speakingRate: of("speaking_rate", 1),
    noiseScale: of("noise_scale", 0.667),
    durationNoiseScale: of("noise_scale_duration", 0.8),
  };
}

/** Fields of the original's `config.json`; what it has no field for is fixed in its code. */
function readOriginal(model: Fields, data: Fields): ConfigWithoutHop {
  const numSpeakers = Math.max(1, Number(data.n_speakers ?? 0));
  const of = <T>(name: string): T => model[name] as T;
  return {
    sampleRate: data.sampling_rate as number,
    hiddenDim: of("hidden_channels"),
    latentDim: of("inter_channels"),
    numLayers: of("n_layers"),
    numHeads: of("n_heads"),
    windowSize: 4,
    feedForwardDim: of("filter_channels"),
    feedForwardKernelSize: of("kernel_size"),
    layerNormEpsilon: 1e-5,
    hasDrawnDurations: (model.use_sdp as boolean | undefined) ?? true,
    durationKernelSize: 3,
    durationDim: 256,
    numDurationFlows: 4,
    numSplineBins: 10,
    splineTailBound: 5,
    numSeparableLayers: 3,
    numFlows: 4,
    numFlowLayers: 4,
    numPosteriorLayers: 16,
    waveNetKernelSize: 5,
    waveNetDilationBase: 1,
    fftLength: data.filter_length as number,
    decoder: {
      initialChannels: of("upsample_initial_channel"),
      strides: of("upsample_rates"),
      kernelSizes: of("upsample_kernel_sizes"),
      resblockKernelSizes: of("resblock_kernel_sizes"),
      resblockDilations: of("resblock_dilation_sizes"),
      resblock: String(model.resblock) === "2" ? "2" : "1",
    },
    numSpeakers,
    speakerDim: numSpeakers > 1 ? of("gin_channels") : 0,
    speakingRate: 1,
    noiseScale: 0.667,
    durationNoiseScale: 0.8,
  };
}

/** What the original's `config.json` says of text: its forks list the symbols there, which the original has in its code. */
export function readOriginalText(value: unknown): { symbols: unknown; hasBlanks: unknown } {
  const { symbols, data } = Object(value) as Fields;
  return { symbols, hasBlanks: (Object(data) as Fields).add_blank };
}

function checkFit(config: VitsConfig): void {
  const { hiddenDim, numHeads, latentDim, decoder, numSpeakers, speakerDim } = config;
  if (hiddenDim % numHeads !== 0) throw badConfig("hiddenDim", `a multiple of ${numHeads}, the heads`, hiddenDim);
  if (latentDim % 2 !== 0) throw badConfig("latentDim", "an even number", latentDim);
  const { strides, kernelSizes, resblockKernelSizes, resblockDilations, initialChannels } = decoder;
  const lists = [
    ["decoder.kernelSizes", kernelSizes, strides],
    ["decoder.resblockDilations", resblockDilations, resblockKernelSizes],
  ] as const;
  for (const [name, list, other] of lists) {
    if (list.length !== other.length) throw badConfig(name, `${other.length} of them, as of its sizes`, list);
  }
  const divisor = 2 ** strides.length;
  if (initialChannels % divisor !== 0) {
    throw badConfig("decoder.initialChannels", `a multiple of ${divisor}`, initialChannels);
  }
  const odd = { durationKernelSize: config.durationKernelSize, waveNetKernelSize: config.waveNetKernelSize };
  for (const [name, size] of Object.entries(odd)) {
    if (size % 2 === 0) throw badConfig(name, "an odd number", size);
  }
  if (numSpeakers > 1 && !(Number.isSafeInteger(speakerDim) && speakerDim > 0)) {
    throw badConfig("speakerDim", "a whole number of at least 1 for several speakers", speakerDim);
  }
}
