/**
 * Vocoder by inverse STFT: the decoder network predicts real and imaginary parts, overlap-add makes the samples.
 *
 * Source   Siuzdak 2023 (Vocos), section 3: a network that works at the frame rate and a Fourier head
 */
import { InverseStft, type InverseStftConfig } from "../features/inverse-stft";
import type { DecoderFrames, Vocoder, VocoderStream } from "./vocoder";

/**
 * Makes the vocoder. Its samples come late by (fftLength - hopLength) / 2, where the frames' overlap ends.
 *
 * @param config  the transform
 */
export function istftVocoder(config: InverseStftConfig): Vocoder {
  const delaySamples = (config.fftLength - config.hopLength) / 2;
  return {
    features: "spectrum",
    featureDim: config.fftLength + 2,
    hopLength: config.hopLength,
    delaySamples,
    openStream: () => new IstftStream(new InverseStft(config), delaySamples),
  };
}

class IstftStream implements VocoderStream {
  readonly #inverse: InverseStft;
  readonly #delaySamples: number;

  constructor(inverse: InverseStft, delaySamples: number) {
    this.#inverse = inverse;
    this.#delaySamples = delaySamples;
  }

  async push({ features }: DecoderFrames): Promise<Float32Array> {
    return this.#inverse.push(features);
  }

  async flush(): Promise<Float32Array> {
    return this.#inverse.flush(this.#delaySamples);
  }
}
