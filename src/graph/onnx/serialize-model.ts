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

/** A weight or another constant. `data` is written as it lies in memory, which is little-endian wherever Node runs ORT. */
export interface Initializer {
  readonly name: string;
  readonly dims: readonly number[];
  readonly data: Float32Array | BigInt64Array;
}

/**
 * Writes a model.
 *
 * Memory   reads the weights once and copies them once; keeps no reference to them
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
  const weights = initializers.flatMap(frameInitializer);
  const graphLength = weights.reduce((length, part) => length + part.byteLength, body.byteLength);
  const head = new BinaryWriter().tag(modelGraphField, WireType.LengthDelimited).uint32(graphLength).finish();
  return concatenate([model, head, body, ...weights]);
}

/** The two parts of one `initializer` field: everything up to the payload, and the payload as a view. */
function frameInitializer({ name, dims, data }: Initializer): [Uint8Array, Uint8Array] {
  const payload = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const tensor = toBinary(
    TensorProtoSchema,
    create(TensorProtoSchema, {
      name,
      dims: dims.map(BigInt),
      dataType: data instanceof Float32Array ? elementType.float : elementType.int64,
    }),
  );
  const rawData = new BinaryWriter().tag(tensorRawDataField, WireType.LengthDelimited).uint32(payload.length).finish();
  const head = new BinaryWriter()
    .tag(graphInitializerField, WireType.LengthDelimited)
    .uint32(tensor.length + rawData.length + payload.length)
    .raw(tensor)
    .raw(rawData)
    .finish();
  return [head, payload];
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.byteLength, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.byteLength;
  }
  return bytes;
}
