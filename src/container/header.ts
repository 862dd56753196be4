/**
 * The beginning of a container: what the tokens are and how they are laid out.
 *
 *     0        8       9       10         12                12+H       16+H
 *     | magic  | major | minor | H (u16)  | header, H bytes | CRC-32C  | packets ...
 *
 * The header is a MessagePack array: fields have fixed places, a newer minor version may append more, and readers
 * ignore what they do not know. What would change the meaning of a place, or of a packet, takes a new major version:
 * version 2 is for codecs with segments, all others are written as version 1.
 */
import { Packr, Unpackr } from "msgpackr";
import { ContainerError } from "../errors";
import { crc32c } from "../kernels/crc32c";
import { type Segmentation, segmentationFault } from "../tokens/segmentation";
import type { TokenFormat } from "../tokens/token-frames";
import {
  assertBytes,
  MAX_CODEC_LENGTH,
  MAX_FRAMES_PER_PACKET,
  MAX_HEADER_BYTES,
  MAX_PAYLOAD_BYTES,
  MAX_REVISION_LENGTH,
  rawBytes,
  requireBytes,
} from "./limits";
import { checkMsgpack } from "./msgpack-guard";
import { placesPerSegment, segmentTableBytes } from "./segment-places";

/**
 * The first eight bytes. The high bit catches channels of seven bits, the line ends catch conversion of text, the
 * control character stops a listing: the idea of PNG's signature.
 */
export const magic = Uint8Array.of(0x89, 0x51, 0x54, 0x4e, 0x0d, 0x0a, 0x1a, 0x0a);

/** Major versions that are written and read: without and with segments. */
const versions = { plain: 1, segmented: 2 } as const;
/** The minor version that is written of both. All are read. */
const minorVersion = 0;

/** Bytes before the MessagePack header. */
export const PREAMBLE_BYTES = 12;

/** What stands in a container's header. */
export interface ContainerHeader extends TokenFormat {
  /** Samples of one channel that a frame stands for; `frameRate` is `sampleRate / hopLength`. */
  readonly hopLength: number;
  /** Frames of every packet but the last, which may have fewer. */
  readonly framesPerPacket: number;
  /** Free text of the writer: title, speaker, licence. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Samples of a segment: more than an hour at 48 kHz. */
const MAX_SEGMENT_SAMPLES = 1 << 28;

/** Whole numbers of the header with their bounds, in the order of their places after codec and revision. */
const numberFields = [
  ["sampleRate", 1, 10_000_000],
  ["hopLength", 1, 1 << 20],
  ["numChannels", 1, 64],
  ["numCodebooks", 1, 256],
  ["codebookSize", 2, 1 << 16],
  ["framesPerPacket", 1, MAX_FRAMES_PER_PACKET],
] as const satisfies readonly (readonly [keyof ContainerHeader, number, number])[];

/** A fault in a header: which field, what it should be, and what it is. */
interface FieldFault {
  readonly field: string;
  readonly expected: string;
  readonly got: unknown;
}

const printable = /^[\x21-\x7e]+$/;

function textFault(field: string, value: unknown, maxLength: number): FieldFault | undefined {
  if (typeof value === "string" && value.length <= maxLength && printable.test(value)) return undefined;
  return { field, expected: `1 to ${maxLength} printable ASCII characters without spaces`, got: value };
}

function isWithin(value: unknown, min: number, max: number): boolean {
  return Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
}

/** The first thing in a header that the format does not allow. The same rules hold for the writer and the reader. */
function findFault(header: ContainerHeader): FieldFault | undefined {
  const inText =
    textFault("codec", header.codec, MAX_CODEC_LENGTH) ?? textFault("revision", header.revision, MAX_REVISION_LENGTH);
  if (inText !== undefined) return inText;
  for (const [field, min, max] of numberFields) {
    if (!isWithin(header[field], min, max)) {
      return { field, expected: `a whole number from ${min} to ${max}`, got: header[field] };
    }
  }
  const inSegments = findSegmentFault(header);
  if (inSegments !== undefined) return inSegments;
  const { framesPerPacket } = header;
  const packetBytes = rawBytes(header, framesPerPacket) + segmentTableBytes(header, framesPerPacket);
  if (packetBytes > MAX_PAYLOAD_BYTES) {
    return { field: "framesPerPacket", expected: `packets of at most ${MAX_PAYLOAD_BYTES} bytes`, got: packetBytes };
  }
  for (const [key, value] of Object.entries(header.metadata)) {
    if (typeof value !== "string" || /\p{Surrogate}/u.test(key + value)) {
      return { field: `metadata.${key}`, expected: "well-formed text", got: value };
    }
  }
  return undefined;
}

function findSegmentFault({ segmentation, hopLength, framesPerPacket }: ContainerHeader): FieldFault | undefined {
  if (segmentation === undefined) return undefined;
  const fault = segmentationFault(segmentation, hopLength);
  if (fault !== undefined || segmentation.segmentSamples > MAX_SEGMENT_SAMPLES) {
    const expected = `a segmentation for ${hopLength} samples a frame, of at most ${MAX_SEGMENT_SAMPLES} samples`;
    return { field: "segmentation", expected, got: fault ?? segmentation.segmentSamples };
  }
  const places = placesPerSegment(segmentation, hopLength);
  if (framesPerPacket % places === 0) return undefined;
  return { field: "framesPerPacket", expected: `a multiple of ${places}, a segment's`, got: framesPerPacket };
}

/** How many samples a frame stands for, when that is a whole number. */
function wholeHopLength(format: TokenFormat): number {
  const hopLength = Math.round(format.sampleRate / format.frameRate);
  // Rounding of one division: a frame rate that was written by hand with fewer digits is refused, not bent.
  if (!(Math.abs(format.sampleRate / hopLength - format.frameRate) <= 1e-9 * format.frameRate)) {
    throw new RangeError(
      `"frameRate" expected sampleRate ${format.sampleRate} divided by a whole number of samples, got ${format.frameRate}`,
    );
  }
  return hopLength;
}

/**
 * The header for tokens of a format, checked.
 *
 * @throws {RangeError} when a value of the caller is not allowed by the format
 */
export function createHeader(
  format: TokenFormat,
  framesPerPacket: number,
  metadata: Readonly<Record<string, string>>,
): ContainerHeader {
  const { codec, revision, sampleRate, frameRate, numChannels, numCodebooks, codebookSize } = format;
  const hopLength = wholeHopLength(format);
  const shape = { codec, revision, sampleRate, frameRate, numChannels, numCodebooks, codebookSize };
  const segments = format.segmentation && { segmentation: format.segmentation };
  const header = { ...shape, ...segments, hopLength, framesPerPacket, metadata };
  const fault = findFault(header);
  if (fault !== undefined) {
    throw new RangeError(`"${fault.field}" expected ${fault.expected}, got ${String(fault.got)}`);
  }
  return header;
}

/** What the tokens are of, out of a header. */
export function formatOf(header: ContainerHeader): TokenFormat {
  const { codec, revision, sampleRate, frameRate, numChannels, numCodebooks, codebookSize, segmentation } = header;
  const shape = { codec, revision, sampleRate, frameRate, numChannels, numCodebooks, codebookSize };
  return { ...shape, ...(segmentation && { segmentation }) };
}

/**
 * The bytes of preamble, header and checksum.
 *
 * @throws {RangeError} when the metadata makes it longer than 65535 bytes
 */
export function writeHeader(header: ContainerHeader): Uint8Array {
  const fields: unknown[] = [header.codec, header.revision, ...numberFields.map(([field]) => header[field])];
  const entries = Object.entries(header.metadata);
  const { segmentation } = header;
  if (entries.length > 0 || segmentation) fields.push(new Map(entries));
  if (segmentation) fields.push(segmentation.segmentSamples, segmentation.overlapSamples);
  const body = new Packr({ useRecords: false }).pack(fields);
  if (body.length > MAX_HEADER_BYTES) {
    throw new RangeError(`"metadata" expected a header of at most ${MAX_HEADER_BYTES} bytes, got ${body.length}`);
  }
  const bytes = new Uint8Array(PREAMBLE_BYTES + body.length + 4);
  const view = new DataView(bytes.buffer);
  bytes.set(magic);
  view.setUint8(8, segmentation ? versions.segmented : versions.plain);
  view.setUint8(9, minorVersion);
  view.setUint16(10, body.length, true);
  bytes.set(body, PREAMBLE_BYTES);
  view.setUint32(bytes.length - 4, crc32c(bytes, 0, bytes.length - 4), true);
  return bytes;
}

/**
 * Bytes that preamble, header and checksum take, from the first 12 bytes of a file.
 *
 * @throws {ContainerError} codes `truncated`, `bad-magic`, `unsupported-version`
 */
export function headerLength(bytes: Uint8Array): number {
  const wrong = magic.findIndex((byte, at) => at < bytes.length && bytes[at] !== byte);
  if (wrong >= 0) {
    throw new ContainerError(
      "bad-magic",
      `file expected the signature of a .qtn container, got other bytes at byte ${wrong}; it is of another kind or was changed in transfer`,
      { byteOffset: wrong },
    );
  }
  requireBytes(bytes, PREAMBLE_BYTES, "preamble");
  const major = bytes[8];
  if (major !== versions.plain && major !== versions.segmented) {
    throw new ContainerError(
      "unsupported-version",
      `version expected ${versions.plain} or ${versions.segmented}, got ${major}; a newer version of this package may read it`,
      { byteOffset: 8 },
    );
  }
  return PREAMBLE_BYTES + (bytes[10] ?? 0) + 256 * (bytes[11] ?? 0) + 4;
}

/**
 * Reads and checks the header at the beginning of `bytes`.
 *
 * @returns the header and the offset of what follows it
 * @throws {TypeError} when `bytes` is no Uint8Array
 * @throws {ContainerError} codes `truncated`, `bad-magic`, `unsupported-version`, `checksum-mismatch`, `bad-header`
 */
export function readHeader(bytes: Uint8Array): { header: ContainerHeader; endOffset: number } {
  assertBytes(bytes, "bytes");
  const endOffset = headerLength(bytes);
  requireBytes(bytes, endOffset, "header");
  const bodyEnd = endOffset - 4;
  const view = new DataView(bytes.buffer, bytes.byteOffset, endOffset);
  if (view.getUint32(bodyEnd, true) !== crc32c(bytes, 0, bodyEnd)) {
    throw new ContainerError(
      "checksum-mismatch",
      "header expected to match its checksum, got other bytes; the file is damaged where nothing can replace it: fetch it again",
      { byteOffset: 0 },
    );
  }
  const body = bytes.subarray(PREAMBLE_BYTES, bodyEnd);
  checkMsgpack(body, PREAMBLE_BYTES);
  const fields: unknown = new Unpackr({ useRecords: false, mapsAsObjects: false }).unpack(body);
  return { header: parseFields(fields, bytes[8] === versions.segmented), endOffset };
}

/** Every field by hand: a checksum says that the bytes are as written, not that the writer was well-meaning. */
function parseFields(fields: unknown, hasSegments: boolean): ContainerHeader {
  if (!Array.isArray(fields)) throw badHeader({ field: "header", expected: "an array", got: typeof fields });
  const [codec, revision] = fields;
  const numbers = Object.fromEntries(numberFields.map(([field], index) => [field, fields[2 + index]]));
  const metadata = fields[2 + numberFields.length];
  if (metadata !== undefined && !(metadata instanceof Map)) {
    throw badHeader({ field: "metadata", expected: "a map", got: typeof metadata });
  }
  const [segmentSamples, overlapSamples] = fields.slice(3 + numberFields.length) as number[];
  const segmentation = hasSegments && { segmentation: { segmentSamples, overlapSamples } as Segmentation };
  const texts = { codec, revision, metadata: Object.fromEntries(metadata ?? []) };
  const header = { ...texts, ...numbers, ...segmentation } as ContainerHeader;
  const fault = findFault(header);
  if (fault !== undefined) throw badHeader(fault);
  return { ...header, frameRate: header.sampleRate / header.hopLength };
}

function badHeader(fault: FieldFault): ContainerError {
  const got = String(fault.got).slice(0, 40);
  return new ContainerError(
    "bad-header",
    `"${fault.field}" expected ${fault.expected}, got ${got}; the file was made by a broken writer`,
    { byteOffset: PREAMBLE_BYTES },
  );
}
