/**
 * Nodes, weights and names -> the bytes of an ONNX ModelProto.
 *
 * The protobuf library writes every message but the weights' payload: passed through nested messages it would be copied
 * and shifted several times while the writer's buffer doubles, so the weights go straight to their place in a buffer of
 * the final size. Protobuf permits fields of a message in any order, so the result is an ordinary model file.
 *
 * Source   ONNX IR specification (IR version 8, opset 17); protobuf encoding guide
 */
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { GraphProtoSchema, ModelProtoSchema, TensorProtoSchema } from "./onnx.generated";

/** The opset that every op of this package is written for. */
const opsetVersion = 17n;
/** The oldest IR version that has opset 17: older runtimes and other tools can read it too. */
const irVersion = 8n;

/** Field numbers of the messages whose framing is written here. */
const modelGraphField = 7;
const graphInitializerField = 5;
const tensorRawDataField = 9;

/** Element types of `TensorProto.data_type`. */
export const elementType = { float: 1, int64: 7 } as const;

/** A constant of the graph: float32 numbers that are written on demand, or 64-bit integers. */
export type Initializer = { readonly name: string; readonly dims: readonly number[] } & (
  | { readonly write: (into: Float32Array) => void }
  | { readonly integers: readonly number[] }
);

/**
 * Writes a model.
 *
 * Memory   one buffer of the model's size and one of its largest weight; result is a fresh copy
 *
 * @param graph  the graph without its initializers
 */
export function serializeModel(
  graph: MessageInitShape<typeof GraphProtoSchema>,
  initializers: readonly Initializer[],
): Uint8Array {
  const model = toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion,
      producerName: "quantone",
      opsetImport: [{ domain: "", version: opsetVersion }],
    }),
  );
  const body = toBinary(GraphProtoSchema, create(GraphProtoSchema, graph));
  const heads = initializers.map(initializerHead);
  const graphLength = initializers.reduce((length, item, index) => {
    return length + (heads[index]?.length ?? 0) + payloadLength(item);
  }, body.length);
  const head = new BinaryWriter().tag(modelGraphField, WireType.LengthDelimited).uint32(graphLength).finish();
  const bytes = new Uint8Array(model.length + head.length + graphLength);
  let offset = 0;
  const append = (part: Uint8Array): void => {
    bytes.set(part, offset);
    offset += part.length;
  };
  for (const part of [model, head, body]) append(part);
  const payload = payloadWriter(initializers);
  for (const [index, item] of initializers.entries()) {
    append(heads[index] as Uint8Array);
    append(payload(item));
  }
  return bytes;
}

/** One `initializer` field up to its payload, which comes right behind. */
function initializerHead(item: Initializer): Uint8Array {
  const length = payloadLength(item);
  const tensor = toBinary(
    TensorProtoSchema,
    create(TensorProtoSchema, {
      name: item.name,
      dims: item.dims.map(BigInt),
      dataType: "integers" in item ? elementType.int64 : elementType.float,
    }),
  );
  const rawData = new BinaryWriter().tag(tensorRawDataField, WireType.LengthDelimited).uint32(length).finish();
  return new BinaryWriter()
    .tag(graphInitializerField, WireType.LengthDelimited)
    .uint32(tensor.length + rawData.length + length)
    .raw(tensor)
    .raw(rawData)
    .finish();
}

function payloadLength(item: Initializer): number {
  const numElements = item.dims.reduce((product, size) => product * size, 1);
  return numElements * ("integers" in item ? BigInt64Array : Float32Array).BYTES_PER_ELEMENT;
}

/**
 * Gives payloads as they lie in memory: little-endian, on every machine that the runtimes exist for.
 * One scratch buffer serves all: a payload's place in the model is seldom aligned, so floats cannot be written there.
 */
function payloadWriter(initializers: readonly Initializer[]): (item: Initializer) => Uint8Array {
  const scratch = new ArrayBuffer(initializers.reduce((longest, item) => Math.max(longest, payloadLength(item)), 0));
  return (item) => {
    const bytes = new Uint8Array(scratch, 0, payloadLength(item));
    if ("integers" in item) {
      new BigInt64Array(scratch, 0, item.integers.length).set(item.integers.map(BigInt));
    } else {
      const numbers = new Float32Array(scratch, 0, bytes.length / Float32Array.BYTES_PER_ELEMENT).fill(0);
      item.write(numbers);
    }
    return bytes;
  };
}
