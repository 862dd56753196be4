/** The second network: quantized latents [F, D] → features for the vocoder. */
import type { DenoiseFrame } from "../encoder/denoising";
import type { DecoderFrames } from "../vocoder/vocoder";

export interface Decoder {
  /** Width of a frame of quantized latents, D. */
  readonly latentDim: number;
  /** Frames that a stream's first call must bring, unless the signal is shorter: infinite for all of it. Default 1. */
  readonly startFrames?: number;
  /** The name of the output that `features` of its frames hold. */
  readonly features: string;
  /** How far what comes out lies behind the frames that went in, in samples. */
  readonly delaySamples: number;
  /**
   * Starts on a new signal.
   *
   * @param denoise  for networks that have the switch; default: off
   */
  openStream(denoise?: DenoiseFrame): DecoderStream;
  /** Starts on several signals side by side; absent in decoders that take one after the other. */
  openBatch?(numSignals: number): DecoderBatch;
  dispose(): Promise<void>;
}

/** One signal on its way through the decoder. */
export interface DecoderStream {
  /**
   * Takes frames of quantized latents and gives features for as much audio, late by the decoder's `delaySamples`.
   *
   * Shapes   `quantized` [F, D] row-major
   * @param lostFrames  1 for each frame that did not arrive [F], whose numbers are zeros; for decoders that do more about
   *   it than networks can
   */
  push(quantized: Float32Array, lostFrames?: Uint8Array): Promise<DecoderFrames>;
  /** Gives what the delay held back; `undefined` when there is none. */
  flush(): Promise<DecoderFrames | undefined>;
}

/** Several signals on their way through the decoder, each with as many frames in a call: [B, F, D]. */
export interface DecoderBatch {
  /** Gives the features of every signal, one signal behind the other. */
  push(quantized: Float32Array): Promise<DecoderFrames>;
  /** Goes on with some of the signals: those at these places, in this order. */
  select(signals: readonly number[]): DecoderBatch;
}
