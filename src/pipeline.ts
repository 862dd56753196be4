/**
 * The whole pipeline on one page: what a codec is made of, and how a stretch of audio runs through it.
 *
 *     encode   samples → encoder → latents → quantizer → codes
 *     decode   codes → quantizer⁻¹ → quantized → decoder → features → vocoder → samples
 *
 * Everything else in this folder brings samples here and carries codes away.
 */
import { leveled } from "./audio/level";
import type { Decoder, DecoderStream } from "./decoder/decoder";
import type { DenoisingSide } from "./encoder/denoising";
import type { Encoder, EncoderStream } from "./encoder/encoder";
import type { NoiseDetector } from "./encoder/noise-detector";
import type { MelConfig } from "./features/mel-spectrogram";
import type { ResidualQuantizer } from "./rvq/quantize";
import type { Segmentation } from "./tokens/segmentation";
import type { Vocoder, VocoderStream } from "./vocoder/vocoder";

/** The facts of a codec that its tokens carry along. */
export interface CodecIdentity {
  /** Such as `speech-16k`. */
  readonly name: string;
  /** Which weights: tokens mean nothing under other weights. */
  readonly revision: string;
  /** Rate that the networks work at, in Hz. */
  readonly sampleRate: number;
  /** Samples of one token frame. */
  readonly hopLength: number;
  /** Latent and token frames per second. */
  readonly frameRate: number;
  /** Residual stages of the model; fewer can be used. */
  readonly numCodebooks: number;
  /** Codewords of each stage. */
  readonly codebookSize: number;
  /** Channels that are coded together as one, such as 2 for stereo. Default 1: each is coded by itself. */
  readonly jointChannels?: number;
  /** How signals are cut, for codecs that code segments each by itself. */
  readonly segmentation?: Segmentation;
  /** Algorithmic delay from a sample going in to the same sample coming out: one frame, those that the decoder waits for, and the vocoder's overlap. */
  readonly delaySamples: number;
  /** The network that can take noise away; absent where neither can. */
  readonly denoising?: DenoisingSide;
}

/** Features that a codec's decoder can give to vocoders that stand alone. */
export interface FeatureDecoder {
  /** Which log-mel they are, where they are one. */
  readonly mel?: MelConfig;
  /** The decoder that gives them in place of what the codec's own vocoder takes. */
  open(): Promise<Decoder>;
}

/** The stages of one codec, ready to run. The networks are built when first asked for, so encoding loads no decoder. */
export interface CodecStages {
  readonly identity: CodecIdentity;
  readonly quantizer: Pick<ResidualQuantizer, "quantize" | "dequantize">;
  readonly vocoder: Vocoder;
  encoder(): Promise<Encoder>;
  decoder(): Promise<Decoder>;
  /**
   * Starts to listen to a signal for frames that need not be sent. Absent where the decoder makes no noise in their place;
   * for encoders that take frames one by one.
   */
  readonly openNoiseDetector?: () => NoiseDetector;
  /** By the name that vocoders know the features by, such as `log_mel`. Absent where the codec has none. */
  readonly featureDecoders?: Readonly<Record<string, FeatureDecoder>>;
  dispose(): Promise<void>;
}

/** One channel, or several coded together, on its way to audio: what the networks remember of the frames before. */
export interface DecodingState {
  readonly decoder: DecoderStream;
  readonly vocoder: VocoderStream;
}

/**
 * Encodes whole frames of one channel.
 *
 * Shapes   `samples` [F * hopLength]; result [F, activeCodebooks] row-major
 */
export async function encodeFrames(
  { quantizer }: CodecStages,
  encoder: EncoderStream,
  samples: Float32Array,
  activeCodebooks: number,
): Promise<Uint16Array> {
  const latents = await encoder.push(samples);
  return quantizer.quantize(latents, activeCodebooks);
}

/**
 * Encodes the frames of one channel that are to be sent. The encoder goes on behind the others as if they had not been.
 *
 * Shapes   `samples` [F * hopLength]; result [F, activeCodebooks] row-major, zeros where nothing is sent
 * @param lostFrames  1 for each frame that is not sent [F]
 */
export async function encodeSentFrames(
  stages: CodecStages,
  encoder: EncoderStream,
  samples: Float32Array,
  activeCodebooks: number,
  lostFrames: Uint8Array,
): Promise<Uint16Array> {
  const sent = [...lostFrames.keys()].filter((frame) => lostFrames[frame] === 0);
  if (sent.length === lostFrames.length) return encodeFrames(stages, encoder, samples, activeCodebooks);
  const codes = new Uint16Array(lostFrames.length * activeCodebooks);
  if (sent.length === 0) return codes;
  const { hopLength } = stages.identity;
  const taken = new Float32Array(sent.length * hopLength);
  for (const [place, frame] of sent.entries()) {
    taken.set(samples.subarray(frame * hopLength, (frame + 1) * hopLength), place * hopLength);
  }
  const sentCodes = await encodeFrames(stages, encoder, taken, activeCodebooks);
  for (const [place, frame] of sent.entries()) {
    codes.set(sentCodes.subarray(place * activeCodebooks, (place + 1) * activeCodebooks), frame * activeCodebooks);
  }
  return codes;
}

/**
 * Decodes frames of one channel. The samples come late by the `delaySamples` of decoder and vocoder.
 *
 * Shapes   `codes` [F, activeCodebooks] row-major; result [F * hopLength]
 * @param lostFrames  1 for each frame that did not arrive [F]: the decoder gets zeros in its place
 */
export async function decodeFrames(
  { quantizer }: CodecStages,
  { decoder, vocoder }: DecodingState,
  codes: Uint16Array,
  activeCodebooks: number,
  lostFrames?: Uint8Array,
): Promise<Float32Array> {
  const quantized = quantizer.dequantize(codes, activeCodebooks);
  const latentDim = (quantized.length / codes.length) * activeCodebooks;
  for (const [frame, isLost] of lostFrames?.entries() ?? []) {
    if (isLost !== 0) quantized.fill(0, frame * latentDim, (frame + 1) * latentDim);
  }
  const frames = await decoder.push(quantized, lostFrames);
  return vocoder.push(frames);
}

/**
 * Encodes a segment by itself, at a level that the networks are used to: tokens, and what brings the level back.
 *
 * Shapes   `samples` [T, C] row-major of C channels coded together; `codes` [F, activeCodebooks] row-major
 */
export async function encodeSegment(
  stages: CodecStages,
  encoder: Encoder,
  samples: Float32Array,
  activeCodebooks: number,
): Promise<{ codes: Uint16Array; scale: number }> {
  const { samples: input, level } = leveled(samples, stages.identity.jointChannels ?? 1);
  return { codes: await encodeFrames(stages, encoder.openStream(), input, activeCodebooks), scale: level };
}

/**
 * Decodes a segment by itself. For codecs whose samples do not come late.
 *
 * Shapes   `codes` [F, activeCodebooks] row-major; result [F * hopLength, C] row-major of C channels coded together
 */
export async function decodeSegment(
  stages: CodecStages,
  decoder: Decoder,
  { codes, scale }: { readonly codes: Uint16Array; readonly scale: number },
  activeCodebooks: number,
): Promise<Float32Array> {
  const state = { decoder: decoder.openStream(), vocoder: stages.vocoder.openStream() };
  const samples = await decodeFrames(stages, state, codes, activeCodebooks);
  return samples.map((sample) => sample * scale);
}
