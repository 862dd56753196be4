import { describe, expect, it } from "vitest";
import { concatTokenFrames } from "../../../src/tokens/concat-token-frames";
import { assertSameFormat, assertTokenFrames, bitsPerSecond, numFrames } from "../../../src/tokens/token-frames";
import { makeTokens } from "../../helpers/token-samples";

const tokens = makeTokens(10, { numChannels: 2, numCodebooks: 3 });

describe("numFrames and bitsPerSecond", () => {
  it("count frames of all channels and stages", () => {
    expect(numFrames(tokens)).toBe(10);
    expect(numFrames(makeTokens(0))).toBe(0);
    // 50 frames of 2 channels, 3 stages and 10 bits.
    expect(bitsPerSecond(tokens)).toBe(3000);
  });
});

describe("assertTokenFrames", () => {
  it("passes whole frames of tokens in range, and none", () => {
    expect(() => assertTokenFrames(tokens)).not.toThrow();
    expect(() => assertTokenFrames(makeTokens(0))).not.toThrow();
  });

  it("names frame and stage of the first token out of range", () => {
    const codes = tokens.codes.slice();
    codes[4 * 6 + 5] = 1024;
    codes[59] = 2000;
    expect(() => assertTokenFrames({ ...tokens, codes })).toThrow(
      expect.objectContaining({ code: "token-out-of-range", frame: 4, stage: 2, expected: 1024, actual: 1024 }),
    );
  });

  it("refuses codes of another type", () => {
    const plain = [...tokens.codes] as unknown as Uint16Array;
    expect(() => assertTokenFrames({ ...tokens, codes: plain })).toThrow('"codes" expected a Uint16Array');
  });

  it("refuses half a frame, and shapes without frames", () => {
    const half = { ...tokens, codes: tokens.codes.subarray(3) };
    expect(() => assertTokenFrames(half)).toThrow(expect.objectContaining({ code: "shape-mismatch", expected: 6 }));
    expect(() => assertTokenFrames({ ...tokens, numCodebooks: 0 })).toThrow(
      expect.objectContaining({ code: "shape-mismatch" }),
    );
  });
});

describe("marks of lost frames", () => {
  it("are one for each frame, as bytes", () => {
    const frames = numFrames(tokens);
    assertTokenFrames({ ...tokens, lostFrames: new Uint8Array(frames) });
    const short = { ...tokens, lostFrames: new Uint8Array(frames - 1) };
    expect(() => assertTokenFrames(short)).toThrow(
      expect.objectContaining({ code: "shape-mismatch", expected: frames, actual: frames - 1 }),
    );
    const plain = { ...tokens, lostFrames: new Array(frames).fill(0) as unknown as Uint8Array };
    expect(() => assertTokenFrames(plain)).toThrow(TypeError);
    const odd = { ...tokens, lostFrames: new Uint8Array(frames).fill(2, 7, 8) };
    expect(() => assertTokenFrames(odd)).toThrow(
      expect.objectContaining({ code: "token-out-of-range", frame: 7, expected: 1, actual: 2 }),
    );
  });

  it("stay with their frames when pieces are joined", () => {
    const first = {
      ...tokens,
      codes: tokens.codes.slice(0, 24),
      numSamples: 1280,
      lostFrames: Uint8Array.of(0, 1, 0, 1),
    };
    const rest = { ...tokens, codes: tokens.codes.slice(24), numSamples: tokens.numSamples - 1280 };
    const marks = new Uint8Array(numFrames(tokens));
    marks.set([0, 1, 0, 1]);
    expect(concatTokenFrames([first, rest])).toEqual({ ...tokens, lostFrames: marks });
    expect(concatTokenFrames([{ ...first, lostFrames: new Uint8Array(4).fill(1) }, rest]).lostFrames?.[3]).toBe(1);
  });
});

describe("assertSameFormat and concatTokenFrames", () => {
  it.each([
    { codec: "other" },
    { revision: "r2" },
    { sampleRate: 24000 },
    { frameRate: 75 },
    { numChannels: 1 },
    { numCodebooks: 4 },
    { codebookSize: 2048 },
  ])("refuse a piece with %o", (other) => {
    const [field = ""] = Object.keys(other);
    expect(() => assertSameFormat(tokens, { ...tokens, ...other })).toThrow(`"${field}" expected`);
    expect(() => concatTokenFrames([tokens, { ...tokens, ...other }])).toThrow(
      expect.objectContaining({ code: "codec-mismatch" }),
    );
  });

  it("join codes and lengths in order", () => {
    const first = { ...tokens, codes: tokens.codes.slice(0, 24), numSamples: 1280 };
    const rest = { ...tokens, codes: tokens.codes.slice(24), numSamples: tokens.numSamples - 1280 };
    expect(concatTokenFrames([first, rest])).toEqual(tokens);
    expect(() => concatTokenFrames([])).toThrow(RangeError);
  });
});
