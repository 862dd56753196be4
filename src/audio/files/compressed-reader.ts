/**
 * FLAC, MP3 and Ogg bytes → audio, chunk by chunk, through WebAssembly decoders that are loaded when first needed
 * (docs/decisions/0040). This module adds to them: the number of channels and samples, one kind of error, an end.
 */
import { AudioFormatError } from "../../errors";
import type { AudioStream, PcmAudio } from "../pcm-audio";
import type { AudioFormat } from "./audio-format";
import type { ByteReader } from "./byte-reader";
import type { ChunkDecoder, DecodedChunk } from "./chunk-decoder";
import { MpegHeaderScan } from "./mpeg-header";

export type CompressedFormat = Exclude<AudioFormat, "wav">;

/** Bytes that go into a decoder at once. Small enough that what comes out of them fits easily in memory. */
const FEED_BYTES = 1 << 14;

/**
 * Zeros after the end of FLAC. The parser looks for a frame's end by the header of the next one, and takes what is left
 * at the end for one frame: where the last two are left, because silence makes the last one tiny, it would lose one.
 */
const FLAC_PADDING_BYTES = 64;

const loaders: Readonly<Record<CompressedFormat, () => Promise<ChunkDecoder>>> = {
  flac: async () => new (await import("@wasm-audio-decoders/flac")).FLACDecoder(),
  "ogg-flac": async () => new (await import("@wasm-audio-decoders/flac")).FLACDecoder(),
  mp3: async () => new (await import("mpg123-decoder")).MPEGDecoder(),
  "ogg-opus": async () => new (await import("./ogg-opus")).OggOpusDecoder(),
  "ogg-vorbis": async () => new (await import("@wasm-audio-decoders/ogg-vorbis")).OggVorbisDecoder(),
};

/**
 * Opens compressed audio: decodes up to the first samples, which tell the format, and leaves the rest to be iterated.
 *
 * @param reader  stands at the first byte
 * @throws {AudioFormatError} with the `byteOffset` up to which bytes were fed: code `corrupt-audio` when the decoder
 *   refuses them or no sample comes out, `truncated-audio` when FLAC ends before the samples that it announces,
 *   `unsupported-audio` when sample rate or channels change on the way; the latter three also while chunks are read
 */
export async function openCompressed(reader: ByteReader, format: CompressedFormat): Promise<AudioStream> {
  const head = await reader.peek(64);
  const numSamples = announcedSamples(head, format);
  const decoder = await loaders[format]();
  const pieces = decodePieces(reader, decoder, format);
  const { value: first, done } = await pieces.next();
  if (done) {
    throw new AudioFormatError("corrupt-audio", `the ${format} input holds no audio; ${REENCODE}`, {
      byteOffset: reader.offset,
    });
  }
  const { sampleRate } = first;
  return {
    format,
    sampleRate,
    numChannels: first.channels.length,
    numSamples,
    chunks: checkedChunks(first, pieces, { reader, format, numSamples }),
    close: async () => void (await pieces.return()),
  };
}

const REENCODE = "get it again, or keep what is there with: ffmpeg -i INPUT out.wav";

/** Feeds the decoder and yields whatever comes out. */
async function* decodePieces(
  reader: ByteReader,
  decoder: ChunkDecoder,
  format: CompressedFormat,
): AsyncGenerator<PcmAudio, void> {
  const scan = new MpegHeaderScan();
  let trailingFault: AudioFormatError | undefined;
  try {
    await decoder.ready;
    for await (const bytes of feeds(reader, format)) {
      if (format === "mp3" && bytes !== undefined) scan.push(bytes);
      const decoded = await callDecoder(decoder, bytes, format, reader.offset);
      if (decoded !== undefined && decoded.samplesDecoded > 0) {
        if (trailingFault !== undefined) throw trailingFault;
        yield toPcm(decoded, format, scan.numChannels);
      }
      const fault = decoded?.errors[0]?.message;
      // Tags and other strangers after the last MP3 frame are common; what is not sound between sounds is damage.
      if (fault !== undefined) trailingFault = decoderFault(format, reader.offset, fault);
      if (trailingFault !== undefined && format !== "mp3") throw trailingFault;
    }
  } finally {
    freeDecoder(decoder);
    await reader.close();
  }
}

/** What goes into the decoder: the bytes, and undefined for the end. */
async function* feeds(reader: ByteReader, format: CompressedFormat): AsyncGenerator<Uint8Array | undefined, void> {
  for (;;) {
    const bytes = await reader.readSome(FEED_BYTES);
    if (bytes.length === 0) break;
    yield bytes;
  }
  if (format === "flac") yield new Uint8Array(FLAC_PADDING_BYTES);
  yield undefined;
}

/** Runs the decoder on bytes, or on the end. Whatever it throws is a fault of the bytes. */
async function callDecoder(
  decoder: ChunkDecoder,
  bytes: Uint8Array | undefined,
  format: CompressedFormat,
  byteOffset: number,
): Promise<DecodedChunk | undefined> {
  try {
    return await (bytes === undefined ? decoder.flush?.() : decoder.decode(bytes));
  } catch (cause) {
    throw decoderFault(format, byteOffset, "the decoder cannot go on", cause);
  }
}

/** A decoder that damaged bytes have brought down may fail here, too; its memory goes with the instance. */
function freeDecoder(decoder: ChunkDecoder): void {
  try {
    decoder.free();
  } catch {}
}

/**
 * Mends what two of the decoders do: mpg123 gives two equal channels for mono, where the frame header tells
 * `numChannels`; the FLAC decoder divides integers by 2^(bits - 1) - 1, where WAV readers, ours and others, divide by
 * 2^(bits - 1), so that a FLAC file would differ from the WAV that it was made of.
 */
function toPcm(decoded: DecodedChunk, format: CompressedFormat, numChannels: number | undefined): PcmAudio {
  const channels = decoded.channelData.slice(0, numChannels);
  if (format === "flac" || format === "ogg-flac") {
    const scale = 2 ** ((decoded.bitDepth ?? 16) - 1);
    for (const samples of channels) {
      for (const [i, x] of samples.entries()) samples[i] = Math.round(x * (scale - 1)) / scale;
    }
  }
  return { channels, sampleRate: decoded.sampleRate };
}

/** Yields the chunks, and holds the stream to its first chunk's format and to the length that it announced. */
async function* checkedChunks(
  first: PcmAudio,
  rest: AsyncGenerator<PcmAudio, void>,
  stream: { reader: ByteReader; format: string; numSamples: number | undefined },
): AsyncGenerator<PcmAudio, void> {
  const byteOffset = () => ({ byteOffset: stream.reader.offset });
  let numRead = 0;
  try {
    for (let chunk: PcmAudio | undefined = first; chunk !== undefined; chunk = (await rest.next()).value ?? undefined) {
      if (chunk.sampleRate !== first.sampleRate || chunk.channels.length !== first.channels.length) {
        throw new AudioFormatError(
          "unsupported-audio",
          `${stream.format} changes from ${describe(first)} to ${describe(chunk)} on the way; ${REENCODE}`,
          byteOffset(),
        );
      }
      numRead += chunk.channels[0]?.length ?? 0;
      yield chunk;
    }
    if (stream.numSamples !== undefined && numRead !== stream.numSamples) {
      throw new AudioFormatError(
        "truncated-audio",
        `${stream.format} announces ${stream.numSamples} samples, got ${numRead}; ${REENCODE}`,
        byteOffset(),
      );
    }
  } finally {
    await rest.return();
  }
}

function describe(audio: PcmAudio): string {
  return `${audio.channels.length} channels at ${audio.sampleRate} Hz`;
}

function decoderFault(format: string, byteOffset: number, fault: string, cause?: unknown): AudioFormatError {
  return new AudioFormatError("corrupt-audio", `${format} before byte ${byteOffset}: ${fault}; ${REENCODE}`, {
    byteOffset,
    cause,
  });
}

/** FLAC's STREAMINFO holds 36 bits of sample count at byte 21 of the file (RFC 9639, 8.2); 0 means unknown. */
function announcedSamples(head: Uint8Array, format: CompressedFormat): number | undefined {
  if (format !== "flac" || head.length < 26) return undefined;
  const view = new DataView(head.buffer, head.byteOffset);
  const numSamples = (view.getUint8(21) & 15) * 2 ** 32 + view.getUint32(22);
  return numSamples === 0 ? undefined : numSamples;
}
