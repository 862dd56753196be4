/** CRC-32C by polynomial division, one bit at a time. Slow and plain: what `crc32c.ts` is checked against. */

/**
 * The CRC-32C of all of `bytes`.
 *
 * Source   RFC 3720 section 12.1: reflected input and output, all ones to begin with, complemented at the end
 */
export function crc32cReference(bytes: Uint8Array): number {
  let remainder = 0xffffffff;
  for (const byte of bytes) {
    remainder ^= byte;
    for (let bit = 0; bit < 8; bit++) {
      const carry = remainder & 1;
      remainder = (remainder >>> 1) ^ (carry === 1 ? 0x82f63b78 : 0);
    }
  }
  return ~remainder >>> 0;
}
