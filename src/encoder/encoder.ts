/** The first network: samples [T] → latents [F, D]. */

export interface Encoder {
  /** Samples of one latent frame. */
  readonly hopLength: number;
  /** Width of a latent frame, D. */
  readonly latentDim: number;
  /** Starts on a new signal. */
  openStream(): EncoderStream;
  dispose(): Promise<void>;
}

/** One signal on its way through the encoder. */
export interface EncoderStream {
  /**
   * Takes whole frames of samples and gives their latents.
   *
   * Shapes   `samples` [F * hopLength]; result [F, D] row-major
   */
  push(samples: Float32Array): Promise<Float32Array>;
}
