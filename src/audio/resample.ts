/**
 * Sample rate conversion: audio at one rate → the same audio at another, as a whole or chunk by chunk.
 *
 * The arithmetic is SpeexDSP's windowed-sinc resampler in WebAssembly (docs/decisions/0041). This module adds what a
 * codec needs around it: the filter's delay is taken out, the length is exact, and chunking changes no bit.
 */
import type { SpeexModule } from "@echogarden/speex-resampler-wasm/simd";
import { concatFloats } from "../kernels/concat";
import { assertPcmAudio, numSamples, type PcmAudio } from "./pcm-audio";

/**
 * SpeexDSP's scale runs from 0 to 10. At 8 the passband is flat to 0.5 dB up to 0.94 of the lower Nyquist frequency and
 * what would alias is at least 110 dB down; 10 costs 2 to 4 times as much for another 3 % of band.
 */
const QUALITY = 8;

/** Samples that one call hands over or takes at most: bounds the module's memory at any ratio. */
const BLOCK_SAMPLES = 32768;

/** Beyond this ratio the filter would need tens of megabytes; no audio is stored at such rates. */
const MAX_RATIO = 1024;

/** The WebAssembly module with the scratch memory that all resamplers share: each call fills and empties it. */
interface Engine {
  readonly module: SpeexModule;
  readonly input: number;
  readonly output: number;
  /** Two unsigned integers: input length, output length. */
  readonly lengths: number;
}

let engine: Promise<Engine> | undefined;

/** Frees the filter of a resampler that was dropped before its end. */
const abandoned = new FinalizationRegistry<() => void>((free) => free());

/**
 * Converts the sample rate of a stream. All outputs in order are the whole: `round(T * to / from)` samples, aligned with
 * the input, bit for bit the same whatever the chunks.
 */
export class StreamingResampler implements Disposable {
  readonly #engine: Engine;
  readonly #inputRate: number;
  readonly #outputRate: number;
  readonly #numChannels: number;
  #state: number;
  #numRead = 0;
  #numMade = 0;

  private constructor(engine: Engine, state: number, inputRate: number, outputRate: number, numChannels: number) {
    this.#engine = engine;
    this.#state = state;
    this.#inputRate = inputRate;
    this.#outputRate = outputRate;
    this.#numChannels = numChannels;
    abandoned.register(this, () => engine.module._speex_resampler_destroy(state), this);
  }

  /**
   * Makes a resampler for one stream.
   *
   * @param inputRate  whole number of Hz
   * @param outputRate  whole number of Hz
   * @throws {RangeError} when a rate is no positive whole number, they differ by more than 1024 times, or there is no
   *   channel
   */
  static async create(inputRate: number, outputRate: number, numChannels: number): Promise<StreamingResampler> {
    assertRate("inputRate", inputRate);
    assertRate("outputRate", outputRate);
    if (Math.max(inputRate / outputRate, outputRate / inputRate) > MAX_RATIO) {
      throw new RangeError(`"outputRate" expected within ${MAX_RATIO} times of ${inputRate} Hz, got ${outputRate}`);
    }
    if (!Number.isInteger(numChannels) || numChannels < 1) {
      throw new RangeError(`"numChannels" expected a positive whole number, got ${numChannels}`);
    }
    engine ??= openEngine();
    const opened = await engine;
    const { module, lengths } = opened;
    const state = module._speex_resampler_init(numChannels, inputRate, outputRate, QUALITY, lengths);
    if (state === 0) throw new RangeError(`"numChannels" expected a filter that fits in memory, got ${numChannels}`);
    // Takes the filter's delay out of the beginning: output sample 0 lies on input sample 0.
    module._speex_resampler_skip_zeros(state);
    return new StreamingResampler(opened, state, inputRate, outputRate, numChannels);
  }

  /**
   * Takes the next samples and gives what can be told from them. The output trails the input by half the filter.
   *
   * Shapes   `channels[c]` [T'], results [T''] of a length that depends on all input so far
   * Memory   reads `channels`, keeps no reference; results are fresh
   * @throws {RangeError} when the number or the lengths of the channels do not fit
   * @throws {TypeError} after `flush` or `dispose`
   */
  push(channels: readonly Float32Array[]): Float32Array[] {
    this.#assertOpen();
    const length = channels[0]?.length ?? 0;
    if (channels.length !== this.#numChannels || channels.some((channel) => channel.length !== length)) {
      throw new RangeError(
        `"channels" expected ${this.#numChannels} of equal length, got lengths [${channels.map((c) => c.length)}]`,
      );
    }
    this.#numRead += length;
    const made = channels.map((channel, index) => this.#convert(channel, index));
    this.#numMade += made[0]?.length ?? 0;
    return made;
  }

  /** Gives the rest, as if silence followed, and frees the filter. */
  flush(): Float32Array[] {
    this.#assertOpen();
    const { module } = this.#engine;
    const missing = Math.round((this.#numRead * this.#outputRate) / this.#inputRate) - this.#numMade;
    // Half a filter of silence brings out the last sample; the two samples more cover the rounding of the length.
    const latency = module._speex_resampler_get_input_latency(this.#state);
    const silence = new Float32Array(latency + 2 + Math.ceil(this.#inputRate / this.#outputRate));
    const rest = Array.from({ length: this.#numChannels }, (_, index) =>
      this.#convert(silence, index).slice(0, missing),
    );
    this.dispose();
    return rest;
  }

  /** Frees the filter of a stream that is not read to its end. Doing it twice does nothing. */
  dispose(): void {
    if (this.#state === 0) return;
    abandoned.unregister(this);
    this.#engine.module._speex_resampler_destroy(this.#state);
    this.#state = 0;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #assertOpen(): void {
    if (this.#state === 0) throw new TypeError('"resampler" expected one that is open, got one flushed or disposed');
  }

  #convert(samples: Float32Array, channel: number): Float32Array {
    const { module, input, output, lengths } = this.#engine;
    const parts: Float32Array[] = [];
    for (let used = 0; used < samples.length; ) {
      const block = samples.subarray(used, used + BLOCK_SAMPLES);
      module.HEAPF32.set(block, input >> 2);
      module.HEAPU32[lengths >> 2] = block.length;
      module.HEAPU32[(lengths >> 2) + 1] = BLOCK_SAMPLES;
      module._speex_resampler_process_float(this.#state, channel, input, lengths, output, lengths + 4);
      const [numUsed = 0, numMade = 0] = module.HEAPU32.subarray(lengths >> 2, (lengths >> 2) + 2);
      parts.push(module.HEAPF32.slice(output >> 2, (output >> 2) + numMade));
      used += numUsed;
    }
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : concatFloats(parts);
  }
}

/**
 * Converts audio to another sample rate; the result has `round(T * sampleRate / audio.sampleRate)` samples, aligned with
 * the input.
 *
 * Memory   reads `audio`; audio that has the rate already is returned as it is, anything else as a fresh copy
 * @param sampleRate  whole number of Hz
 * @throws {TypeError | RangeError} when the audio is malformed or a rate is no positive whole number
 */
export async function resample(audio: PcmAudio, sampleRate: number): Promise<PcmAudio> {
  assertPcmAudio(audio);
  assertRate("sampleRate", sampleRate);
  if (audio.sampleRate === sampleRate || numSamples(audio) === 0) return { ...audio, sampleRate };
  const resampler = await StreamingResampler.create(audio.sampleRate, sampleRate, audio.channels.length);
  const body = resampler.push(audio.channels);
  const rest = resampler.flush();
  const channels = body.map((samples, index) => concatFloats([samples, rest[index] ?? new Float32Array(0)]));
  return { channels, sampleRate };
}

async function openEngine(): Promise<Engine> {
  const { default: createModule } = await import("@echogarden/speex-resampler-wasm/simd");
  const module = await createModule();
  const input = module._malloc(4 * BLOCK_SAMPLES);
  const output = module._malloc(4 * BLOCK_SAMPLES);
  return { module, input, output, lengths: module._malloc(8) };
}

function assertRate(name: string, rate: number): void {
  if (!Number.isInteger(rate) || rate < 1 || rate > 0x7fffffff) {
    throw new RangeError(`"${name}" expected a positive whole number of Hz, got ${String(rate)}`);
  }
}
