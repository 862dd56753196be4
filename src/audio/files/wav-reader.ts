/**
 * WAV bytes → audio, chunk by chunk: RIFF, RF64 and BW64, integer and float samples, from files and pipes of any length.
 *
 * Source   Microsoft "Multiple Channel Audio Data and WAVE Files"; EBU Tech 3306 (RF64)
 */
import { AudioFormatError } from "../../errors";
import type { AudioStream, PcmAudio } from "../pcm-audio";
import type { ByteReader } from "./byte-reader";
import { bytesPerSample, decodeSamples, type SampleFormat } from "./sample-formats";

/** What the header tells. */
interface WavHeader {
  readonly sampleFormat: SampleFormat;
  readonly numChannels: number;
  readonly sampleRate: number;
  /** Bytes of samples; undefined when the writer could not know, as in a pipe. */
  readonly dataBytes: number | undefined;
}

/** More channels than any format names; what is above is a damaged header. */
const MAX_CHANNELS = 255;
const MIN_SAMPLE_RATE = 1000;
const MAX_SAMPLE_RATE = 768_000;
/** Bytes of samples read at a time. */
const CHUNK_BYTES = 1 << 17;

const PCM = 1;
const IEEE_FLOAT = 3;
const EXTENSIBLE = 0xfffe;
/** Everything of a KSDATAFORMAT sub-format but its first two bytes, which are the plain format tag. */
const SUBFORMAT_TAIL = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];
const KNOWN_TAGS: ReadonlyMap<number, string> = new Map([
  [2, "Microsoft ADPCM"],
  [6, "A-law"],
  [7, "mu-law"],
  [0x11, "IMA ADPCM"],
  [0x55, "MP3"],
]);

const CONVERT = "convert it with: ffmpeg -i in.wav -c:a pcm_s16le out.wav";

/**
 * Reads the header and leaves the samples to be iterated.
 *
 * @param reader  stands at the first byte
 * @param numBytes  length of the whole source, when it is known
 * @throws {AudioFormatError} with `byteOffset`: code `truncated-audio` when the bytes end early (also while the samples
 *   are read), `corrupt-audio` when the header contradicts itself, `unsupported-audio` or `unsupported-channels` when it
 *   is something else than PCM
 */
export async function openWav(reader: ByteReader, numBytes?: number): Promise<AudioStream> {
  const header = await readHeader(reader);
  const frameBytes = bytesPerSample[header.sampleFormat] * header.numChannels;
  const restBytes = numBytes === undefined ? undefined : numBytes - reader.offset;
  if (header.dataBytes !== undefined && restBytes !== undefined && header.dataBytes > restBytes) {
    throw truncated(reader.offset + restBytes, `${header.dataBytes} bytes of samples`, restBytes);
  }
  const dataBytes = header.dataBytes ?? restBytes;
  return {
    format: "wav",
    sampleRate: header.sampleRate,
    numChannels: header.numChannels,
    numSamples: dataBytes === undefined ? undefined : Math.floor(dataBytes / frameBytes),
    chunks: readSamples(reader, header),
    close: () => reader.close(),
  };
}

async function* readSamples(reader: ByteReader, header: WavHeader): AsyncGenerator<PcmAudio, void> {
  const { sampleFormat, numChannels, sampleRate, dataBytes } = header;
  const frameBytes = bytesPerSample[sampleFormat] * numChannels;
  const chunkBytes = Math.max(frameBytes, CHUNK_BYTES - (CHUNK_BYTES % frameBytes));
  const totalBytes = dataBytes === undefined ? Number.POSITIVE_INFINITY : dataBytes - (dataBytes % frameBytes);
  try {
    for (let readBytes = 0; readBytes < totalBytes; ) {
      const wanted = Math.min(chunkBytes, totalBytes - readBytes);
      const bytes = await reader.read(wanted);
      readBytes += bytes.length;
      if (bytes.length >= frameBytes) {
        yield { channels: decodeSamples(bytes, sampleFormat, numChannels), sampleRate };
      }
      if (bytes.length === wanted) continue;
      if (dataBytes === undefined) return;
      throw truncated(reader.offset, `${dataBytes} bytes of samples`, readBytes);
    }
  } finally {
    await reader.close();
  }
}

async function readHeader(reader: ByteReader): Promise<WavHeader> {
  const riff = await readExactly(reader, 12, "the RIFF header");
  const form = fourCc(riff, 0);
  if (!["RIFF", "RF64", "BW64"].includes(form) || fourCc(riff, 8) !== "WAVE") {
    throw new AudioFormatError("corrupt-audio", `expected a RIFF WAVE header, got "${form}"; pass a WAV file`, {
      byteOffset: 0,
    });
  }
  const riffBytes = riff.getUint32(4, true);
  let dataBytes64: number | undefined;
  let format: Omit<WavHeader, "dataBytes"> | undefined;
  for (;;) {
    const chunk = await readExactly(reader, 8, "the data chunk");
    const id = fourCc(chunk, 0);
    const size = chunk.getUint32(4, true);
    if (id === "data") {
      if (format === undefined) throw corrupt(reader.offset - 8, "the fmt chunk before the data chunk, got none");
      return { ...format, dataBytes: dataLength(size, riffBytes, dataBytes64) };
    }
    const end = reader.offset + size + (size % 2);
    if (id === "ds64" && size >= 24) {
      dataBytes64 = Number((await readExactly(reader, 24, "the ds64 chunk")).getBigUint64(8, true));
    }
    if (id === "fmt ") format = await readFormat(reader, size);
    const restBytes = end - reader.offset;
    if ((await reader.skip(restBytes)) < restBytes) {
      throw truncated(reader.offset, `a ${id} chunk of ${size} bytes and samples after it`, reader.offset);
    }
  }
}

async function readFormat(reader: ByteReader, size: number): Promise<Omit<WavHeader, "dataBytes">> {
  const byteOffset = reader.offset;
  if (size < 16) throw corrupt(byteOffset, `a fmt chunk of 16 bytes at least, got ${size}`);
  const view = await readExactly(reader, Math.min(size, 40), "the fmt chunk");
  const numChannels = view.getUint16(2, true);
  const sampleRate = view.getUint32(4, true);
  const frameBytes = view.getUint16(12, true);
  const bits = view.getUint16(14, true);
  if (numChannels < 1 || numChannels > MAX_CHANNELS) {
    throw new AudioFormatError(
      "unsupported-channels",
      `WAV header: expected 1 to ${MAX_CHANNELS} channels, got ${numChannels}; ${CONVERT}`,
      { byteOffset: byteOffset + 2 },
    );
  }
  if (sampleRate < MIN_SAMPLE_RATE || sampleRate > MAX_SAMPLE_RATE) {
    throw corrupt(byteOffset + 4, `a sample rate from ${MIN_SAMPLE_RATE} to ${MAX_SAMPLE_RATE} Hz, got ${sampleRate}`);
  }
  const sampleFormat = sampleFormatOf(formatTag(view), bits, byteOffset);
  if (frameBytes !== numChannels * bytesPerSample[sampleFormat]) {
    throw corrupt(byteOffset + 12, `${numChannels * bytesPerSample[sampleFormat]} bytes a frame, got ${frameBytes}`);
  }
  return { sampleFormat, numChannels, sampleRate };
}

function formatTag(view: DataView): number {
  const tag = view.getUint16(0, true);
  if (tag !== EXTENSIBLE || view.byteLength < 40) return tag;
  const isPlain = SUBFORMAT_TAIL.every((byte, index) => view.getUint8(26 + index) === byte);
  return isPlain ? view.getUint16(24, true) : tag;
}

/** Integers may use fewer bits than their container (20 in 24, say); they are left-justified in it. */
function sampleFormatOf(tag: number, bits: number, byteOffset: number): SampleFormat {
  if (tag === PCM && bits >= 1 && bits <= 32) {
    return (["u8", "s16", "s24", "s32"] as const)[Math.ceil(bits / 8) - 1] as SampleFormat;
  }
  if (tag === IEEE_FLOAT && bits === 32) return "f32";
  if (tag === IEEE_FLOAT && bits === 64) return "f64";
  const name = KNOWN_TAGS.get(tag) ?? `format tag 0x${tag.toString(16)}`;
  throw new AudioFormatError(
    "unsupported-audio",
    `WAV header: expected integer or float PCM, got ${name} with ${bits} bits; ${CONVERT}`,
    { byteOffset },
  );
}

/**
 * Length of the samples in bytes, or undefined for "to the end". Programs that write to a pipe cannot go back to fill in
 * the lengths: ffmpeg leaves 0xFFFFFFFF in both places, others leave 0 in both, sox and arecord a number just below or
 * above 2^31. A file of that true length is read just as well to its end.
 */
function dataLength(size: number, riffBytes: number, dataBytes64: number | undefined): number | undefined {
  if (size === 0xffffffff) {
    return dataBytes64 === 0 || !Number.isSafeInteger(dataBytes64) ? undefined : dataBytes64;
  }
  const isPlaceholder = (size === 0 && riffBytes === 0) || Math.abs(size - 0x80000000) <= 0x2000;
  return isPlaceholder ? undefined : size;
}

async function readExactly(reader: ByteReader, numBytes: number, what: string): Promise<DataView> {
  const bytes = await reader.read(numBytes);
  if (bytes.length < numBytes) throw truncated(reader.offset, what, bytes.length);
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function fourCc(view: DataView, offset: number): string {
  return String.fromCharCode(...[0, 1, 2, 3].map((index) => view.getUint8(offset + index)));
}

function truncated(byteOffset: number, expected: string, gotBytes: number): AudioFormatError {
  return new AudioFormatError(
    "truncated-audio",
    `WAV ends at byte ${byteOffset}: expected ${expected}, got ${gotBytes} bytes; copy it again, or keep what is there with: ffmpeg -i in.wav out.wav`,
    { byteOffset },
  );
}

function corrupt(byteOffset: number, expectedAndGot: string): AudioFormatError {
  return new AudioFormatError(
    "corrupt-audio",
    `WAV header at byte ${byteOffset}: expected ${expectedAndGot}; ${CONVERT}`,
    {
      byteOffset,
    },
  );
}
