/**
 * CRC-32C over bytes: the checksum of container packets.
 *
 * Ladder   bitwise (crc32c.reference.ts): 8 steps a byte; the twin that tests compare with
 *          one table of 256 (here): one look-up a byte, 1 KiB of table
 *          Tables for four or eight bytes a step stay out: a second of tokens is under 1 KiB, an hour under 3 MiB.
 * Source   Castagnoli, Bräuer, Herrmann 1993, polynomial 0x1EDC6F41 (reflected 0x82F63B78), as in RFC 3720 section 12.1
 */

const REFLECTED_POLYNOMIAL = 0x82f63b78;

function buildTable(): Int32Array {
  const table = new Int32Array(256);
  for (let index = 0; index < 256; index++) {
    let remainder = index;
    for (let bit = 0; bit < 8; bit++) {
      remainder = remainder & 1 ? (remainder >>> 1) ^ REFLECTED_POLYNOMIAL : remainder >>> 1;
    }
    table[index] = remainder;
  }
  return table;
}

const table = /* @__PURE__ */ buildTable();

/**
 * The CRC-32C of `bytes[start, end)`.
 *
 * Memory   reads `bytes`, keeps no reference, allocates nothing
 * Cost     O(end - start)
 * @param previous  checksum of the bytes before these, so that a long run can be summed in parts; 0 to begin
 */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length, previous = 0): number {
  let remainder = ~previous;
  for (let at = start; at < end; at++) {
    remainder = (remainder >>> 8) ^ table[(remainder ^ bytes[at]) & 0xff];
  }
  return ~remainder >>> 0;
}
