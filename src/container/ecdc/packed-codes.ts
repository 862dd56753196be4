/**
 * Codes packed with the least significant bit first, each into the lowest free bits, as `.ecdc` files have them.
 *
 *     byte 0            byte 1            10-bit codes a, b
 *     a7 ... a1 a0      b5 ... b0 a9 a8
 */

/** Bytes that `numCodes` codes take; the last is filled up with zeros. */
export function packedBytes(numCodes: number, bitsPerCode: number): number {
  return Math.ceil((numCodes * bitsPerCode) / 8);
}

/**
 * Packs codes.
 *
 * @param bitsPerCode  1 to 16; every code is below 2 to that power
 */
export function packCodes(codes: Uint16Array, bitsPerCode: number): Uint8Array {
  const bytes = new Uint8Array(packedBytes(codes.length, bitsPerCode));
  let position = 0;
  let pending = 0;
  let pendingBits = 0;
  for (const code of codes) {
    pending |= code << pendingBits;
    pendingBits += bitsPerCode;
    for (; pendingBits >= 8; pendingBits -= 8) {
      bytes[position++] = pending;
      pending >>>= 8;
    }
  }
  if (pendingBits > 0) bytes[position] = pending;
  return bytes;
}

/**
 * Unpacks codes. `bytes` holds `packedBytes(numCodes, bitsPerCode)` bytes or more.
 *
 * Memory   result is a fresh copy
 */
export function unpackCodes(bytes: Uint8Array, numCodes: number, bitsPerCode: number): Uint16Array {
  const codes = new Uint16Array(numCodes);
  const mask = (1 << bitsPerCode) - 1;
  let position = 0;
  let pending = 0;
  let pendingBits = 0;
  for (let index = 0; index < numCodes; index++) {
    for (; pendingBits < bitsPerCode; pendingBits += 8) pending |= (bytes[position++] as number) << pendingBits;
    codes[index] = pending & mask;
    pending >>>= bitsPerCode;
    pendingBits -= bitsPerCode;
  }
  return codes;
}
