/** The element types that weights files use, under the names that safetensors gave them, and how each becomes float32. */
import {
  decodeBfloat16,
  decodeBigIntegers,
  decodeFloat16,
  decodeFloat32,
  decodeFloat64,
  decodeIntegers,
} from "./float-formats";

/** How one element type is stored. Types without a decoder may be in a file, but cannot be taken from it. */
export interface ElementFormat {
  readonly bytesPerElement: number;
  readonly decode?: (bytes: Uint8Array) => Float32Array;
}

/** Every element type that is known by name. */
export const elementFormats: ReadonlyMap<string, ElementFormat> = new Map<string, ElementFormat>([
  ["F32", { bytesPerElement: 4, decode: decodeFloat32 }],
  ["F16", { bytesPerElement: 2, decode: decodeFloat16 }],
  ["BF16", { bytesPerElement: 2, decode: decodeBfloat16 }],
  ["F64", { bytesPerElement: 8, decode: decodeFloat64 }],
  ["I64", { bytesPerElement: 8, decode: (bytes) => decodeBigIntegers(bytes, BigInt64Array) }],
  ["U64", { bytesPerElement: 8, decode: (bytes) => decodeBigIntegers(bytes, BigUint64Array) }],
  ["I32", { bytesPerElement: 4, decode: (bytes) => decodeIntegers(bytes, Int32Array) }],
  ["U32", { bytesPerElement: 4, decode: (bytes) => decodeIntegers(bytes, Uint32Array) }],
  ["I16", { bytesPerElement: 2, decode: (bytes) => decodeIntegers(bytes, Int16Array) }],
  ["U16", { bytesPerElement: 2, decode: (bytes) => decodeIntegers(bytes, Uint16Array) }],
  ["I8", { bytesPerElement: 1, decode: (bytes) => decodeIntegers(bytes, Int8Array) }],
  ["U8", { bytesPerElement: 1, decode: (bytes) => decodeIntegers(bytes, Uint8Array) }],
  ["BOOL", { bytesPerElement: 1, decode: (bytes) => decodeIntegers(bytes, Uint8Array) }],
  ["F8_E4M3", { bytesPerElement: 1 }],
  ["F8_E5M2", { bytesPerElement: 1 }],
  ["C64", { bytesPerElement: 8 }],
  ["C128", { bytesPerElement: 16 }],
]);
