/** Containers of codecs with segments: what version 2 adds, and what it refuses. */
import { describe, expect, it } from "vitest";
import {
  ContainerWriter,
  readContainer,
  readContainerInfo,
  readContainerStream,
  readFrames,
  recoverContainer,
  writeContainer,
} from "../../../src/container/index";
import { crc32c } from "../../../src/kernels/crc32c";
import { concatTokenFrames } from "../../../src/tokens/concat-token-frames";
import { splitSegments } from "../../../src/tokens/split-segments";
import { numFrames, type TokenFrames } from "../../../src/tokens/token-frames";
import { containerErrorOf } from "../../helpers/container-error";
import { partsOf } from "../../helpers/mutate-container";
import { makeSegmentedTokens, makeTokens } from "../../helpers/token-samples";

/** Five segments of 10 places, of which 340 samples leave the last one a single frame and the one before 10. */
const tokens = makeSegmentedTokens(4 * 85 + 6);
/** The fourth segment is cut short by the end, to 9 frames, and is the last of its packet. */
const cutShort = makeSegmentedTokens(4 * 85 + 1);

/** The file with bytes of part `part` replaced and the part's checksum put right; part 0 is the header. */
function forged(bytes: Uint8Array, part: number, at: number, values: readonly number[]): Uint8Array {
  const copy = bytes.slice();
  const { from, to } = partsOf(copy)[part] ?? { from: 0, to: 0 };
  copy.set(values, from + at);
  new DataView(copy.buffer).setUint32(to, crc32c(copy, from, to), true);
  return copy;
}

describe("a container with segments", () => {
  it("says version 2, and one without says version 1", () => {
    expect(writeContainer(tokens)[8]).toBe(2);
    expect(writeContainer(makeTokens(3))[8]).toBe(1);
  });

  it("takes 6 bytes a segment beside its packets", () => {
    const options = { framesPerPacket: 10, entropyCoding: false };
    const bytes = writeContainer(tokens, options);
    const packets = splitSegments(tokens).map(({ codes }) => Math.ceil((codes.length * 10) / 8));
    const payloads = packets.reduce((sum, length) => sum + length, 0);
    expect(bytes.length).toBe(46 + (bytes[10] ?? 0) + (19 + 6) * 5 + payloads);
    expect(readContainerInfo(bytes)).toMatchObject({ numSamples: 346, numFrames: 41, numPackets: 5 });
  });

  it("by default has packets of the segments that 256 frames lie in", () => {
    expect(readContainerInfo(writeContainer(tokens)).framesPerPacket).toBe(260);
    const wide = makeSegmentedTokens(100, { numCodebooks: 256, codebookSize: 65536, numChannels: 16 });
    expect(readContainerInfo(writeContainer(wide)).framesPerPacket).toBe(120);
  });

  it("fills up a segment that is cut short in front of the last", () => {
    const bytes = writeContainer(cutShort, { framesPerPacket: 20 });
    expect(numFrames(cutShort)).toBe(40);
    expect(readContainerInfo(bytes).numFrames).toBe(41);
    expect(readContainer(bytes)).toEqual(cutShort);
  });

  it("gives single segments to readFrames, and no parts of them", () => {
    const bytes = writeContainer(tokens, { framesPerPacket: 20 });
    expect(readFrames(bytes, 10, 20)).toEqual(splitSegments(tokens)[1]);
    expect(() => readFrames(bytes, 5, 20)).toThrow(/expected whole segments of 10/);
  });

  it("has no place for codes without scales", () => {
    const writer = new ContainerWriter(tokens);
    expect(() => writer.write(tokens.codes)).toThrow(TypeError);
  });

  it.each([
    ["packets of half a segment", { framesPerPacket: 15 }, /expected a multiple of 10/],
    ["packets of no segment", { framesPerPacket: 5 }, /expected a multiple of 10/],
  ])("is not written with %s", (_, options, message) => {
    expect(() => writeContainer(tokens, options)).toThrow(message);
  });

  it("is not written with segments behind the end of a signal", () => {
    const writer = new ContainerWriter(tokens);
    writer.writeTokens(makeSegmentedTokens(50));
    expect(() => writer.writeTokens(tokens)).toThrow(expect.objectContaining({ code: "shape-mismatch", expected: 10 }));
  });
});

describe("reading refuses", () => {
  const bytes = writeContainer(tokens, { framesPerPacket: 20 });
  const short = writeContainer(cutShort, { framesPerPacket: 20 });
  // Codec "test-codec", revision "r1", six numbers, an empty map: segmentSamples is byte 41, overlapSamples byte 42.
  const overlapOffset = 12 + (bytes[10] ?? 0) - 1;
  it.each<[string, Uint8Array, string, RegExp]>([
    ["an overlap of more than half a segment", forged(bytes, 0, overlapOffset, [51]), "bad-header", /segmentation/],
    ["segments of half a frame", forged(bytes, 0, overlapOffset - 1, [99]), "bad-header", /segmentation/],
    ["a segmentation that is none", forged(bytes, 0, overlapOffset - 1, [0xc0]), "bad-header", /segmentation/],
    ["packets of half a segment", forged(bytes, 0, overlapOffset - 3, [15]), "bad-header", /a multiple of 10/],
    ["a scale that is no number", forged(bytes, 1, 14, [0, 0, 0xc0, 0x7f]), "bad-packet", /scales that are finite/],
    ["a negative scale", forged(bytes, 1, 20, [0, 0, 0x80, 0xbf]), "bad-packet", /scales that are finite/],
    ["a segment with a frame too few", forged(bytes, 1, 12, [9, 0]), "bad-packet", /frames of segments of 170 samples/],
    ["more frames than places", forged(bytes, 1, 18, [11, 0]), "bad-packet", /frames of segments of 170/],
    ["a last segment of too few frames", forged(bytes, 3, 16, [0, 0]), "bad-packet", /frames of segments of 91/],
    ["padding of a whole frame", forged(bytes, 3, 12, [10]), "bad-packet", /padding that 41 frames can have/],
    ["a segment said to be whole where the end cut it", forged(short, 2, 18, [10, 0]), "bad-packet", /segments of 86/],
    ["a segment said to be cut where it is whole", forged(bytes, 2, 18, [9, 0]), "bad-packet", /segments of 91/],
  ])("%s", (_, file, code, message) => {
    const error = containerErrorOf(() => readContainer(file));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });
});

describe("recovering", () => {
  async function streamed(bytes: Uint8Array): Promise<TokenFrames> {
    const pieces: TokenFrames[] = [];
    for await (const piece of readContainerStream([bytes], { onDamage: () => {} })) pieces.push(piece);
    return concatTokenFrames(pieces);
  }

  it.each([
    ["whole", tokens, 2],
    ["cut short", cutShort, 2],
    ["at the end", tokens, 3],
  ])("puts silence in place of lost segments, the last of them %s", async (_, signal, part) => {
    const bytes = writeContainer(signal, { framesPerPacket: 20 });
    const { from } = partsOf(bytes)[part] ?? { from: 0 };
    bytes[from + 14] = (bytes[from + 14] ?? 0) ^ 1;
    const segments = splitSegments(signal);
    const first = 2 * (part - 1);
    const expected = segments.map((segment, index) =>
      index < first || index >= first + 2
        ? segment
        : { ...segment, codes: segment.codes.map(() => 0), scales: Float32Array.of(0) },
    );
    expect(recoverContainer(bytes).tokens).toEqual(concatTokenFrames(expected));
    expect(await streamed(bytes)).toEqual(concatTokenFrames(expected));
  });
});
