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
  /** The baseline's last samples: they wait here until the overlap of their frames is complete. */
  #waiting: Float32Array;

  constructor(inverse: InverseStft, delaySamples: number) {
    this.#inverse = inverse;
    this.#delaySamples = delaySamples;
    this.#waiting = new Float32Array(delaySamples);
  }

  async push({ features, baseline }: DecoderFrames): Promise<Float32Array> {
    const samples = this.#inverse.push(features);
    return this.#addBaseline(samples, baseline ?? new Float32Array(samples.length));
  }

  async flush(): Promise<Float32Array> {
    return this.#addBaseline(this.#inverse.flush(this.#delaySamples), new Float32Array(0));
  }

  /** Adds to `samples` what has waited longest, and lets `baseline` wait. */
  #addBaseline(samples: Float32Array, baseline: Float32Array): Float32Array {
    const joined = new Float32Array(this.#waiting.length + baseline.length);
    joined.set(this.#waiting);
    joined.set(baseline, this.#waiting.length);
    for (let n = 0; n < samples.length; n++) samples[n] = (samples[n] ?? 0) + (joined[n] ?? 0);
    this.#waiting = joined.slice(samples.length);
    return samples;
  }
}
