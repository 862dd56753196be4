/**
 * A TFLite file -> its subgraphs as plain data: tensors with their constants, operators with their options.
 *
 * Nothing is run and nothing is simplified: networks are built from this elsewhere. Constants are float32, int8 numbers
 * with scales among them; `stored` gives the bytes as they are, for arithmetic that has to be done in integers.
 *
 * Source   tensorflow/lite/schema/schema.fbs, version 3; TFLite 8-bit quantization specification
 */
import { CheckpointError } from "../../errors";
import type { ByteSource } from "../byte-source";
import { elementFormats } from "../element-formats";
import { LazyStateDict, type LazyTensor, lazyTensor } from "../lazy-state-dict";
import type { StateDict } from "../state-dict";
import { corrupt, FlatBuffer, type FlatTable } from "./flatbuffer";
import { operatorName, readOptions } from "./tflite-operators";

const schemaVersion = 3;
/** Element types by their number in the schema; those of safetensors where there is one. */
const elementTypes = [
  ...["F32", "F16", "I32", "U8", "I64", "text", "BOOL", "I16", "C64", "I8", "F64", "C128"],
  ...["U64", "resource", "variant", "U32", "U16", "I4", "BF16"],
];

/** How whole numbers stand for real ones: real = scale (stored - zeroPoint). */
export interface TfliteQuantization {
  /** One for the tensor, or one for each index along `axis`. */
  readonly scales: readonly number[];
  readonly zeroPoints: readonly number[];
  readonly axis: number;
}

/** A value of a subgraph. */
export interface TfliteTensor {
  readonly name: string;
  readonly dtype: string;
  /** -1 where a size is open. */
  readonly shape: readonly number[];
  readonly isVariable: boolean;
  readonly quantization?: TfliteQuantization;
  /** The bytes of a constant, a view of the file. */
  readonly stored?: Uint8Array;
}

/** A step of a subgraph. Tensors are numbers of its list, -1 for an input that is left out. */
export interface TfliteOperator {
  readonly name: string;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly options: Readonly<Record<string, number | boolean | string>>;
}

/** One network of the file. */
export interface TfliteSubgraph {
  readonly name: string;
  readonly tensors: readonly TfliteTensor[];
  readonly operators: readonly TfliteOperator[];
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

/** A name under which a subgraph can be called, with the names of its inputs and outputs. */
export interface TfliteSignature {
  readonly key: string;
  readonly subgraph: number;
  readonly inputs: ReadonlyMap<string, number>;
  readonly outputs: ReadonlyMap<string, number>;
}

/** A whole file. */
export interface TfliteModel {
  readonly description: string;
  readonly subgraphs: readonly TfliteSubgraph[];
  readonly signatures: readonly TfliteSignature[];
}

/**
 * Reads a file.
 *
 * Memory   a file on disk is read whole, once, and kept; bytes in memory are viewed
 * @throws {CheckpointError} `corrupt`, `unsupported-format` or `truncated`
 */
export function readTflite(source: ByteSource): TfliteModel {
  const model = new FlatBuffer(source.read(0, source.byteLength)).root();
  const version = model.uint32(0);
  if (version !== schemaVersion) {
    const problem = `the TFLite file has version ${version}, ${schemaVersion} is read`;
    throw new CheckpointError("unsupported-format", `${problem}; convert it with a newer TensorFlow`);
  }
  const buffers = model.tables(4).map((buffer) => buffer.bytes(0));
  const names = model.tables(1).map(readOperatorName);
  const subgraphs = model.tables(2).map((subgraph) => readSubgraph(subgraph, buffers, names));
  return { description: model.text(3), subgraphs, signatures: model.tables(7).map(readSignature) };
}

/**
 * The constants of all subgraphs as float32, by name; where a name is there twice, with `#` and its numbers behind it.
 *
 * @throws {CheckpointError} `no-weights` when there is none
 */
export function tfliteWeights({ subgraphs }: TfliteModel): StateDict {
  const tensors = new Map<string, LazyTensor>();
  for (const [graph, subgraph] of subgraphs.entries()) {
    for (const [index, tensor] of subgraph.tensors.entries()) {
      if (tensor.stored === undefined) continue;
      const name = tensors.has(tensor.name) ? `${tensor.name}#${graph}.${index}` : tensor.name;
      tensors.set(name, openConstant(tensor, tensor.stored));
    }
  }
  if (tensors.size === 0) {
    throw new CheckpointError("no-weights", "the TFLite file has no constants; give one with its weights inside");
  }
  return new LazyStateDict(tensors);
}

/** The code was a byte once; files for old and new readers have it in both places. */
function readOperatorName(code: FlatTable): string {
  const custom = code.text(1);
  return custom === "" ? operatorName(Math.max(code.int8(0), code.int32(3))) : `CUSTOM:${custom}`;
}

function readSubgraph(
  subgraph: FlatTable,
  buffers: readonly (Uint8Array | undefined)[],
  names: readonly string[],
): TfliteSubgraph {
  const tensors = subgraph.tables(0).map((tensor) => readTensor(tensor, buffers));
  const checked = (indices: readonly number[]): readonly number[] => {
    if (indices.every((index) => index >= -1 && index < tensors.length)) return indices;
    throw corrupt(`an operator has tensors [${indices.slice(0, 8).join(", ")}], there are ${tensors.length}`);
  };
  const operators = subgraph.tables(3).map((operator) => {
    const name = names[operator.uint32(0)];
    if (name === undefined) throw corrupt("an operator is of no kind that the file lists");
    const options = readOptions(name, operator.table(4));
    return { name, inputs: checked(operator.int32s(1)), outputs: checked(operator.int32s(2)), options };
  });
  const [inputs, outputs] = [checked(subgraph.int32s(1)), checked(subgraph.int32s(2))];
  return { name: subgraph.text(4), tensors, operators, inputs, outputs };
}

function readTensor(tensor: FlatTable, buffers: readonly (Uint8Array | undefined)[]): TfliteTensor {
  const name = tensor.text(3);
  const dtype = elementTypes[tensor.uint8(1)] ?? `type ${tensor.uint8(1)}`;
  const signature = tensor.int32s(7);
  const shape = signature.length > 0 ? signature : tensor.int32s(0);
  const index = tensor.uint32(2);
  if (index >= buffers.length) throw corrupt(`"${name}" has the buffer ${index}, there are ${buffers.length}`);
  const stored = buffers[index];
  if (stored !== undefined) checkLength(name, dtype, shape, stored);
  const quantization = readQuantization(name, shape, tensor.table(4));
  return {
    name,
    dtype,
    shape,
    isVariable: tensor.bool(5),
    ...(quantization !== undefined && { quantization }),
    ...(stored !== undefined && { stored }),
  };
}

function checkLength(name: string, dtype: string, shape: readonly number[], stored: Uint8Array): void {
  const format = elementFormats.get(dtype);
  if (format === undefined) return;
  const expected = shape.reduce((product, size) => product * size, format.bytesPerElement);
  if (shape.every((size) => size >= 0) && expected === stored.length) return;
  throw corrupt(`"${name}" of the shape [${shape.join(", ")}] needs ${expected} bytes, ${stored.length} are there`);
}

function readQuantization(
  name: string,
  shape: readonly number[],
  table: FlatTable | undefined,
): TfliteQuantization | undefined {
  const scales = table?.float32s(2) ?? [];
  if (table === undefined || scales.length === 0) return undefined;
  const zeroPoints = table.int64s(3);
  const axis = table.int32(6);
  if (zeroPoints.length !== scales.length) {
    throw corrupt(`"${name}" has ${scales.length} scales and ${zeroPoints.length} zero points`);
  }
  if (scales.length > 1 && shape[axis] !== scales.length) {
    throw corrupt(`"${name}" has ${scales.length} scales for axis ${axis} of [${shape.join(", ")}]`);
  }
  return { scales, zeroPoints, axis };
}

function readSignature(signature: FlatTable): TfliteSignature {
  const names = (field: number): ReadonlyMap<string, number> => {
    return new Map(signature.tables(field).map((entry) => [entry.text(0), entry.uint32(1)]));
  };
  return { key: signature.text(2), subgraph: signature.uint32(4), inputs: names(0), outputs: names(1) };
}

function openConstant({ dtype, shape, quantization }: TfliteTensor, stored: Uint8Array): LazyTensor {
  const plain = lazyTensor(dtype, shape, () => stored);
  const { load } = plain;
  if (quantization === undefined || load === undefined) return plain;
  return { dtype, shape, load: () => dequantize(load(), shape, quantization) };
}

/**
 * scale (stored - zeroPoint), each axis position with its own pair where there are several.
 *
 * Memory   result is a fresh copy
 * Numerics the product rounded to float32 once, as TFLite does
 */
function dequantize(
  stored: Float32Array,
  shape: readonly number[],
  { scales, zeroPoints, axis }: TfliteQuantization,
): Float32Array {
  const stride = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  return stored.map((value, index) => {
    const channel = scales.length === 1 ? 0 : Math.floor(index / stride) % scales.length;
    return (scales[channel] as number) * (value - (zeroPoints[channel] as number));
  });
}
