import { describe, expect, it } from "vitest";
import { crc32c } from "../../../src/kernels/crc32c";
import { crc32cReference } from "../../../src/kernels/crc32c.reference";
import { randomIntegers } from "../../helpers/token-samples";

// RFC 3720 appendix B.4: bytes and the CRC that an iSCSI digest must have. Plain CRC-32 gives 0x190a55ad for the zeros.
const vectors: readonly (readonly [string, Uint8Array, number])[] = [
  ["32 zeros", new Uint8Array(32), 0x8a9136aa],
  ["32 ones", new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ["32 ascending", Uint8Array.from({ length: 32 }, (_, index) => index), 0x46dd794e],
  ["32 descending", Uint8Array.from({ length: 32 }, (_, index) => 31 - index), 0x113fdb5c],
  ["the digits 1 to 9", new TextEncoder().encode("123456789"), 0xe3069283],
  ["nothing", new Uint8Array(0), 0],
];

describe.each([
  ["crc32c", (bytes: Uint8Array) => crc32c(bytes)],
  ["crc32cReference", crc32cReference],
])("%s", (_, checksum) => {
  it.each(vectors)("gives the published value for %s", (_name, bytes, expected) => {
    expect(checksum(bytes)).toBe(expected);
  });
});

describe("crc32c", () => {
  it("equals the bitwise reference for every length up to 300", () => {
    const random = randomIntegers(7);
    for (let length = 0; length <= 300; length++) {
      const bytes = Uint8Array.from({ length }, () => random(256));
      expect(crc32c(bytes)).toBe(crc32cReference(bytes));
    }
  });

  it("sums a run in parts, and a part of a run", () => {
    const bytes = Uint8Array.from({ length: 100 }, (_, index) => 3 * index);
    expect(crc32c(bytes, 40, 100, crc32c(bytes, 0, 40))).toBe(crc32c(bytes));
    expect(crc32c(bytes, 10, 20)).toBe(crc32cReference(bytes.subarray(10, 20)));
  });
});
