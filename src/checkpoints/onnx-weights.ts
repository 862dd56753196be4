/**
 * The weights of an ONNX model: its initializers, and the values of its Constant nodes.
 *
 * Only the messages that lead to weights are looked into; a weight's bytes are viewed and converted when they are asked
 * for. The nodes are not read: this takes weights out of somebody's export, it does not run it.
 *
 * Source   ONNX IR specification, onnx.proto (ModelProto, GraphProto, NodeProto, AttributeProto, TensorProto)
 */
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { CheckpointError } from "../errors";
import type { ByteSource } from "./byte-source";
import { elementFormats } from "./element-formats";
import { LazyStateDict, type LazyTensor, lazyTensor } from "./lazy-state-dict";
import type { StateDict } from "./state-dict";

/** Element types by their number in `TensorProto.DataType`. */
const elementTypes = [
  ...["undefined", "F32", "U8", "I8", "U16", "I16", "I32", "I64", "text", "BOOL", "F16"],
  ...["F64", "U32", "U64", "C64", "C128", "BF16", "F8_E4M3", "F8_E4M3FNUZ", "F8_E5M2", "F8_E5M2FNUZ"],
];

/** A TensorProto before it is known which of its fields holds the numbers. */
interface TensorMessage {
  name: string;
  readonly dims: number[];
  type: number;
  isExternal: boolean;
  rawData: Uint8Array | undefined;
  /** Fields with numbers by field number: packed runs, or single numbers that were written one by one. */
  readonly runs: Map<number, Uint8Array[]>;
}

/** Fields with numbers: float_data, int32_data, int64_data, double_data, uint64_data. */
const numberFields = new Set([4, 5, 7, 10, 11]);

/**
 * Reads a model.
 *
 * Memory   a file on disk is read whole, once, and kept; bytes in memory are viewed
 * @throws {CheckpointError} `corrupt`, or `no-weights` when it is a model without any
 */
export function readOnnxWeights(source: ByteSource): { tensors: StateDict; metadata: Record<string, string> } {
  const bytes = source.read(0, source.byteLength);
  const tensors = new Map<string, LazyTensor>();
  const metadata: Record<string, string> = {};
  const add = (name: string, message: TensorMessage): void => {
    if (tensors.has(name)) throw corrupt(`the tensor "${name}" is there twice`);
    tensors.set(name, openTensor(name, message));
  };
  guarded(() => {
    for (const model of messages(bytes)) {
      if (model.field === 7) for (const field of messages(model.bytes)) readGraphField(field, add);
      else if (model.field === 14) readProperty(model.bytes, metadata);
    }
  });
  if (tensors.size === 0) {
    throw new CheckpointError("no-weights", "the ONNX model has no initializers; give a model with its weights inside");
  }
  return { tensors: new LazyStateDict(tensors), metadata };
}

interface Field {
  readonly field: number;
  readonly bytes: Uint8Array;
}

/** The fields of a message that are messages, texts or bytes. The others are skipped. */
function* messages(bytes: Uint8Array): Generator<Field> {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (wireType === WireType.LengthDelimited) yield { field, bytes: reader.bytes() };
    else reader.skip(wireType, field);
  }
}

function readGraphField({ field, bytes }: Field, add: (name: string, tensor: TensorMessage) => void): void {
  if (field === 5) {
    const tensor = readTensor(bytes);
    add(tensor.name, tensor);
  }
  if (field === 1) readConstant(bytes, add);
}

/** A Constant node's weight goes by the name of its output. */
function readConstant(bytes: Uint8Array, add: (name: string, tensor: TensorMessage) => void): void {
  let output: string | undefined;
  let value: Uint8Array | undefined;
  let isConstant = false;
  for (const { field, bytes: content } of messages(bytes)) {
    if (field === 2) output ??= text(content);
    else if (field === 4) isConstant = text(content) === "Constant";
    else if (field === 5) for (const part of messages(content)) if (part.field === 5) value = part.bytes;
  }
  if (isConstant && output !== undefined && value !== undefined) add(output, readTensor(value));
}

function readTensor(bytes: Uint8Array): TensorMessage {
  const tensor: TensorMessage = {
    name: "",
    dims: [],
    type: 0,
    isExternal: false,
    rawData: undefined,
    runs: new Map(),
  };
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    const isRun = wireType === WireType.LengthDelimited;
    if (field === 1) tensor.dims.push(...(isRun ? readDims(reader.bytes()) : [Number(reader.int64())]));
    else if (field === 2 && wireType === WireType.Varint) tensor.type = reader.int32();
    else if (field === 8 && isRun) tensor.name = text(reader.bytes());
    else if (field === 9 && isRun) tensor.rawData = reader.bytes();
    else if (field === 14 && wireType === WireType.Varint) tensor.isExternal = reader.int32() === 1;
    else if (numberFields.has(field)) {
      const run = isRun ? reader.bytes() : reader.skip(wireType, field);
      tensor.runs.set(field, [...(tensor.runs.get(field) ?? []), run]);
    } else reader.skip(wireType, field);
    if (tensor.dims.length > 16) throw corrupt(`"${tensor.name}" has more than 16 axes`);
    // Numbers written one by one are permitted, and nobody does it for weights.
    if ((tensor.runs.get(field)?.length ?? 0) > 64) throw corrupt(`"${tensor.name}" is in more than 64 pieces`);
  }
  return tensor;
}

function readDims(bytes: Uint8Array): number[] {
  if (bytes.length > 160) throw corrupt("a tensor has too many axes");
  const reader = new BinaryReader(bytes);
  const dims: number[] = [];
  while (reader.pos < reader.len) dims.push(Number(reader.int64()));
  return dims;
}

function openTensor(name: string, { dims, type, isExternal, rawData, runs }: TensorMessage): LazyTensor {
  const dtype = elementTypes[type] ?? `type ${type}`;
  const format = elementFormats.get(dtype);
  if (format === undefined) return { dtype, shape: dims };
  if (isExternal) return { dtype: `${dtype} in a file beside the model`, shape: dims };
  if (!dims.every((size) => Number.isSafeInteger(size) && size >= 0)) throw corrupt(`"${name}" has no whole sizes`);
  const numElements = dims.reduce((product, size) => product * size, 1);
  if (rawData !== undefined) {
    const expected = numElements * format.bytesPerElement;
    if (rawData.length !== expected) throw corrupt(`"${name}" needs ${expected} bytes, ${rawData.length} are there`);
    return lazyTensor(dtype, dims, () => rawData);
  }
  const pieces = [...runs.values()].flat();
  const numBytes = pieces.reduce((total, piece) => total + piece.length, 0);
  // A number takes at least one byte in any of the fields: more elements than bytes are not there.
  if (numElements > numBytes) throw corrupt(`"${name}" claims ${numElements} numbers in ${numBytes} bytes`);
  return { dtype, shape: dims, load: () => decodeRuns(name, dtype, numElements, runs) };
}

/** Numbers from the fields that are not raw: half precision lies there as the integers that its bits make. */
function decodeRuns(
  name: string,
  dtype: string,
  numElements: number,
  runs: ReadonlyMap<number, readonly Uint8Array[]>,
): Float32Array {
  const isHalf = dtype === "F16" || dtype === "BF16";
  // Typed arrays: a list of more than 2^27 numbers ends the process.
  const numbers = isHalf ? new Uint16Array(numElements) : new Float32Array(numElements);
  let count = 0;
  guarded(() => {
    for (const [field, pieces] of runs) {
      for (const piece of pieces) {
        const reader = new BinaryReader(piece);
        // What lies beyond the end of the array is counted and not kept.
        while (reader.pos < reader.len) numbers[count++] = readNumber(reader, field);
      }
    }
  });
  if (count !== numElements) throw corrupt(`"${name}" claims ${numElements} numbers, ${count} are there`);
  if (numbers instanceof Float32Array) return numbers;
  return elementFormats.get(dtype)?.decode?.(new Uint8Array(numbers.buffer)) ?? new Float32Array();
}

function readNumber(reader: BinaryReader, field: number): number {
  if (field === 4) return reader.float();
  if (field === 5) return reader.int32();
  if (field === 7) return Number(reader.int64());
  return field === 10 ? reader.double() : Number(reader.uint64());
}

function readProperty(bytes: Uint8Array, metadata: Record<string, string>): void {
  let key = "";
  let value = "";
  for (const { field, bytes: content } of messages(bytes)) {
    if (field === 1) key = text(content);
    if (field === 2) value = text(content);
  }
  Object.defineProperty(metadata, key, { value, enumerable: true, configurable: true });
}

/** Runs a reading of protobuf; what the library raises about the bytes becomes our error. */
function guarded(read: () => void): void {
  try {
    read();
  } catch (cause) {
    if (cause instanceof CheckpointError) throw cause;
    throw new CheckpointError("corrupt", "the ONNX model is damaged; fetch the file again", { cause });
  }
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function corrupt(problem: string): CheckpointError {
  return new CheckpointError("corrupt", `the ONNX model is damaged: ${problem}; fetch the file again`);
}
