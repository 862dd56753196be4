/**
 * The last stage of decoding: features [F', M] → audio.
 *
 * A vocoder turns frames of features into samples and can be exchanged for another that takes the same features.
 */

/** What the decoder network hands over for some frames. */
export interface DecoderFrames {
  /** Row-major [F', M]: F' feature frames of M values. */
  readonly features: Float32Array;
}

export interface Vocoder {
  /** The name of the decoder's output that it takes, such as `spectrum` or `log_mel`. */
  readonly features: string;
  /** Width of a feature frame, M. */
  readonly featureDim: number;
  /** Samples that one feature frame stands for. */
  readonly hopLength: number;
  /** How far the samples lie behind the frames that were pushed. */
  readonly delaySamples: number;
  /**
   * Starts on a new signal.
   *
   * @param bitsPerSecond  rate of the tokens that the features come from, for vocoders that know rates apart
   */
  openStream(bitsPerSecond?: number): VocoderStream;
}

/** One signal on its way through a vocoder. */
export interface VocoderStream {
  /**
   * Takes frames and gives as many samples as they stand for, late by the vocoder's `delaySamples`. One that works in
   * windows gives fewer, and the rest later.
   *
   * Shapes   `frames.features` [F', M]; result [F' * hopLength], or what is final of it
   */
  push(frames: DecoderFrames): Promise<Float32Array>;
  /** Gives the last `delaySamples` samples, and what was held back. */
  flush(): Promise<Float32Array>;
}
