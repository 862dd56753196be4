/**
 * .npy bytes, one array of NumPy's -> its shape and its numbers as float32; and a header for arrays that are written.
 *
 *     magic | version, 2 bytes | header length, u16 LE (version 1) or u32 LE | header: a Python dict | data
 *
 * Source   https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
import { CheckpointError } from "../errors";
import { elementFormats } from "./element-formats";

/** One array of a file. */
export interface NpyArray {
  readonly shape: readonly number[];
  /** Whether the first index is the one that runs fastest in `data`, and not the last. */
  readonly isFortranOrder: boolean;
  readonly data: Float32Array;
}

const magic = Uint8Array.of(0x93, ...new TextEncoder().encode("NUMPY"));
/** NumPy itself refuses longer ones by default: they are made to keep a parser busy. */
const maxHeaderBytes = 10_000;
/** What NumPy aligns the data to. */
const alignmentBytes = 64;

/** The types that are read, by NumPy's names. */
const formatNames: ReadonlyMap<string, string> = new Map([
  ["<f2", "F16"],
  ["<f4", "F32"],
  ["<f8", "F64"],
]);

/**
 * Reads a file of one array of floats.
 *
 * Memory   of float32 that is aligned a view of `file`, of anything else a fresh copy
 * @throws {CheckpointError} `unsupported-format`, `bad-header`, `limit-exceeded`, `unsupported-dtype`, `truncated`, or
 *                           `corrupt` when there are more bytes than the array has
 */
export function readNpy(file: Uint8Array): NpyArray {
  const { text, dataOffset } = readHeader(file);
  const [, descr] = /'descr'\s*:\s*'([^']*)'/.exec(text) ?? [];
  const [, order] = /'fortran_order'\s*:\s*(True|False)/.exec(text) ?? [];
  const [, sizes] = /'shape'\s*:\s*\(([\d\s,]*)\)/.exec(text) ?? [];
  if (order === undefined || sizes === undefined) {
    throw new CheckpointError("bad-header", "the header of the .npy file tells no shape or order; save it again");
  }
  const format = elementFormats.get(formatNames.get(descr ?? "") ?? "");
  if (format?.decode === undefined) {
    const known = [...formatNames.keys()].join(", ");
    const message = `the .npy file holds ${descr ?? "records"}, ${known} are read; save array.astype("float32")`;
    throw new CheckpointError("unsupported-dtype", message);
  }
  const shape = sizes.split(",").flatMap((size) => (size.trim() === "" ? [] : [Number(size)]));
  const numBytes = shape.reduce((product, size) => product * size, format.bytesPerElement);
  assertLength(file.length - dataOffset, numBytes, shape);
  return { shape, isFortranOrder: order === "True", data: format.decode(file.subarray(dataOffset)) };
}

/**
 * The bytes before the numbers of a float32 array.
 *
 * @param isFortranOrder  whether the first index is the one that runs fastest
 * @param headerBytes  how long it is to be, for a header that takes another's place; as short as can be by default
 */
export function npyHeader(shape: readonly number[], isFortranOrder: boolean, headerBytes = 0): Uint8Array {
  const order = isFortranOrder ? "True" : "False";
  const text = `{'descr': '<f4', 'fortran_order': ${order}, 'shape': (${shape.map((size) => `${size},`).join(" ")}), }`;
  const fixedBytes = magic.length + 4;
  const needed = Math.ceil((fixedBytes + text.length + 1) / alignmentBytes) * alignmentBytes;
  const bytes = new Uint8Array(Math.max(needed, headerBytes)).fill(0x20);
  bytes.set([...magic, 1, 0]);
  new DataView(bytes.buffer).setUint16(magic.length + 2, bytes.length - fixedBytes, true);
  bytes.set(new TextEncoder().encode(text), fixedBytes);
  bytes[bytes.length - 1] = 0x0a;
  return bytes;
}

function readHeader(file: Uint8Array): { text: string; dataOffset: number } {
  const [major = 0] = file.subarray(magic.length, magic.length + 1);
  if (!magic.every((byte, at) => file[at] === byte) || major < 1 || major > 3) {
    throw new CheckpointError("unsupported-format", "this is no .npy file of version 1 to 3; save it with numpy.save");
  }
  const lengthBytes = major === 1 ? 2 : 4;
  const textOffset = magic.length + 2 + lengthBytes;
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.length < textOffset) throw truncated(textOffset, file.length);
  const length = major === 1 ? view.getUint16(textOffset - 2, true) : view.getUint32(textOffset - 4, true);
  if (length > maxHeaderBytes) {
    const message = `the header of the .npy file claims ${length} bytes, at most ${maxHeaderBytes} are read; save it again`;
    throw new CheckpointError("limit-exceeded", message);
  }
  const dataOffset = textOffset + length;
  if (file.length < dataOffset) throw truncated(dataOffset, file.length);
  return { text: new TextDecoder("latin1").decode(file.subarray(textOffset, dataOffset)), dataOffset };
}

function assertLength(numBytes: number, expected: number, shape: readonly number[]): void {
  if (numBytes < expected) throw truncated(expected, numBytes);
  if (numBytes === expected) return;
  const message = `an array of the shape [${shape.join(", ")}] takes ${expected} bytes, the .npy file has ${numBytes}; save one array`;
  throw new CheckpointError("corrupt", message);
}

function truncated(expected: number, got: number): CheckpointError {
  return new CheckpointError("truncated", `the .npy file expected ${expected} bytes, got ${got}; copy it again`);
}
