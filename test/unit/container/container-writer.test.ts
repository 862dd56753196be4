import { describe, expect, it } from "vitest";
import {
  ContainerWriter,
  readContainer,
  readContainerInfo,
  writeContainer,
  writeContainerStream,
} from "../../../src/container/index";
import { bitsPerToken, rawBytes } from "../../../src/container/limits";
import { TokenError } from "../../../src/errors";
import { makeTokens } from "../../helpers/token-samples";

/** Bytes of framing as docs/format.md counts them: 46, the MessagePack header, and 19 a packet. */
function framingBytes(bytes: Uint8Array): number {
  const messagePackBytes = (bytes[10] ?? 0) + 256 * (bytes[11] ?? 0);
  return 46 + messagePackBytes + 19 * readContainerInfo(bytes).numPackets;
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return new Uint8Array(Buffer.concat(parts));
}

describe("writeContainer", () => {
  it.each([0, 1, 255, 256, 257, 1000])(
    "frames packed tokens with exactly the documented bytes (F = %i)",
    (numFrames) => {
      const tokens = makeTokens(numFrames, { texture: "uniform" });
      const bytes = writeContainer(tokens, { entropyCoding: false });
      const packets = Array.from({ length: Math.ceil(numFrames / 256) }, (_, index) =>
        rawBytes(tokens, Math.min(256, numFrames - 256 * index)),
      );
      expect(bytes.length).toBe(framingBytes(bytes) + packets.reduce((sum, length) => sum + length, 0));
    },
  );

  it("makes no file longer by entropy coding", () => {
    for (const texture of ["uniform", "markov", "constant"] as const) {
      for (const codebookSize of [2, 3, 16, 1000, 1024, 65536]) {
        for (const numFrames of [0, 1, 2, 10, 300]) {
          const tokens = makeTokens(numFrames, { texture, codebookSize });
          const packed = writeContainer(tokens, { entropyCoding: false }).length;
          expect(writeContainer(tokens).length).toBeLessThanOrEqual(packed);
        }
      }
    }
  });

  it("shrinks tokens that repeat", () => {
    // 0.82 here; a coder that learns nothing gives 1.03, framing included.
    const tokens = makeTokens(1000);
    const packed = (tokens.codes.length * bitsPerToken(tokens.codebookSize)) / 8;
    expect(writeContainer(tokens).length).toBeLessThan(0.9 * packed);
  });

  it("neither changes its input nor keeps it", () => {
    const tokens = makeTokens(300);
    const before = tokens.codes.slice();
    const bytes = writeContainer(tokens);
    expect(tokens.codes).toEqual(before);
    tokens.codes.fill(0);
    expect(readContainer(bytes).codes).toEqual(before);
  });

  it("takes a view into a larger buffer", () => {
    const tokens = makeTokens(10);
    const larger = new Uint16Array(100);
    larger.set(tokens.codes, 30);
    const view = larger.subarray(30, 30 + tokens.codes.length);
    expect(writeContainer({ ...tokens, codes: view })).toEqual(writeContainer(tokens));
  });

  it.each([
    ["more samples than frames", { numSamples: 3201 }, RangeError, '"numSamples" expected at most 3200'],
    ["negative samples", { numSamples: -1 }, RangeError, '"numSamples"'],
    ["half a sample", { numSamples: 0.5 }, RangeError, '"numSamples"'],
    ["half a frame", { codes: new Uint16Array(5) }, TokenError, '"codes" expected a multiple'],
    ["a token out of range", { codes: Uint16Array.of(0, 0, 0, 1024) }, TokenError, "token 1024 of frame 0, stage 3"],
  ])("refuses %s", (_, wrong, kind, message) => {
    const write = () => writeContainer({ ...makeTokens(10), ...wrong });
    expect(write).toThrow(kind);
    expect(write).toThrow(message);
  });
});

describe("ContainerWriter", () => {
  it.each([1, 3, 255, 256, 257, 600, 2000])("writes the same bytes for pieces of %i frames", (pieceFrames) => {
    const tokens = makeTokens(1024, { paddingSamples: 100 });
    const writer = new ContainerWriter(tokens, { metadata: { title: "pieces" } });
    const parts: Uint8Array[] = [];
    for (let at = 0; at < tokens.codes.length; at += 4 * pieceFrames) {
      parts.push(writer.write(tokens.codes.subarray(at, at + 4 * pieceFrames)));
    }
    parts.push(writer.finish(tokens.numSamples));
    expect(new Uint8Array(Buffer.concat(parts))).toEqual(writeContainer(tokens, { metadata: { title: "pieces" } }));
  });

  it("gives a packet out as soon as the next frame has come", () => {
    const { codes, ...format } = makeTokens(9, { texture: "uniform" });
    const writer = new ContainerWriter(format, { framesPerPacket: 4 });
    const lengths = Array.from(
      { length: 9 },
      (_, frame) => writer.write(codes.subarray(4 * frame, 4 * frame + 4)).length,
    );
    // 4 frames of 4 tokens of 10 bits are 20 bytes, and 16 of framing.
    expect(lengths).toEqual([lengths[0], 0, 0, 0, 36, 0, 0, 0, 36]);
    expect(lengths[0]).toBeGreaterThan(16);
  });

  it("is closed after it has finished", () => {
    const writer = new ContainerWriter(makeTokens(0));
    writer.finish(0);
    expect(() => writer.write(new Uint16Array(0))).toThrow(TypeError);
    expect(() => writer.finish(0)).toThrow(TypeError);
  });

  it("shortens packets by default where frames are large", () => {
    const tokens = makeTokens(0, { numChannels: 64, numCodebooks: 256, codebookSize: 65536 });
    expect(new ContainerWriter(tokens).header.framesPerPacket).toBe(32);
  });
});

describe("writeContainerStream", () => {
  it("writes the bytes of the whole signal", async () => {
    const tokens = makeTokens(700, { paddingSamples: 5 });
    const pieces = [
      { ...tokens, codes: tokens.codes.subarray(0, 400), numSamples: 32000 },
      { ...tokens, codes: tokens.codes.subarray(400, 400), numSamples: 0 },
      { ...tokens, codes: tokens.codes.subarray(400), numSamples: tokens.numSamples - 32000 },
    ];
    expect(await collect(writeContainerStream(pieces))).toEqual(writeContainer(tokens));
  });

  it("refuses a piece of another codec, and no piece at all", async () => {
    const pieces = [makeTokens(2), makeTokens(2, { codec: "other" })];
    await expect(collect(writeContainerStream(pieces))).rejects.toMatchObject({ code: "codec-mismatch" });
    await expect(collect(writeContainerStream([]))).rejects.toThrow(TypeError);
  });
});

describe("frames that are marked as lost", () => {
  it("are refused, since a container cannot say that they are", () => {
    const tokens = makeTokens(10);
    const lostFrames = new Uint8Array(10);
    expect(writeContainer({ ...tokens, lostFrames })).toEqual(writeContainer(tokens));
    lostFrames[3] = 1;
    expect(() => writeContainer({ ...tokens, lostFrames })).toThrow(TokenError);
    expect(() => writeContainer({ ...tokens, lostFrames })).toThrow(/no place for frame 3/);
  });
});
