/**
 * Vocoder by inverse STFT: the decoder network predicts real and imaginary parts, overlap-add makes the samples.
 *
 * Source   Siuzdak 2023 (Vocos), section 3: a network that works at the frame rate and a Fourier head
 */
import { InverseStft, type InverseStftConfig } from "../features/inverse-stft";
import type { DecoderFrames, Vocoder, VocoderStream } from "./vocoder";

/**
 * Makes the vocoder.
 *
 * @param config  the transform
 * @param delaySamples  delay of the samples behind the frames: at least (fftLength - hopLength) / 2, where the frames'
 *   own overlap ends; more when a baseline that is added comes later
 * @throws {RangeError} when the delay is shorter than the overlap
 */
export function istftVocoder(config: InverseStftConfig, delaySamples: number): Vocoder {
  const overlapDelay = (config.fftLength - config.hopLength) / 2;
  if (delaySamples < overlapDelay) {
    throw new RangeError(`"delaySamples" expected at least ${overlapDelay}, got ${delaySamples}`);
  }
  return {
    features: "spectrum",
    featureDim: config.fftLength + 2,
    hopLength: config.hopLength,
    delaySamples,
    openStream: () => new IstftStream(new InverseStft(config), delaySamples, delaySamples - overlapDelay),
  };
}

class IstftStream implements VocoderStream {
  readonly #inverse: InverseStft;
  readonly #delaySamples: number;
  /** Samples that are finished before the baseline's are: they wait here, always the same number. */
  #waiting: Float32Array;

  constructor(inverse: InverseStft, delaySamples: number, waitingSamples: number) {
    this.#inverse = inverse;
    this.#delaySamples = delaySamples;
    this.#waiting = new Float32Array(waitingSamples);
  }

  async push(frames: DecoderFrames): Promise<Float32Array> {
    return this.#delayAndAdd(this.#inverse.push(frames.features), frames.baseline);
  }

  async flush(baselineTail?: Float32Array): Promise<Float32Array> {
    return this.#delayAndAdd(this.#inverse.flush(this.#delaySamples), baselineTail);
  }

  #delayAndAdd(fresh: Float32Array, baseline: Float32Array | undefined): Float32Array {
    const joined = new Float32Array(this.#waiting.length + fresh.length);
    joined.set(this.#waiting);
    joined.set(fresh, this.#waiting.length);
    this.#waiting = joined.slice(fresh.length);
    const samples = joined.subarray(0, fresh.length);
    if (baseline !== undefined) {
      for (let n = 0; n < samples.length; n++) samples[n] = (samples[n] ?? 0) + (baseline[n] ?? 0);
    }
    return samples;
  }
}
