/** Audio files by their path. Node only: the file system is loaded when a function is called. */
import { AudioFormatError } from "../../errors";
import { type AudioStream, assertPcmAudio, type PcmAudio } from "../pcm-audio";
import { type DecodeOptions, openAudio, readAll } from "./open-audio";
import { ReplacementFile } from "./replacement-file";
import { WavEncoder, type WavOptions } from "./wav-writer";

/** Bytes that are read from a file at a time. */
const READ_BYTES = 1 << 17;

/**
 * The bytes of a file as they are read, and how many there are where that is known: not of pipes and devices. Disposing
 * closes the file, wherever reading stands.
 */
export interface FileBytes extends AsyncDisposable {
  readonly bytes: AsyncIterable<Uint8Array>;
  readonly numBytes: number | undefined;
}

/**
 * Opens a file for reading once, in constant memory.
 *
 * @throws {Error} of node:fs, such as `ENOENT`, when it cannot be read
 */
export async function openFileBytes(path: string): Promise<FileBytes> {
  const { open } = await import("node:fs/promises");
  const handle = await open(path);
  const stats = await handle.stat().catch(async (error: unknown) => {
    await handle.close();
    throw error;
  });
  const bytes = handle.createReadStream({ highWaterMark: READ_BYTES });
  return {
    bytes,
    numBytes: stats.isFile() ? stats.size : undefined,
    async [Symbol.asyncDispose]() {
      // Nothing else closes a file of which nothing was read.
      bytes.destroy();
      await handle.close();
    },
  };
}

/**
 * Opens an audio file for reading chunk by chunk.
 *
 * @throws {AudioFormatError} when the file is no audio file that is read here, or a damaged one
 * @throws {Error} of node:fs, such as `ENOENT`, when it cannot be read
 */
export async function openAudioFile(path: string): Promise<AudioStream> {
  const { bytes, numBytes } = await openFileBytes(path);
  return openAudio(bytes, numBytes === undefined ? {} : { numBytes });
}

/**
 * Reads a whole audio file.
 *
 * @throws as `openAudioFile` and `decodeAudio`
 */
export async function readAudioFile(path: string, options: DecodeOptions = {}): Promise<PcmAudio> {
  return readAll(await openAudioFile(path), options);
}

/** What became of the samples. */
export interface WrittenWav {
  /** Samples of each channel. */
  readonly numSamples: number;
  /** Samples of all channels that lay beyond [-1, 1] and were held at its ends. */
  readonly numClipped: number;
}

/**
 * Writes audio as a WAV file, which appears under its name when it is whole.
 *
 * @param audio  the audio, or its chunks as they come
 * @throws {TypeError | RangeError} when the audio or an option is malformed, or chunks differ in format
 * @throws {AudioFormatError} code `empty-audio` when no chunk comes, which leaves the sample rate unknown
 * @throws {Error} of node:fs when the file cannot be written
 */
export async function writeWavFile(
  path: string,
  audio: PcmAudio | AsyncIterable<PcmAudio>,
  options: WavOptions = {},
): Promise<WrittenWav> {
  await using file = await ReplacementFile.create(path);
  let encoder: WavEncoder | undefined;
  let sampleRate = 0;
  for await (const chunk of Symbol.asyncIterator in audio ? audio : [audio]) {
    assertPcmAudio(chunk);
    if (encoder === undefined) {
      sampleRate = chunk.sampleRate;
      encoder = new WavEncoder({ sampleRate, numChannels: chunk.channels.length }, options);
      await file.write(encoder.header());
    }
    if (chunk.sampleRate !== sampleRate) {
      throw new RangeError(`"audio" expected every chunk at ${sampleRate} Hz, got ${chunk.sampleRate}`);
    }
    await file.write(encoder.push(chunk.channels));
  }
  if (encoder === undefined) {
    throw new AudioFormatError("empty-audio", `no audio came for ${path}; pass at least one chunk, even an empty one`);
  }
  await file.write(encoder.end());
  await file.writeAtStart(encoder.header(encoder.numSamples, { isResizable: true }));
  await file.commit();
  const { numSamples, numClipped } = encoder;
  return { numSamples, numClipped };
}
