/** Little-endian half, brain, single and double precision numbers, and integers -> float32. */

/** Scales a float32 whose exponent field came from a half: the biases of the two differ by 112. */
const halfScale = 2 ** 112;

/**
 * Half precision (IEEE 754 binary16). Exact: float32 has every value of it.
 *
 * The bits are moved to their places in a float32 and the exponent's bias is mended by a product, which is also right
 * for subnormal numbers. A table of all 65,536 values is as fast once the machine code is there, but slower in the first
 * second of a process, which is when weights are read (2.7 M numbers: 9 and 15 ms; Node 20, EPYC, November 2026).
 *
 * Memory   result is a fresh copy
 * Numerics NaN stays NaN; infinities, subnormal numbers and the sign of zero are kept
 */
export function decodeFloat16(bytes: Uint8Array): Float32Array {
  const patterns = viewAs(bytes, Uint16Array);
  const bits = new Uint32Array(patterns.length);
  const numbers = new Float32Array(bits.buffer);
  let carries = 0;
  for (let index = 0; index < patterns.length; index++) {
    const pattern = patterns[index] as number;
    // Carries into bit 15 when all bits of the exponent are set.
    carries |= (pattern & 0x7c00) + 0x0400;
    bits[index] = ((pattern & 0x8000) << 16) | ((pattern & 0x7fff) << 13);
    numbers[index] = (numbers[index] as number) * halfScale;
  }
  if ((carries & 0x8000) !== 0) restoreNonFinite(patterns, numbers);
  return numbers;
}

/** Infinity and NaN have no bias to mend: they came out as numbers beyond the range of half precision. */
function restoreNonFinite(patterns: Uint16Array, numbers: Float32Array): void {
  for (const [index, pattern] of patterns.entries()) {
    if ((pattern & 0x7c00) !== 0x7c00) continue;
    const infinity = pattern & 0x8000 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
    numbers[index] = (pattern & 0x3ff) === 0 ? infinity : Number.NaN;
  }
}

/**
 * Brain floating point: the upper half of a float32.
 *
 * Memory   result is a fresh copy
 */
export function decodeBfloat16(bytes: Uint8Array): Float32Array {
  const patterns = viewAs(bytes, Uint16Array);
  const numbers = new Uint32Array(patterns.length);
  for (let index = 0; index < patterns.length; index++) numbers[index] = (patterns[index] as number) << 16;
  return new Float32Array(numbers.buffer);
}

/**
 * Single precision as it is.
 *
 * Memory   a view of `bytes` where that is aligned to four bytes, a fresh copy elsewhere
 */
export function decodeFloat32(bytes: Uint8Array): Float32Array {
  return viewAs(bytes, Float32Array);
}

/**
 * Double precision.
 *
 * Memory   result is a fresh copy
 * Numerics the nearest float32; beyond its range an infinity
 */
export function decodeFloat64(bytes: Uint8Array): Float32Array {
  return Float32Array.from(viewAs(bytes, Float64Array));
}

interface ArrayType<Numbers> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): Numbers;
}

/**
 * Integers of up to 32 bits.
 *
 * Memory   result is a fresh copy
 * Numerics beyond 2^24 the nearest float32
 */
export function decodeIntegers(bytes: Uint8Array, type: ArrayType<ArrayLike<number>>): Float32Array {
  return Float32Array.from(viewAs(bytes, type));
}

/**
 * Integers of 64 bits.
 *
 * Memory   result is a fresh copy
 * Numerics beyond 2^24 the nearest float32
 */
export function decodeBigIntegers(bytes: Uint8Array, type: ArrayType<ArrayLike<bigint>>): Float32Array {
  return Float32Array.from(viewAs(bytes, type), Number);
}

function viewAs<Numbers>(bytes: Uint8Array, type: ArrayType<Numbers>): Numbers {
  const aligned = bytes.byteOffset % type.BYTES_PER_ELEMENT === 0 ? bytes : bytes.slice();
  return new type(aligned.buffer, aligned.byteOffset, bytes.byteLength / type.BYTES_PER_ELEMENT);
}
