import { describe, expect, it } from "vitest";
import { concatTokenFrames } from "../../../src/tokens/concat-token-frames";
import { segmentFrameCounts } from "../../../src/tokens/segmentation";
import { splitSegments } from "../../../src/tokens/split-segments";
import { assertTokenFrames, type TokenFrames } from "../../../src/tokens/token-frames";
import { makeSegmentedTokens, testSegmentation } from "../../helpers/token-samples";

/** Frames of 10 samples in segments of 10 frames, which begin every 85 samples. */
const countsOf = (numSamples: number, numSegments: number, numFrames: number) =>
  segmentFrameCounts({ ...testSegmentation, hopLength: 10, numSegments, numSamples, numFrames });

describe("frames of segments", () => {
  it.each([
    [0, []],
    [1, [1]],
    [85, [9]],
    // One sample belongs to a second segment, which is all overlap; the first ends with the signal, after 9 frames.
    [86, [9, 1]],
    [91, [10, 1]],
    [100, [10, 2]],
    [170, [10, 9]],
    [171, [10, 9, 1]],
    [250, [10, 10, 8]],
  ])("of a signal of %i samples are %o", (numSamples, counts) => {
    const numFrames = counts.reduce((sum, count) => sum + count, 0);
    expect(countsOf(numSamples, counts.length, numFrames)).toEqual(counts);
  });

  it("of a piece that others follow are whole, or reach as far as the others", () => {
    expect(countsOf(170, 2, 20)).toEqual([10, 10]);
    expect(countsOf(85, 1, 10)).toEqual([10]);
  });

  it.each([
    ["a segment too few", 171, 2, 20],
    ["a segment too many", 170, 3, 20],
    ["a frame too few", 250, 3, 27],
    ["a frame too many at the end of a signal", 250, 3, 29],
    ["more than a whole segment", 170, 2, 21],
    ["frames without segments", 0, 0, 1],
    ["half a segment", 170, 1.5, 15],
  ])("refuse %s", (_, numSamples, numSegments, numFrames) => {
    expect(countsOf(numSamples, numSegments, numFrames)).toBeUndefined();
  });
});

describe("splitSegments and concatTokenFrames", () => {
  it.each([0, 1, 86, 91, 250, 1000])("take %i samples apart and join them again", (numSamples) => {
    const tokens = makeSegmentedTokens(numSamples, { numChannels: 2 });
    assertTokenFrames(tokens);
    const pieces = splitSegments(tokens);
    expect(pieces.length).toBe(Math.ceil(numSamples / 85));
    for (const piece of pieces) expect(() => assertTokenFrames(piece)).not.toThrow();
    if (pieces.length > 0) expect(concatTokenFrames(pieces)).toEqual(tokens);
  });

  it("give each segment its scales", () => {
    const tokens = makeSegmentedTokens(250, { numChannels: 2 });
    expect(splitSegments(tokens).map(({ scales }) => [...(scales ?? [])])).toEqual(
      [0, 2, 4].map((at) => [...(tokens.scales ?? []).slice(at, at + 2)]),
    );
  });

  it("refuse to go on behind the end of a signal", () => {
    const tokens = makeSegmentedTokens(250);
    expect(() => concatTokenFrames([tokens, tokens])).toThrow(/"numSamples" expected 255 of a piece before the last/);
    const { segmentation: _, scales: __, ...plain } = tokens;
    expect(() => splitSegments(plain)).toThrow(TypeError);
  });
});

describe("assertTokenFrames refuses", () => {
  const tokens = makeSegmentedTokens(250);
  const { segmentation: _, ...withoutSegmentation } = tokens;
  const { scales: __, ...withoutScales } = tokens;
  const other = (segmentation: object) => ({ ...tokens, segmentation: { ...testSegmentation, ...segmentation } });
  it.each<[string, TokenFrames, RegExp]>([
    ["scales alone", withoutSegmentation, /only scales/],
    ["a segmentation alone", withoutScales, /only a segmentation/],
    ["a scale too few", { ...tokens, scales: Float32Array.of(1, 1) }, /28 frames in 2 segments/],
    ["a length of another signal", { ...tokens, numSamples: 260 }, /what 260 samples are cut into/],
    ["segments of half a frame", other({ segmentSamples: 105 }), /"segmentSamples" expected a multiple of 10/],
    ["an overlap of more than half", other({ overlapSamples: 51 }), /"overlapSamples" expected 0 to half of 100/],
  ])("%s", (_name, changed, message) => {
    expect(() => assertTokenFrames(changed)).toThrow(expect.objectContaining({ code: "shape-mismatch" }));
    expect(() => assertTokenFrames(changed)).toThrow(message);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, -1])("a scale of %d", (scale) => {
    const changed = { ...tokens, scales: Float32Array.of(1, scale, 1) };
    expect(() => assertTokenFrames(changed)).toThrow(expect.objectContaining({ code: "token-out-of-range" }));
  });

  it("scales of another type", () => {
    expect(() => assertTokenFrames({ ...tokens, scales: [1, 1, 1] as unknown as Float32Array })).toThrow(TypeError);
  });
});
