/**
 * Audio → WAV bytes, in memory or chunk by chunk. Sounds longer than 4 GB become RF64.
 *
 * Source   Microsoft "Multiple Channel Audio Data and WAVE Files"; EBU Tech 3306 (RF64)
 */

import { concatBytes } from "../../kernels/concat";
import { assertPcmAudio, type PcmAudio } from "../pcm-audio";
import { bytesPerSample, encodeSamples, type WritableSampleFormat } from "./sample-formats";

export interface WavOptions {
  /** 16-bit integers (default), 24-bit integers, or 32-bit floats. */
  readonly sampleFormat?: WritableSampleFormat;
}

/** WAV bytes, and how many samples lay beyond [-1, 1] and were held at its ends. */
export interface EncodedWav {
  readonly bytes: Uint8Array;
  readonly numClipped: number;
}

const SAMPLE_FORMATS: readonly string[] = ["s16", "s24", "f32"] satisfies WritableSampleFormat[];
/** What RIFF's 32-bit lengths can hold, less all that is not samples. */
const MAX_RIFF_DATA_BYTES = 0xffffffff - 256;
const UNKNOWN_LENGTH = 0xffffffff;
const DS64_BYTES = 28;

/**
 * Writes a stream of chunks as WAV: `header`, then `push` for every chunk, then `end`. The caller brings the bytes to
 * their place; a file's header is written again at the end, when the length is known.
 */
export class WavEncoder {
  readonly #sampleRate: number;
  readonly #numChannels: number;
  readonly #sampleFormat: WritableSampleFormat;
  #numSamples = 0;
  #numClipped = 0;

  /** @throws {RangeError} when the format is none of those written, or the rate or the number of channels is impossible */
  constructor(audio: { sampleRate: number; numChannels: number }, options: WavOptions = {}) {
    const sampleFormat = options.sampleFormat ?? "s16";
    if (!SAMPLE_FORMATS.includes(sampleFormat)) {
      throw new RangeError(`"sampleFormat" expected one of ${SAMPLE_FORMATS.join(", ")}, got ${String(sampleFormat)}`);
    }
    if (!Number.isInteger(audio.sampleRate) || audio.sampleRate < 1) {
      throw new RangeError(`"sampleRate" expected a positive whole number of Hz, got ${audio.sampleRate}`);
    }
    if (!Number.isInteger(audio.numChannels) || audio.numChannels < 1 || audio.numChannels > 255) {
      throw new RangeError(`"numChannels" expected 1 to 255, got ${audio.numChannels}`);
    }
    this.#sampleRate = audio.sampleRate;
    this.#numChannels = audio.numChannels;
    this.#sampleFormat = sampleFormat;
  }

  get numChannels(): number {
    return this.#numChannels;
  }

  /** Samples of each channel so far. */
  get numSamples(): number {
    return this.#numSamples;
  }

  /** Samples so far, of all channels, that lay beyond [-1, 1]. */
  get numClipped(): number {
    return this.#numClipped;
  }

  /**
   * The bytes before the samples.
   *
   * Without `numSamples` the lengths say "unknown", as programs write them to pipes, and there is room for the 64-bit
   * lengths of RF64: a header of the same size with the true length can take its place.
   *
   * @param options.isResizable  whether to leave that room when `numSamples` is known, too
   */
  header(numSamples?: number, { isResizable = numSamples === undefined } = {}): Uint8Array {
    const frameBytes = bytesPerSample[this.#sampleFormat] * this.#numChannels;
    const dataBytes = numSamples === undefined ? undefined : numSamples * frameBytes;
    const isLarge = dataBytes !== undefined && dataBytes > MAX_RIFF_DATA_BYTES;
    const body = concatBytes([
      ...(isLarge || isResizable
        ? [chunkHeader(isLarge ? "ds64" : "JUNK", DS64_BYTES), new Uint8Array(DS64_BYTES)]
        : []),
      this.#formatChunks(isLarge ? UNKNOWN_LENGTH : (numSamples ?? UNKNOWN_LENGTH)),
      chunkHeader("data", isLarge || dataBytes === undefined ? UNKNOWN_LENGTH : dataBytes),
    ]);
    const riffBytes = dataBytes === undefined ? undefined : 4 + body.length + dataBytes + (dataBytes % 2);
    if (isLarge) writeSizes64(body, { riffBytes: riffBytes ?? 0, dataBytes, numSamples: numSamples ?? 0 });
    const riff = chunkHeader(
      isLarge ? "RF64" : "RIFF",
      isLarge || riffBytes === undefined ? UNKNOWN_LENGTH : riffBytes,
    );
    return concatBytes([riff, asciiBytes("WAVE"), body]);
  }

  /**
   * The bytes of the next samples.
   *
   * Shapes   `channels[c]` [T]; result [T, C] interleaved
   * @throws {RangeError} when there are more or fewer channels than were announced
   */
  push(channels: readonly Float32Array[]): Uint8Array {
    if (channels.length !== this.#numChannels) {
      throw new RangeError(`"channels" expected ${this.#numChannels} channels, got ${channels.length}`);
    }
    const { bytes, numClipped } = encodeSamples(channels, this.#sampleFormat);
    this.#numClipped += numClipped;
    this.#numSamples += channels[0]?.length ?? 0;
    return bytes;
  }

  /** The bytes after the samples: a chunk of odd length is followed by a zero. */
  end(): Uint8Array {
    return new Uint8Array((this.#numSamples * bytesPerSample[this.#sampleFormat] * this.#numChannels) % 2);
  }

  /** The fmt chunk; for floats with the extension length and the fact chunk that everything but integer PCM must have. */
  #formatChunks(numSamples: number): Uint8Array {
    const width = bytesPerSample[this.#sampleFormat];
    const isFloat = this.#sampleFormat === "f32";
    const chunk = new Uint8Array(isFloat ? 18 : 16);
    const view = new DataView(chunk.buffer);
    view.setUint16(0, isFloat ? 3 : 1, true);
    view.setUint16(2, this.#numChannels, true);
    view.setUint32(4, this.#sampleRate, true);
    view.setUint32(8, this.#sampleRate * this.#numChannels * width, true);
    view.setUint16(12, this.#numChannels * width, true);
    view.setUint16(14, 8 * width, true);
    const format = [chunkHeader("fmt ", chunk.length), chunk];
    return concatBytes(isFloat ? [...format, chunkHeader("fact", 4), uint32Bytes(numSamples)] : format);
  }
}

/**
 * Writes audio as a WAV file in memory.
 *
 * Memory   reads `audio`; the bytes are fresh
 * @throws {TypeError | RangeError} when the audio or an option is malformed
 */
export function encodeWav(audio: PcmAudio, options: WavOptions = {}): EncodedWav {
  assertPcmAudio(audio);
  const encoder = new WavEncoder({ sampleRate: audio.sampleRate, numChannels: audio.channels.length }, options);
  const samples = encoder.push(audio.channels);
  const bytes = concatBytes([encoder.header(encoder.numSamples), samples, encoder.end()]);
  return { bytes, numClipped: encoder.numClipped };
}

/** Fills in a ds64 chunk at the beginning of `body`. */
function writeSizes64(body: Uint8Array, sizes: { riffBytes: number; dataBytes: number; numSamples: number }): void {
  const view = new DataView(body.buffer, body.byteOffset + 8);
  view.setBigUint64(0, BigInt(sizes.riffBytes), true);
  view.setBigUint64(8, BigInt(sizes.dataBytes), true);
  view.setBigUint64(16, BigInt(sizes.numSamples), true);
}

function chunkHeader(id: string, size: number): Uint8Array {
  return concatBytes([asciiBytes(id), uint32Bytes(size)]);
}

function uint32Bytes(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

function asciiBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
