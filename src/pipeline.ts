/**
 * The whole pipeline on one page: what a codec is made of, and how a stretch of audio runs through it.
 *
 *     encode   samples → encoder → latents → quantizer → codes
 *     decode   codes → quantizer⁻¹ → quantized → decoder → features → vocoder → samples
 *
 * Everything else in this folder brings samples here and carries codes away.
 */
import type { Decoder, DecoderStream } from "./decoder/decoder";
import type { DenoisingSide } from "./encoder/denoising";
import type { Encoder, EncoderStream } from "./encoder/encoder";
import type { ResidualQuantizer } from "./rvq/quantize";
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
  /** Algorithmic delay from a sample going in to the same sample coming out: one frame and the decoder's overlap. */
  readonly delaySamples: number;
  /** The network that can take noise away; absent where neither can. */
  readonly denoising?: DenoisingSide;
}

/** The stages of one codec, ready to run. The networks are built when first asked for, so encoding loads no decoder. */
export interface CodecStages {
  readonly identity: CodecIdentity;
  readonly quantizer: Pick<ResidualQuantizer, "quantize" | "dequantize">;
  readonly vocoder: Vocoder;
  encoder(): Promise<Encoder>;
  decoder(): Promise<Decoder>;
  dispose(): Promise<void>;
}

/** One channel on its way to audio: what the networks remember of the frames before. */
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
 * Decodes frames of one channel. The samples come late by the `delaySamples` of decoder and vocoder.
 *
 * Shapes   `codes` [F, activeCodebooks] row-major; result [F * hopLength]
 */
export async function decodeFrames(
  { quantizer }: CodecStages,
  { decoder, vocoder }: DecodingState,
  codes: Uint16Array,
  activeCodebooks: number,
): Promise<Float32Array> {
  const quantized = quantizer.dequantize(codes, activeCodebooks);
  const frames = await decoder.push(quantized);
  return vocoder.push(frames);
}
