import { describe, expect, it } from "vitest";
import { readLyra, readLyraPacket, writeLyra, writeLyraPackets } from "../../../src/container/lyra/index";
import { assertTokenFrames, type TokenFrames } from "../../../src/tokens/token-frames";

/** Tokens whose values tell their places. */
function tokensOf(numFrames: number, numCodebooks: number): TokenFrames {
  const codes = Uint16Array.from({ length: numFrames * numCodebooks }, (_, at) => (at * 7 + (at >> 4)) % 16);
  const fixed = {
    codec: "lyra-v2",
    revision: "r",
    sampleRate: 16_000,
    frameRate: 50,
    numChannels: 1,
    codebookSize: 16,
  };
  return { ...fixed, numSamples: numFrames * 320, numCodebooks, codes };
}

describe("Lyra's packets", () => {
  it("hold the first stage in the highest bits of the first byte", () => {
    const codes = Uint16Array.from({ length: 16 }, (_, stage) => stage);
    const packet = writeLyra({ ...tokensOf(1, 16), codes });
    expect([...packet]).toEqual([0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef]);
  });

  it.each([
    [16, 8, 3200],
    [30, 15, 6000],
    [46, 23, 9200],
  ])("of %i stages take %i bytes and come back", (numCodebooks, numBytes, bitsPerSecond) => {
    const tokens = tokensOf(7, numCodebooks);
    const bytes = writeLyra(tokens);
    expect(bytes.length).toBe(7 * numBytes);
    expect(readLyra(bytes, { revision: "r", bitsPerSecond })).toEqual(tokens);
    // Seven packets of one length are no whole number of the others'.
    expect(readLyra(bytes, { revision: "r" })).toEqual(tokens);
    expect(readLyraPacket(bytes.subarray(0, numBytes), "r").codes).toEqual(tokens.codes.subarray(0, numCodebooks));
  });

  it("that did not come stand for a lost frame", () => {
    for (const packet of [undefined, new Uint8Array(0)]) {
      const lost = readLyraPacket(packet, "r");
      expect(lost).toMatchObject({ numSamples: 320, lostFrames: Uint8Array.of(1) });
      assertTokenFrames(lost);
    }
    expect(readLyraPacket(new Uint8Array(8), "r").lostFrames).toBeUndefined();
  });

  it("have no bytes where a frame is not sent, and go into no file then", () => {
    const tokens = tokensOf(4, 16);
    expect(writeLyraPackets(tokens).flatMap((packet) => [...packet])).toEqual([...writeLyra(tokens)]);
    const gappy = { ...tokens, lostFrames: Uint8Array.of(0, 1, 1, 0) };
    const packets = writeLyraPackets(gappy);
    expect(packets.map(({ length }) => length)).toEqual([8, 0, 0, 8]);
    const pieces = packets.map((packet) => readLyraPacket(packet, "r"));
    expect(pieces.map(({ lostFrames }) => lostFrames?.[0] ?? 0)).toEqual([0, 1, 1, 0]);
    expect(pieces[3]?.codes).toEqual(tokens.codes.subarray(48));
    expect(() => writeLyra(gappy)).toThrow(expect.objectContaining({ code: "codec-mismatch", frame: 1 }));
    expect(writeLyra({ ...tokens, lostFrames: new Uint8Array(4) })).toEqual(writeLyra(tokens));
  });

  it("of pieces are those of the whole", () => {
    const tokens = tokensOf(5, 30);
    const pieces = [tokens.codes.subarray(0, 60), tokens.codes.subarray(60)];
    const bytes = pieces.flatMap((codes) => [
      ...writeLyra({ ...tokens, codes, numSamples: (codes.length / 30) * 320 }),
    ]);
    expect(Uint8Array.from(bytes)).toEqual(writeLyra(tokens));
  });

  it("are not made of other tokens", () => {
    const tokens = tokensOf(2, 16);
    const mismatch = { name: "TokenError", code: "codec-mismatch" };
    expect(() => writeLyra({ ...tokens, codec: "speech-16k" })).toThrow(expect.objectContaining(mismatch));
    expect(() => writeLyra({ ...tokens, numCodebooks: 8 })).toThrow(expect.objectContaining(mismatch));
    expect(() => writeLyra({ ...tokens, numChannels: 2 })).toThrow(expect.objectContaining(mismatch));
    const outOfRange = { ...tokens, codes: tokens.codes.map(() => 16) };
    expect(() => writeLyra(outOfRange)).toThrow(expect.objectContaining({ code: "token-out-of-range" }));
  });
});

describe("reading .lyra files", () => {
  it("asks for the rate where the length leaves it open", () => {
    const bytes = writeLyra(tokensOf(15, 16));
    expect(() => readLyra(bytes, { revision: "r" })).toThrow(
      expect.objectContaining({
        name: "ContainerError",
        code: "bad-header",
        message: expect.stringMatching(/8 or 15/),
      }),
    );
    expect(readLyra(bytes, { revision: "r", bitsPerSecond: 3200 }).codes.length).toBe(15 * 16);
    expect(readLyra(bytes, { revision: "r", bitsPerSecond: 6000 }).codes.length).toBe(8 * 30);
  });

  it("refuses what is no whole number of packets", () => {
    const truncated = expect.objectContaining({ name: "ContainerError", code: "truncated" });
    expect(() => readLyra(new Uint8Array(22), { revision: "r" })).toThrow(truncated);
    expect(() => readLyra(new Uint8Array(24), { revision: "r", bitsPerSecond: 6000 })).toThrow(truncated);
    expect(() => readLyraPacket(new Uint8Array(9), "r")).toThrow(expect.objectContaining({ code: "bad-packet" }));
  });

  it("knows three rates", () => {
    expect(() => readLyra(new Uint8Array(8), { revision: "r", bitsPerSecond: 7000 })).toThrow(RangeError);
    expect(() => readLyra("text" as never, { revision: "r" })).toThrow(TypeError);
  });

  it("takes any bytes, as nothing in them can be wrong", () => {
    const bytes = Uint8Array.from({ length: 23 * 400 }, (_, at) => (at * 197 + (at >> 3)) & 255);
    const tokens = readLyra(bytes, { revision: "r", bitsPerSecond: 9200 });
    expect(writeLyra(tokens)).toEqual(bytes);
  });

  it("of no bytes is a signal without samples", () => {
    expect(readLyra(new Uint8Array(0), { revision: "r" })).toMatchObject({ numSamples: 0, codes: new Uint16Array(0) });
  });
});
