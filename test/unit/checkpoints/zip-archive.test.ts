import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type ByteSource, memorySource } from "../../../src/checkpoints/byte-source";
import { ZipArchive } from "../../../src/checkpoints/torch/zip-archive";

const path = join(import.meta.dirname, "..", "..", "golden", "checkpoints", "gan-zip.pt");
const good = new Uint8Array(readFileSync(path));
const directoryOffset = find("PK\u0001\u0002");
const zip64Offset = find("PK\u0006\u0006");
const endOffset = find("PK\u0005\u0006");

function find(signature: string): number {
  return Buffer.from(good).indexOf(signature, 0, "latin1");
}

/** The archive with 32-bit numbers changed. */
function changed(...changes: readonly (readonly [offset: number, value: number])[]): ByteSource {
  const bytes = good.slice();
  for (const [offset, value] of changes) new DataView(bytes.buffer).setUint32(offset, value, true);
  return memorySource(bytes);
}

/** Where the directory's entry of a number begins. */
function entryOffset(index: number): number {
  let offset = directoryOffset;
  const view = new DataView(good.buffer);
  for (let skipped = 0; skipped < index; skipped++) {
    const lengths = [28, 30, 32].map((field) => view.getUint16(offset + field, true));
    offset += 46 + lengths.reduce((total, length) => total + length, 0);
  }
  return offset;
}

describe("an archive of PyTorch", () => {
  it("lists its entries, and says where each lies", () => {
    const archive = new ZipArchive(memorySource(good));
    const name = archive.names().find((candidate) => candidate.endsWith("/version")) ?? "";
    const entry = archive.get(name);
    expect(Buffer.from(good.subarray(entry?.offset, (entry?.offset ?? 0) + (entry?.byteLength ?? 0))).toString()).toBe(
      "3\n",
    );
    expect(archive.get("nothing")).toBeUndefined();
  });

  it("is opened without reading its data", () => {
    const source = memorySource(good);
    let numBytes = 0;
    const counting: ByteSource = {
      ...source,
      read(offset, length) {
        numBytes += length;
        return source.read(offset, length);
      },
    };
    // The search for the end alone may read 64 KiB, which here is everything: it counts once.
    new ZipArchive(counting);
    expect(numBytes - good.length).toBeLessThan(good.length - directoryOffset + 8 * 100);
  });
});

describe("a hostile archive", () => {
  const second = entryOffset(1);
  const first = entryOffset(0);
  const cases: [string, string, ByteSource][] = [
    ["has an entry inside another", "corrupt", changed([second + 42, 1])],
    ["has two entries of one place", "corrupt", changed([second + 42, 0])],
    ["has an entry beyond the file", "corrupt", changed([first + 20, 0x7fffffff], [first + 24, 0x7fffffff])],
    ["has an entry with two lengths", "corrupt", changed([first + 24, 1])],
    ["has a header beyond the file", "truncated", changed([first + 42, 0x7fffffff])],
    ["claims 2^32 - 1 entries", "limit-exceeded", changed([zip64Offset + 32, 0xffffffff])],
    ["claims entries that are not there", "corrupt", changed([zip64Offset + 32, 100])],
    ["claims a directory of 3 GiB", "limit-exceeded", changed([zip64Offset + 40, 0xc0000000])],
    ["has its directory beyond the file", "truncated", changed([zip64Offset + 48, 0x7fffffff])],
    ["has its directory at 2^62", "corrupt", changed([zip64Offset + 52, 0x40000000])],
    ["has no zip64 record where it says", "corrupt", changed([endOffset - 20 + 8, 0])],
    ["has no end", "truncated", memorySource(good.subarray(0, endOffset))],
    ["is empty", "truncated", memorySource(new Uint8Array(0))],
    ["calls an entry by two names", "corrupt", changed([30, 0x78787878])],
  ];
  it.each(cases)("that %s is a typed error", (_, code, source) => {
    expect(() => new ZipArchive(source)).toThrow(expect.objectContaining({ name: "CheckpointError", code }));
  });

  it("with a compressed entry is refused when that is wanted, not before", () => {
    // Method 8 in both places, as a packing program writes it.
    const bytes = good.slice();
    for (const offset of [first + 10, 8]) bytes[offset] = 8;
    const archive = new ZipArchive(memorySource(bytes));
    const [name = ""] = archive.names().filter((candidate) => candidate.endsWith("data.pkl"));
    expect(() => archive.get(name)).toThrow(expect.objectContaining({ code: "unsupported-format" }));
  });
});
