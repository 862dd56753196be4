/** Which kind of audio file bytes are, told from the bytes: names and endings lie. */
import { AudioFormatError } from "../../errors";
import { isMpegFrameHeader } from "./mpeg-header";

/** The formats that are read. */
export type AudioFormat = "wav" | "flac" | "mp3" | "ogg-opus" | "ogg-vorbis" | "ogg-flac";

/** Bytes from the beginning that `detectAudioFormat` wants to see. */
export const FORMAT_HEAD_BYTES = 64;

interface Signature {
  readonly name: string;
  readonly offset: number;
  readonly magic: string;
}

/** Formats that are known and not read, so that the message can say what came. */
const UNSUPPORTED: readonly Signature[] = [
  { name: "AIFF", offset: 0, magic: "FORM" },
  { name: "big-endian WAV (RIFX)", offset: 0, magic: "RIFX" },
  { name: "Sony Wave64", offset: 0, magic: "riff" },
  { name: "MP4 or M4A", offset: 4, magic: "ftyp" },
  { name: "Matroska or WebM", offset: 0, magic: "\x1aE\xdf\xa3" },
  { name: "Core Audio (CAF)", offset: 0, magic: "caff" },
  { name: "Sun AU", offset: 0, magic: ".snd" },
  { name: "AMR", offset: 0, magic: "#!AMR" },
  { name: "Windows Media", offset: 0, magic: "0&\xb2u" },
  { name: "AVI or another RIFF form", offset: 0, magic: "RIFF" },
  { name: "an Ogg stream without Opus, Vorbis or FLAC", offset: 0, magic: "OggS" },
  { name: "EnCodec (.ecdc)", offset: 0, magic: "ECDC" },
];

/**
 * Tells the format of audio bytes.
 *
 * Shapes   `head` the first `FORMAT_HEAD_BYTES` bytes, or all when there are fewer
 * @throws {AudioFormatError} code `empty-audio` when there are no bytes, `unsupported-audio` when they are something else
 */
export function detectAudioFormat(head: Uint8Array): AudioFormat {
  if (head.length === 0) {
    throw new AudioFormatError("empty-audio", "the audio input has no bytes; check what writes it", { byteOffset: 0 });
  }
  if (hasMagic(head, 8, "WAVE") && ["RIFF", "RF64", "BW64"].some((id) => hasMagic(head, 0, id))) return "wav";
  if (hasMagic(head, 0, "fLaC")) return "flac";
  if (hasMagic(head, 0, "OggS")) {
    // The first page has one segment, so the codec's own header begins at byte 28 (RFC 3533).
    if (hasMagic(head, 28, "OpusHead")) return "ogg-opus";
    if (hasMagic(head, 28, "\x01vorbis")) return "ogg-vorbis";
    if (hasMagic(head, 28, "\x7fFLAC")) return "ogg-flac";
  }
  if (hasMagic(head, 0, "ID3") || isMpegFrameHeader(head, 0)) return "mp3";
  const known = UNSUPPORTED.find(({ offset, magic }) => hasMagic(head, offset, magic));
  throw new AudioFormatError(
    "unsupported-audio",
    `expected WAV, FLAC, MP3, Ogg Opus or Ogg Vorbis, got ${known?.name ?? "bytes of no known audio format"}; convert it with: ffmpeg -i INPUT out.wav`,
    { byteOffset: 0 },
  );
}

function hasMagic(head: Uint8Array, offset: number, magic: string): boolean {
  return [...magic].every((character, index) => head[offset + index] === character.charCodeAt(0));
}
