/** Several arrays, one behind the other, in a fresh one. */

type Numbers = Float32Array | Uint16Array | Uint8Array;

/** Memory   a copy, even of a single part */
export function concatFloats(parts: readonly Float32Array[]): Float32Array<ArrayBuffer> {
  return fill(new Float32Array(totalLength(parts)), parts);
}

/** Memory   a copy, even of a single part */
export function concatCodes(parts: readonly Uint16Array[]): Uint16Array<ArrayBuffer> {
  return fill(new Uint16Array(totalLength(parts)), parts);
}

/** Memory   a copy, even of a single part */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return fill(new Uint8Array(totalLength(parts)), parts);
}

function totalLength(parts: readonly Numbers[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}

function fill<Data extends Numbers>(whole: Data, parts: readonly Numbers[]): Data {
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
