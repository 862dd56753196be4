/** features [F, D] -> audio: the backbone as it streams, and the inverse transform behind it. */
import { InverseStft } from "../../src/features/inverse-stft";
import { hannWindow } from "../../src/features/window";
import { concatFloats } from "../../src/kernels/concat";
import type { NetworkSession, NetworkStream } from "../../src/runtime/network-session";
import { outputData } from "../../src/runtime/output-data";
import type { Tensor } from "../../src/runtime/runtime";
import type { FeatureStream } from "../../src/vocoder/neural-vocoder";
import { SignalMarks } from "../../src/vocoder/signal-marks";
import { lookAheadFrames, overlapSamples, type VocosConfig } from "./config";

/**
 * Frames that go through the backbone at a time: microseconds for a frame at the size for mels are 207 at 64, 181 at 128,
 * 164 at 256 and 166 at 512 (AMD EPYC, one thread, November 2026).
 */
const blockFrames = 256;
/** No sample that is given out has less of a window over it. */
const windowSumFloor = 1e-11;

/** What one signal is made with. */
export interface VocosStreamOptions {
  /** Which of the known rates the features have [numRates], where there are several. */
  readonly rate?: Tensor | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One signal on its way. */
export class VocosStream implements FeatureStream {
  readonly #config: VocosConfig;
  readonly #session: NetworkSession;
  readonly #options: VocosStreamOptions;
  readonly #stream: NetworkStream;
  readonly #marks: SignalMarks;
  readonly #inverse: InverseStft;
  /** Samples of the overlap-add before the first one that is given out; the last ones come behind the last frame. */
  readonly #lead: number;
  #numToSkip: number;

  constructor(config: VocosConfig, session: NetworkSession, options: VocosStreamOptions = {}) {
    const { fftLength, hopLength } = config;
    this.#config = config;
    this.#session = session;
    this.#options = options;
    this.#stream = session.openStream();
    this.#marks = new SignalMarks(lookAheadFrames(config));
    this.#inverse = new InverseStft({ fftLength, hopLength, window: hannWindow(fftLength), gain: 1, windowSumFloor });
    this.#lead = overlapSamples(config);
    this.#numToSkip = this.#lead;
  }

  push(features: Float32Array): Promise<Float32Array> {
    return this.#vocode(features, true);
  }

  async flush(): Promise<Float32Array> {
    const { featureDim } = this.#config;
    const rest = await this.#vocode(new Float32Array(lookAheadFrames(this.#config) * featureDim), false);
    return concatFloats([rest, this.#skip(this.#inverse.flush(this.#lead))]);
  }

  async #vocode(features: Float32Array, isInside: boolean): Promise<Float32Array> {
    const length = blockFrames * this.#config.featureDim;
    const pieces: Float32Array[] = [];
    for (let begin = 0; begin < features.length; begin += length) {
      this.#options.signal?.throwIfAborted();
      const spectrum = await this.#spectrumOf(features.subarray(begin, begin + length), isInside);
      pieces.push(this.#skip(this.#inverse.push(spectrum)));
    }
    return concatFloats(pieces);
  }

  /** The spectra that frames complete. */
  async #spectrumOf(features: Float32Array, isInside: boolean): Promise<Float32Array> {
    const { featureDim, fftLength } = this.#config;
    const numFrames = features.length / featureDim;
    const { rate } = this.#options;
    const outputs = await this.#stream.run({
      features: { data: features, shape: [1, numFrames, featureDim] },
      inside: this.#marks.next(numFrames, isInside),
      ...(rate && { rate }),
    });
    const begin = this.#marks.takeBefore(numFrames) * (fftLength + 2);
    return outputData(this.#session, outputs, "spectrum").subarray(begin);
  }

  /** Leaves out what lies before the first sample. */
  #skip(samples: Float32Array): Float32Array {
    const count = Math.min(this.#numToSkip, samples.length);
    this.#numToSkip -= count;
    return samples.subarray(count);
  }
}
