/** Bytes of any audio file → audio, as a whole or as a stream. The format is told from the bytes. */
import { AudioFormatError } from "../../errors";
import { type AudioStream, concatAudio, numSamples, type PcmAudio } from "../pcm-audio";
import { detectAudioFormat, FORMAT_HEAD_BYTES } from "./audio-format";
import { ByteReader, type ByteSource } from "./byte-reader";
import { openCompressed } from "./compressed-reader";
import { openWav } from "./wav-reader";

/** What is known about a source of bytes beforehand. */
export interface OpenOptions {
  /** Its length in bytes: a WAV that was written to a pipe does not tell its own. */
  readonly numBytes?: number;
}

export interface DecodeOptions {
  /** Most samples, of all channels together, that the audio may have. Default 2^29, which is 2 GiB of memory. */
  readonly maxSamples?: number;
}

const MAX_SAMPLES = 2 ** 29;

/**
 * Opens audio for reading chunk by chunk: WAV (8, 16, 24, 32 bits, floats), FLAC, MP3, Ogg Opus, Ogg Vorbis, Ogg FLAC.
 *
 * Memory   constant however long the audio is
 * @param source  bytes, arrays of bytes as they come (a Node stream, say), or a Web Stream
 * @throws {AudioFormatError} when the bytes are no such file or a damaged one; with `byteOffset`. Damage further on is
 *   raised while the chunks are read
 */
export async function openAudio(source: ByteSource, options: OpenOptions = {}): Promise<AudioStream> {
  const reader = new ByteReader(source);
  try {
    const format = detectAudioFormat(await reader.peek(FORMAT_HEAD_BYTES));
    return await (format === "wav" ? openWav(reader, options.numBytes) : openCompressed(reader, format));
  } catch (error) {
    await reader.close();
    throw error;
  }
}

/**
 * Decodes the bytes of a whole audio file.
 *
 * @throws {AudioFormatError} when the bytes are no audio file or a damaged one; code `unsupported-audio` also when the
 *   audio is longer than `maxSamples`
 */
export async function decodeAudio(bytes: Uint8Array, options: DecodeOptions = {}): Promise<PcmAudio> {
  return readAll(await openAudio(bytes, { numBytes: bytes.length }), options);
}

/**
 * Reads a stream to its end.
 *
 * @throws {AudioFormatError} when the stream is damaged, or longer than `maxSamples`
 */
export async function readAll(stream: AudioStream, options: DecodeOptions = {}): Promise<PcmAudio> {
  const maxSamples = options.maxSamples ?? MAX_SAMPLES;
  const chunks: PcmAudio[] = [];
  let numRead = 0;
  for await (const chunk of stream.chunks) {
    numRead += numSamples(chunk) * stream.numChannels;
    if (numRead > maxSamples) {
      throw new AudioFormatError(
        "unsupported-audio",
        `expected at most ${maxSamples} samples in memory, got more; read the audio in chunks with openAudio()`,
      );
    }
    chunks.push(chunk);
  }
  return concatAudio(chunks, stream.numChannels, stream.sampleRate);
}
