/**
 * .safetensors bytes -> state dict, and back.
 *
 *     u64 LE header length | header: JSON, padded with blanks | tensor data
 *
 * The header maps each name to a dtype, a shape and a range of the data; `__metadata__` holds texts. Nothing in a file is
 * trusted: lengths are compared with the bytes that are there before anything is allocated or read, ranges must cover the
 * data without gap or overlap, and a tensor is converted to float32 only when its data is read.
 *
 * Source   https://huggingface.co/docs/safetensors (format), including its rules against hostile files
 */
import { CheckpointError } from "../errors";
import { type ByteSource, memorySource } from "./byte-source";
import { elementFormats } from "./element-formats";
import { LazyStateDict, lazyTensor } from "./lazy-state-dict";
import type { StateDict } from "./state-dict";

const headerLengthBytes = 8;
/** Bounds the work on a header, which grows several times as objects. A header of our own is under 16 KiB. */
const maxHeaderBytes = 16 * 2 ** 20;
const maxRank = 8;
const metadataKey = "__metadata__";

interface Entry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/**
 * Reads a file that is in memory, or the header of one on disk.
 *
 * Memory   keeps the source; a tensor is read and converted each time that its `data` is read (float32 that is aligned
 *          in memory is a view of it, anything else a fresh copy), so that a whole model never lies in memory as float32
 * Cost     O(header) now, O(tensor) for each reading of `data`
 * @throws {CheckpointError} `truncated`, `bad-header`, `unsupported-dtype` or `limit-exceeded`; taking a tensor throws
 *                           `unsupported-dtype` when it is of a type that is not converted
 */
export function readSafetensors(file: Uint8Array | ByteSource): {
  tensors: StateDict;
  metadata: Record<string, string>;
} {
  const source = file instanceof Uint8Array ? memorySource(file) : file;
  const { header, dataOffset } = readHeader(source);
  const dataLength = source.byteLength - dataOffset;
  const entries = [...header]
    .filter(([name]) => name !== metadataKey)
    .map(([name, value]) => readEntry(name, value, dataLength));
  checkCoverage(entries, dataLength);
  const tensors = entries.map(({ name, dtype, shape, begin, end }) => {
    return [name, lazyTensor(dtype, shape, () => source.read(dataOffset + begin, end - begin))] as const;
  });
  return {
    tensors: new LazyStateDict(new Map(tensors)),
    metadata: readMetadata(header.get(metadataKey)),
  };
}

/**
 * Writes float32 tensors in the order given.
 *
 * Memory   result is a fresh copy
 */
export function writeSafetensors(tensors: StateDict, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  const header: Record<string, unknown> = Object.keys(metadata).length > 0 ? { [metadataKey]: metadata } : {};
  let end = 0;
  for (const [name, { shape, data }] of tensors) {
    header[name] = { dtype: "F32", shape, data_offsets: [end, end + data.byteLength] };
    end += data.byteLength;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  // Blanks after the header keep the data aligned for readers that map it.
  const dataOffset = Math.ceil((headerLengthBytes + json.length) / 8) * 8;
  const bytes = new Uint8Array(dataOffset + end).fill(0x20, 0, dataOffset);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(dataOffset - headerLengthBytes), true);
  bytes.set(json, headerLengthBytes);
  let offset = dataOffset;
  for (const { data } of tensors.values()) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    offset += data.byteLength;
  }
  return bytes;
}

function readHeader(source: ByteSource): { header: Map<string, unknown>; dataOffset: number } {
  if (source.byteLength < headerLengthBytes) {
    throw new CheckpointError(
      "truncated",
      `a safetensors file expected at least ${headerLengthBytes} bytes, got ${source.byteLength}; fetch the file again`,
    );
  }
  const lengthBytes = source.read(0, headerLengthBytes);
  const length = new DataView(lengthBytes.buffer, lengthBytes.byteOffset).getBigUint64(0, true);
  if (length > BigInt(maxHeaderBytes)) {
    throw new CheckpointError(
      "limit-exceeded",
      `the header claims ${length} bytes, at most ${maxHeaderBytes} are read; check that this is a safetensors file`,
    );
  }
  const dataOffset = headerLengthBytes + Number(length);
  if (dataOffset > source.byteLength) {
    throw new CheckpointError(
      "truncated",
      `the header claims ${length} bytes, ${source.byteLength - headerLengthBytes} are there; fetch the file again`,
    );
  }
  const parsed = parseJson(source.read(headerLengthBytes, Number(length)));
  if (!isRecord(parsed)) throw badHeader("expected a JSON object");
  return { header: new Map(Object.entries(parsed)), dataOffset };
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new CheckpointError("bad-header", "the header is not JSON; check that this is a safetensors file", { cause });
  }
}

function readMetadata(value: unknown): Record<string, string> {
  if (value === undefined) return {};
  if (!isRecord(value) || !Object.values(value).every((text) => typeof text === "string")) {
    throw badHeader(`"${metadataKey}" expected an object of texts`);
  }
  return value as Record<string, string>;
}

function readEntry(name: string, value: unknown, dataLength: number): Entry {
  if (!isRecord(value)) throw badHeader("expected an object with dtype, shape and data_offsets", name);
  const { dtype, shape, data_offsets: range } = value;
  const format = typeof dtype === "string" ? elementFormats.get(dtype) : undefined;
  if (typeof dtype !== "string" || format === undefined) {
    const known = [...elementFormats.keys()].join(", ");
    throw new CheckpointError(
      "unsupported-dtype",
      `"${name}" has the dtype ${JSON.stringify(dtype)}, ${known} are read; convert the file`,
      { tensor: name },
    );
  }
  if (!isCounts(shape) || shape.length > maxRank)
    throw badHeader(`shape expected up to ${maxRank} whole numbers`, name);
  if (!isCounts(range) || range.length !== 2) throw badHeader("data_offsets expected two whole numbers", name);
  const [begin = 0, end = 0] = range;
  if (begin > end) throw badHeader(`data_offsets expected a range, got [${begin}, ${end}]`, name);
  if (end > dataLength) {
    throw new CheckpointError(
      "truncated",
      `"${name}" ends at byte ${end} of the data, ${dataLength} are there; fetch the file again`,
      { tensor: name },
    );
  }
  // The product may pass 2^53 and round: it is then far from any length that a file in memory has.
  const length = shape.reduce((product, size) => product * size, format.bytesPerElement);
  if (length !== end - begin)
    throw badHeader(`the shape [${shape.join(", ")}] needs ${length} bytes, data_offsets span ${end - begin}`, name);
  return { name, dtype, shape, begin, end };
}

/** Ranges must fill the data in some order: an overlap or a gap is how a file is made to mean two things. */
function checkCoverage(entries: readonly Entry[], dataLength: number): void {
  let covered = 0;
  for (const { name, begin, end } of [...entries].sort(
    (left, right) => left.begin - right.begin || left.end - right.end,
  )) {
    if (begin !== covered)
      throw badHeader(`data_offsets expected to begin at ${covered}, where the tensor before ends, got ${begin}`, name);
    covered = end;
  }
  if (covered !== dataLength) throw badHeader(`the tensors take ${covered} bytes, the file has ${dataLength}`);
}

function badHeader(problem: string, tensor?: string): CheckpointError {
  const place = tensor === undefined ? "the header" : `"${tensor}"`;
  return new CheckpointError(
    "bad-header",
    `${place}: ${problem}; check where the file came from`,
    tensor === undefined ? {} : { tensor },
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}
