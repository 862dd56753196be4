/** The first network: samples [T] → latents [F, D]. */
import type { DenoiseFrame } from "./denoising";

export interface Encoder {
  /** Samples of one latent frame. */
  readonly hopLength: number;
  /** Width of a latent frame, D. */
  readonly latentDim: number;
  /** Frames that a stream's first call must bring, unless the signal is shorter: infinite for all of it. Default 1. */
  readonly startFrames?: number;
  /** Whether the last call may end within a frame. By default it is filled up with silence. */
  readonly takesPartialFrame?: boolean;
  /**
   * Starts on a new signal.
   *
   * @param denoise  for networks that have the switch; default: off
   */
  openStream(denoise?: DenoiseFrame): EncoderStream;
  /** Starts on several signals side by side; absent in encoders that take one after the other. */
  openBatch?(numSignals: number): EncoderBatch;
  dispose(): Promise<void>;
}

/** One signal on its way through the encoder. */
export interface EncoderStream {
  /**
   * Takes whole frames of samples and gives their latents.
   *
   * Shapes   `samples` [F * hopLength], or fewer in the last call of an encoder that takes a partial frame; of several
   *          channels that are coded together [F * hopLength, C]; result [F, D] row-major
   */
  push(samples: Float32Array): Promise<Float32Array>;
}

/** Several signals on their way through the encoder, each with as much in a call: samples [B, T] and latents [B, F, D]. */
export interface EncoderBatch extends EncoderStream {
  /** Goes on with some of the signals: those at these places, in this order. */
  select(signals: readonly number[]): EncoderBatch;
}
