/**
 * What is heard while packets are lost: the decoder goes on from features of zeros for 80 ms, then fades to comfort noise
 * within 40 ms, and from it back to speech when packets come again.
 *
 * Source   google/lyra 1.3.2, lyra_decoder.cc and zero_feature_estimator.h
 */
import type { Decoder, DecoderStream } from "../../src/decoder/decoder";
import { ComfortNoise } from "./comfort-noise";
import { type NoiseBands, noiseBands } from "./noise-bands";
import { NoiseEstimator } from "./noise-estimator";

/** Frames in a row that the network conceals by itself. */
const concealedFrames = 4;
/** Frames of a fade between the network's samples and noise. */
const fadeFrames = 2;
/** Frames that are kept for the estimator, which hears them only when noise is needed: 5 s. */
const rememberedFrames = 250;

/** Of what a frame is made. */
interface FramePlan {
  readonly isLost: boolean;
  /** Share of noise before and behind the frame, in frames of a fade: 0 is all network, `fadeFrames` all noise. */
  readonly fade: readonly [number, number];
}

/** A decoder of samples, with concealment on top. Signals go through it one by one: each has losses of its own. */
export function concealingDecoder(decoder: Decoder, frames: { sampleRate: number; hopLength: number }): Decoder {
  const bands = noiseBands(frames);
  const { latentDim, features, delaySamples } = decoder;
  return {
    latentDim,
    features,
    delaySamples,
    openStream: () => new ConcealingStream(decoder.openStream(), latentDim, bands),
    dispose: () => decoder.dispose(),
  };
}

class ConcealingStream implements DecoderStream {
  readonly #network: DecoderStream;
  readonly #latentDim: number;
  readonly #hopLength: number;
  readonly #estimator: NoiseEstimator;
  readonly #noise: ComfortNoise;
  #lostInRow = 0;
  #fade = 0;
  #remembered: Float32Array[] = [];

  constructor(network: DecoderStream, latentDim: number, bands: NoiseBands) {
    this.#network = network;
    this.#latentDim = latentDim;
    this.#hopLength = bands.hopLength;
    this.#estimator = new NoiseEstimator(bands);
    this.#noise = new ComfortNoise(bands);
  }

  async push(quantized: Float32Array, lostFrames?: Uint8Array): Promise<{ features: Float32Array }> {
    const numFrames = quantized.length / this.#latentDim;
    const plans = Array.from({ length: numFrames }, (_, frame) => this.#plan(lostFrames?.[frame] === 1));
    const decoded = await this.#decode(quantized, plans);
    const samples = new Float32Array(numFrames * this.#hopLength);
    for (const [frame, plan] of plans.entries()) samples.set(this.#mix(plan, decoded), frame * this.#hopLength);
    return { features: samples };
  }

  flush(): ReturnType<DecoderStream["flush"]> {
    return this.#network.flush();
  }

  #plan(isLost: boolean): FramePlan {
    this.#lostInRow = isLost ? this.#lostInRow + 1 : 0;
    const begin = this.#fade;
    this.#fade = this.#lostInRow > concealedFrames ? Math.min(fadeFrames, begin + 1) : Math.max(0, begin - 1);
    return { isLost, fade: [begin, this.#fade] };
  }

  /** The network's samples of the frames that it has a part in, one frame after the other. */
  async #decode(quantized: Float32Array, plans: readonly FramePlan[]): Promise<Iterator<Float32Array>> {
    const width = this.#latentDim;
    const used = [...plans.keys()].filter((frame) => !isAllNoise(plans[frame] as FramePlan));
    if (used.length === 0) return [].values();
    const taken = new Float32Array(used.length * width);
    for (const [place, frame] of used.entries()) {
      taken.set(quantized.subarray(frame * width, (frame + 1) * width), place * width);
    }
    const { features } = await this.#network.push(taken);
    const hop = this.#hopLength;
    return used.map((_, place) => features.subarray(place * hop, (place + 1) * hop)).values();
  }

  #mix(plan: FramePlan, decoded: Iterator<Float32Array>): Float32Array {
    const [begin, end] = plan.fade;
    const speech: Float32Array | undefined = isAllNoise(plan) ? undefined : decoded.next().value;
    if (speech !== undefined && !plan.isLost) this.#remember(speech);
    if (begin === 0 && end === 0) return speech as Float32Array;
    const noise = this.#nextNoise();
    if (speech === undefined) return noise;
    return noise.map((sample, n) => {
      const place = begin + ((end - begin) * n) / this.#hopLength;
      const share = (1 + Math.cos((Math.PI * place) / fadeFrames)) / 2;
      return share * (speech[n] as number) + (1 - share) * sample;
    });
  }

  #remember(speech: Float32Array): void {
    this.#remembered.push(speech.slice());
    if (this.#remembered.length > rememberedFrames) this.#remembered.shift();
  }

  #nextNoise(): Float32Array {
    for (const speech of this.#remembered) this.#estimator.push(speech);
    this.#remembered = [];
    return this.#noise.next(this.#estimator.noise);
  }
}

function isAllNoise({ fade: [begin, end] }: FramePlan): boolean {
  return begin === fadeFrames && end === fadeFrames;
}
