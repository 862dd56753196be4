import { describe, expect, it } from "vitest";
import {
  readContainer,
  readContainerInfo,
  readFrames,
  recoverContainer,
  writeContainer,
} from "../../../src/container/index";
import { crc32c } from "../../../src/kernels/crc32c";
import type { TokenFrames } from "../../../src/tokens/token-frames";
import { containerErrorOf } from "../../helpers/container-error";
import { makeTokens } from "../../helpers/token-samples";

const tokens = makeTokens(1000, { paddingSamples: 123 });
const bytes = writeContainer(tokens, { framesPerPacket: 100, metadata: { title: "ten packets" } });
const starts = packetStarts(bytes);

/** Where the ten packets begin, and the trailer: by the lengths in the trailer. */
function packetStarts(file: Uint8Array): number[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const trailer = file.length - view.getUint32(file.length - 8, true);
  const lengths = Array.from({ length: view.getUint32(trailer + 2, true) }, (_, index) => {
    const at = trailer + 14 + 3 * index;
    return view.getUint16(at, true) + 0x10000 * view.getUint8(at + 2);
  });
  const offsets = [trailer];
  for (const length of lengths.reverse()) offsets.unshift((offsets[0] ?? 0) - length);
  return offsets;
}

function start(packet: number): number {
  return starts[packet] ?? 0;
}

function edited(change: (copy: Uint8Array) => void): Uint8Array {
  const copy = bytes.slice();
  change(copy);
  return copy;
}

function flipped(...offsets: number[]): Uint8Array {
  return edited((copy) => {
    for (const offset of offsets) copy[offset] = (copy[offset] ?? 0) ^ 0x10;
  });
}

/** The file with other lengths in the index for its first two packets, and the checksum put right. */
function withIndex(first: (length: number) => number, second = (length: number) => length): Uint8Array {
  return edited((copy) => {
    const view = new DataView(copy.buffer);
    const at = start(10) + 14;
    view.setUint16(at, first(view.getUint16(at, true)), true);
    view.setUint16(at + 3, second(view.getUint16(at + 3, true)), true);
    view.setUint32(copy.length - 12, crc32c(copy, start(10), copy.length - 12), true);
  });
}

/** The codes with these frames set to 0, as recovery leaves lost ones. */
function without(...ranges: readonly (readonly [number, number])[]): Uint16Array {
  const codes = tokens.codes.slice();
  for (const [from, to] of ranges) codes.fill(0, from * 4, to * 4);
  return codes;
}

/** What recovery gives when these frames are lost. */
function losing(...ranges: readonly (readonly [number, number])[]): TokenFrames {
  const lostFrames = new Uint8Array(tokens.codes.length / 4);
  for (const [from, to] of ranges) lostFrames.fill(1, from, to);
  return { ...tokens, codes: without(...ranges), lostFrames };
}

describe("readContainer", () => {
  it("gives back what was written", () => {
    expect(readContainer(bytes)).toEqual(tokens);
  });

  it.each([
    ["no frames", makeTokens(0)],
    ["two channels", makeTokens(30, { numChannels: 2, numCodebooks: 3 })],
    ["the largest codebook", makeTokens(300, { numCodebooks: 1, codebookSize: 65536, texture: "uniform" })],
    ["a frame rate that is no whole number", makeTokens(9, { sampleRate: 44100, frameRate: 44100 / 512 })],
    ["padding of more than a frame", makeTokens(9, { paddingSamples: 700 })],
  ])("gives back %s", (_, sample) => {
    expect(readContainer(writeContainer(sample))).toEqual(sample);
  });

  it("reads a view into a larger buffer", () => {
    const larger = new Uint8Array(bytes.length + 20);
    larger.set(bytes, 7);
    expect(readContainer(larger.subarray(7, 7 + bytes.length))).toEqual(tokens);
  });

  it("reads a Buffer, and refuses what is no Uint8Array", () => {
    expect(readContainer(Buffer.from(bytes))).toEqual(tokens);
    for (const wrong of [bytes.buffer, "text", [...bytes], undefined] as unknown as Uint8Array[]) {
      expect(() => readContainer(wrong)).toThrow(TypeError);
      expect(() => readContainerInfo(wrong)).toThrow('"bytes" expected a Uint8Array');
    }
  });

  it.each([
    ["the mark of a packet", start(3), "bad-packet", 3],
    ["the payload of a packet", start(3) + 40, "checksum-mismatch", 3],
    ["the checksum of a packet", start(4) - 1, "checksum-mismatch", 3],
    ["the number of a packet", start(3) + 7, "bad-packet", 3],
  ])("names code, byte and packet when %s is damaged", (_, offset, code, packetIndex) => {
    const error = containerErrorOf(() => readContainer(flipped(offset)));
    expect(error).toMatchObject({ code, packetIndex, isSkippable: true });
    expect(error.message).toMatch(new RegExp(`^packet ${packetIndex} expected`));
    expect(error.byteOffset).toBeGreaterThanOrEqual(start(packetIndex));
    expect(error.byteOffset).toBeLessThanOrEqual(offset);
  });

  it.each([
    ["the mark", start(10), "bad-packet"],
    ["the number of frames", start(10) + 6, "bad-packet"],
    ["the index", start(10) + 15, "checksum-mismatch"],
    ["the last byte", bytes.length - 1, "checksum-mismatch"],
  ])("names the trailer when %s of it is damaged", (_, offset, code) => {
    const error = containerErrorOf(() => readContainer(flipped(offset)));
    expect(error).toMatchObject({ code, packetIndex: undefined, isSkippable: true });
    expect(error.message).toMatch(/^the trailer expected/);
    expect(error.byteOffset).toBeGreaterThanOrEqual(start(10));
    expect(error.byteOffset).toBeLessThanOrEqual(offset);
  });

  it("names the part that is cut off", () => {
    const cut = (length: number) => containerErrorOf(() => readContainer(bytes.subarray(0, length))).message;
    expect(cut(start(3) + 20)).toMatch(/^packet 3 expected more, got the end/);
    expect(cut(bytes.length - 5)).toMatch(/^the trailer expected more, got the end/);
    expect(cut(start(5))).toMatch(/^the file expected a packet or the trailer, got the end/);
  });

  it("does not accept an index that does not add up", () => {
    const longer = withIndex((first) => first + 1);
    expect(containerErrorOf(() => readContainer(longer))).toMatchObject({
      code: "bad-packet",
      byteOffset: start(10) + 14,
    });
    expect(containerErrorOf(() => readContainerInfo(longer)).code).toBe("bad-packet");
    // The packets themselves are whole: recovery loses none.
    expect(recoverContainer(longer).tokens).toEqual(tokens);
  });

  it("names bytes behind the end, and packets that are missing", () => {
    const longer = new Uint8Array([...bytes, 0]);
    expect(containerErrorOf(() => readContainer(longer))).toMatchObject({
      code: "trailing-bytes",
      byteOffset: bytes.length,
      message: expect.stringMatching(/^the file expected the end, got more bytes/),
    });
    const shorter = new Uint8Array([...bytes.subarray(0, start(4)), ...bytes.subarray(start(5))]);
    const error = containerErrorOf(() => readContainer(shorter));
    expect(error).toMatchObject({ code: "bad-packet", byteOffset: start(4) + 6, packetIndex: 4 });
    expect(error.message).toContain("expected packet 4, got packet 5");
  });
});

describe("recoverContainer", () => {
  it("reports nothing on a whole file", () => {
    expect(recoverContainer(bytes)).toEqual({ tokens, damage: [] });
  });

  it("skips damaged packets and says which frames and bytes were lost", () => {
    const { tokens: left, damage } = recoverContainer(flipped(start(2) + 50, start(6) + 1, start(7) + 20));
    expect(left).toEqual(losing([200, 300], [600, 800]));
    expect(damage).toMatchObject([
      { byteOffset: start(2), byteLength: start(3) - start(2), firstFrame: 200, numFrames: 100 },
      { byteOffset: start(6), byteLength: start(8) - start(6), firstFrame: 600, numFrames: 200 },
    ]);
    expect(damage.map(({ error }) => error.code)).toEqual(["checksum-mismatch", "bad-packet"]);
  });

  it("finds the next packet behind deleted and behind inserted bytes", () => {
    const deleted = new Uint8Array([...bytes.subarray(0, start(4) + 30), ...bytes.subarray(start(4) + 37)]);
    expect(recoverContainer(deleted).tokens).toEqual(losing([400, 500]));
    const noise = [0x7e, 0xb1, 0x01, 0x05, 0, 0, 4, 0, 0, 0, 100, 0, 0x7e, 0x7e, 0xb2];
    const inserted = new Uint8Array([...bytes.subarray(0, start(4)), ...noise, ...bytes.subarray(start(4))]);
    const { tokens: all, damage } = recoverContainer(inserted);
    expect(all).toEqual(tokens);
    expect(damage).toMatchObject([{ byteOffset: start(4), byteLength: noise.length, firstFrame: 400, numFrames: 0 }]);
  });

  it("reports packets that are missing without a trace", () => {
    const shorter = new Uint8Array([...bytes.subarray(0, start(4)), ...bytes.subarray(start(6))]);
    const { tokens: left, damage } = recoverContainer(shorter);
    expect(left.codes).toEqual(without([400, 600]));
    expect(damage).toMatchObject([{ byteOffset: start(4), byteLength: 0, firstFrame: 400, numFrames: 200 }]);
  });

  it("takes the length from the trailer when the last packet is lost", () => {
    const { tokens: left, damage } = recoverContainer(flipped(start(9) + 20));
    expect(left).toEqual(losing([900, 1000]));
    expect(damage).toMatchObject([{ firstFrame: 900, numFrames: 100 }]);
  });

  it("reads what is there of a file that was cut off", () => {
    const { tokens: left, damage } = recoverContainer(bytes.subarray(0, start(3) + 30));
    expect(left).toEqual({ ...tokens, codes: tokens.codes.slice(0, 1200), numSamples: 300 * 320 });
    expect(damage).toMatchObject([{ byteOffset: start(3), byteLength: 30, firstFrame: 300, numFrames: 0 }]);
    expect(damage[0]?.error.code).toBe("truncated");
  });

  it("keeps everything when only the trailer is gone", () => {
    const { tokens: all, damage } = recoverContainer(bytes.subarray(0, start(10)));
    expect(all).toEqual(tokens);
    expect(damage).toMatchObject([{ byteOffset: start(10), byteLength: 0, error: { code: "truncated" } }]);
  });

  it("reports bytes behind the end", () => {
    const { tokens: all, damage } = recoverContainer(new Uint8Array([...bytes, ...bytes]));
    expect(all).toEqual(tokens);
    expect(damage).toMatchObject([
      { byteOffset: bytes.length, byteLength: bytes.length, error: { code: "trailing-bytes" } },
    ]);
  });

  it("does not fill a gap that the bytes do not make believable", () => {
    const far = edited((copy) => {
      const view = new DataView(copy.buffer);
      view.setUint32(start(5) + 6, 0x00ff_ffff, true);
      view.setUint32(start(6) - 4, crc32c(copy, start(5), start(6) - 4), true);
    });
    const { tokens: left, damage } = recoverContainer(far);
    expect(left).toEqual(losing([500, 600]));
    expect(damage.map(({ error }) => error.code)).toEqual(["limit-exceeded"]);
  });

  it("needs the header", () => {
    expect(containerErrorOf(() => recoverContainer(flipped(20))).code).toBe("checksum-mismatch");
  });
});

describe("readFrames", () => {
  it.each([
    [0, 1000],
    [0, 1],
    [99, 101],
    [100, 200],
    [450, 777],
    [999, 1000],
    [1000, 1000],
    [300, 300],
    [0, 0],
  ])("gives the frames [%i, %i)", (from, to) => {
    const part = readFrames(bytes, from, to);
    expect(part.codes).toEqual(tokens.codes.slice(from * 4, to * 4));
    expect(part.numSamples).toBe(Math.min(to * 320, tokens.numSamples) - Math.min(from * 320, tokens.numSamples));
  });

  it("looks at no packet but those it needs", () => {
    const others = flipped(start(0) + 20, start(3) - 1, start(6) + 1, start(9) + 30);
    expect(readFrames(others, 305, 590).codes).toEqual(tokens.codes.slice(305 * 4, 590 * 4));
    expect(containerErrorOf(() => readFrames(others, 305, 601))).toMatchObject({ packetIndex: 6 });
  });

  it.each([
    [-1, 5],
    [5, 4],
    [0, 1001],
    [0.5, 2],
    [Number.NaN, 1],
  ])("refuses the range [%d, %d)", (from, to) => {
    expect(() => readFrames(bytes, from, to)).toThrow(RangeError);
  });

  it("does not believe an index that points elsewhere", () => {
    const swapped = withIndex(
      (length) => length + 1,
      (length) => length - 1,
    );
    expect(containerErrorOf(() => readFrames(swapped, 150, 160)).code).toBe("bad-packet");
    const short = withIndex(
      (length) => length - 1,
      (length) => length + 1,
    );
    expect(containerErrorOf(() => readFrames(short, 0, 10)).code).toBe("bad-packet");
  });

  it("does not believe totals that the last packet does not keep", () => {
    const copy = writeContainer(makeTokens(15), { framesPerPacket: 10 });
    const view = new DataView(copy.buffer);
    const trailer = copy.length - 32;
    view.setUint32(trailer + 6, 20, true);
    view.setUint32(copy.length - 12, crc32c(copy, trailer, copy.length - 12), true);
    expect(readFrames(copy, 3, 15).codes.length).toBe(12 * 4);
    expect(containerErrorOf(() => readFrames(copy, 3, 16)).code).toBe("bad-packet");
  });
});

describe("readContainerInfo", () => {
  it("reads header and totals", () => {
    expect(readContainerInfo(bytes)).toMatchObject({
      codec: "test-codec",
      hopLength: 320,
      framesPerPacket: 100,
      metadata: { title: "ten packets" },
      numFrames: 1000,
      numSamples: 1000 * 320 - 123,
      numPackets: 10,
      byteLength: bytes.length,
    });
  });

  it("does not need the packets, but both ends", () => {
    expect(readContainerInfo(flipped(start(3), start(5) + 20)).numFrames).toBe(1000);
    expect(containerErrorOf(() => readContainerInfo(flipped(start(10) + 8))).code).toBe("checksum-mismatch");
    expect(containerErrorOf(() => readContainerInfo(bytes.subarray(0, -1)))).toMatchObject({
      code: "truncated",
      byteOffset: bytes.length - 1,
    });
  });
});
