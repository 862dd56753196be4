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
import { decodeBfloat16, decodeFloat16, decodeFloat32, decodeInt32 } from "./float-formats";
import type { StateDict, WeightTensor } from "./state-dict";

const headerLengthBytes = 8;
/** Bounds the work on a header, which grows several times as objects. A header of our own is under 16 KiB. */
const maxHeaderBytes = 16 * 2 ** 20;
const maxRank = 8;
const metadataKey = "__metadata__";

/** The element types of the format. Those without a decoder may be in a file, but cannot be taken from it. */
const formats: Readonly<Record<string, { bytesPerElement: number; decode?: (bytes: Uint8Array) => Float32Array }>> = {
  F32: { bytesPerElement: 4, decode: decodeFloat32 },
  F16: { bytesPerElement: 2, decode: decodeFloat16 },
  BF16: { bytesPerElement: 2, decode: decodeBfloat16 },
  I32: { bytesPerElement: 4, decode: decodeInt32 },
  F64: { bytesPerElement: 8 },
  I64: { bytesPerElement: 8 },
  U64: { bytesPerElement: 8 },
  U32: { bytesPerElement: 4 },
  I16: { bytesPerElement: 2 },
  U16: { bytesPerElement: 2 },
  I8: { bytesPerElement: 1 },
  U8: { bytesPerElement: 1 },
  BOOL: { bytesPerElement: 1 },
};

interface Entry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/**
 * Reads a file that is in memory.
 *
 * Memory   keeps `bytes`; a tensor is converted each time that its `data` is read (float32 that is aligned in the file is
 *          a view of `bytes`, anything else a fresh copy), so that a whole model never lies in memory as float32
 * Cost     O(header) now, O(tensor) for each reading of `data`
 * @throws {CheckpointError} `truncated`, `bad-header`, `unsupported-dtype` or `limit-exceeded`; taking a tensor throws
 *                           `unsupported-dtype` when it is of a type that is not converted
 */
export function readSafetensors(bytes: Uint8Array): { tensors: StateDict; metadata: Record<string, string> } {
  const { header, dataOffset } = readHeader(bytes);
  const dataLength = bytes.byteLength - dataOffset;
  const entries = [...header]
    .filter(([name]) => name !== metadataKey)
    .map(([name, value]) => readEntry(name, value, dataLength));
  checkCoverage(entries, dataLength);
  return {
    tensors: new LazyStateDict(entries, bytes.subarray(dataOffset)),
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

function readHeader(bytes: Uint8Array): { header: Map<string, unknown>; dataOffset: number } {
  if (bytes.byteLength < headerLengthBytes) {
    throw new CheckpointError(
      "truncated",
      `a safetensors file expected at least ${headerLengthBytes} bytes, got ${bytes.byteLength}; fetch the file again`,
    );
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > BigInt(maxHeaderBytes)) {
    throw new CheckpointError(
      "limit-exceeded",
      `the header claims ${length} bytes, at most ${maxHeaderBytes} are read; check that this is a safetensors file`,
    );
  }
  const dataOffset = headerLengthBytes + Number(length);
  if (dataOffset > bytes.byteLength) {
    throw new CheckpointError(
      "truncated",
      `the header claims ${length} bytes, ${bytes.byteLength - headerLengthBytes} are there; fetch the file again`,
    );
  }
  const parsed = parseJson(bytes.subarray(headerLengthBytes, dataOffset));
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
  const format = typeof dtype === "string" && Object.hasOwn(formats, dtype) ? formats[dtype] : undefined;
  if (typeof dtype !== "string" || format === undefined) {
    const known = Object.keys(formats).join(", ");
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

/** Gives tensors that convert their data when it is read. */
class LazyStateDict implements StateDict {
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #data: Uint8Array;

  constructor(entries: readonly Entry[], data: Uint8Array) {
    this.#entries = new Map(entries.map((entry) => [entry.name, entry]));
    this.#data = data;
  }

  get size(): number {
    return this.#entries.size;
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  get(name: string): WeightTensor | undefined {
    const entry = this.#entries.get(name);
    return entry && this.#view(entry);
  }

  keys(): MapIterator<string> {
    return this.#entries.keys();
  }

  *values(): MapIterator<WeightTensor> {
    for (const entry of this.#entries.values()) yield this.#view(entry);
  }

  *entries(): MapIterator<[string, WeightTensor]> {
    for (const entry of this.#entries.values()) yield [entry.name, this.#view(entry)];
  }

  [Symbol.iterator](): MapIterator<[string, WeightTensor]> {
    return this.entries();
  }

  forEach(visit: (tensor: WeightTensor, name: string, weights: StateDict) => void): void {
    for (const [name, tensor] of this.entries()) visit(tensor, name, this);
  }

  #view({ name, dtype, shape, begin, end }: Entry): WeightTensor {
    const decode = formats[dtype]?.decode;
    if (decode === undefined) {
      const message = `"${name}" has the dtype ${dtype}, which is not converted to float32; convert the file`;
      throw new CheckpointError("unsupported-dtype", message, { tensor: name });
    }
    const stored = this.#data.subarray(begin, end);
    return {
      dtype: "F32",
      shape,
      get data() {
        return decode(stored);
      },
    };
  }
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
