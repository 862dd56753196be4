/** Slices of what is in memory: nothing lost, nothing twice, nothing copied. */
import { describe, expect, it } from "vitest";
import { sliceAudio, sliceTokens } from "../../../src/streaming/slices";
import type { TokenFrames } from "../../../src/tokens/token-frames";

describe("sliceAudio", () => {
  const sampleRate = 100;
  const stereo = (numSamples: number) => {
    const left = Float32Array.from({ length: numSamples }, (_, index) => index);
    return { channels: [left, left.map((value) => -value)], sampleRate };
  };

  it.each([
    [0, [0]],
    [1, [1]],
    [999, [999]],
    [1000, [1000]],
    [1001, [1000, 1]],
    [3000, [1000, 1000, 1000]],
  ])("cuts %i samples at 100 Hz into %j", (numSamples, lengths) => {
    const audio = stereo(numSamples);
    const slices = [...sliceAudio(audio)];
    expect(slices.map(({ channels }) => channels.map(({ length }) => length))).toEqual(lengths.map((n) => [n, n]));
    for (const channel of [0, 1]) {
      const joined = slices.flatMap(({ channels }) => [...(channels[channel] ?? [])]);
      expect(joined).toEqual([...(audio.channels[channel] ?? [])]);
    }
    expect(slices.every((slice) => slice.sampleRate === sampleRate)).toBe(true);
  });

  it("gives views, not copies", () => {
    const audio = stereo(1500);
    for (const { channels } of sliceAudio(audio)) expect(channels[0]?.buffer).toBe(audio.channels[0]?.buffer);
  });
});

describe("sliceTokens", () => {
  const hopLength = 8;
  const tokens = (numFrames: number, numSamples: number): TokenFrames => ({
    codec: "toy",
    revision: "1",
    sampleRate: 40,
    frameRate: 5,
    numSamples,
    numChannels: 2,
    numCodebooks: 3,
    codebookSize: 1024,
    codes: Uint16Array.from({ length: numFrames * 6 }, (_, index) => index % 1024),
  });

  it.each([
    [0, 0, [[0, 0]]],
    [1, 3, [[1, 3]]],
    [50, 400, [[50, 400]]],
    [
      51,
      401,
      [
        [50, 400],
        [1, 1],
      ],
    ],
    [
      100,
      793,
      [
        [50, 400],
        [50, 393],
      ],
    ],
  ])("cuts %i frames of %i samples into %j", (numFrames, numSamples, expected) => {
    const whole = tokens(numFrames, numSamples);
    const slices = [...sliceTokens(whole, hopLength)];
    expect(slices.map((slice) => [slice.codes.length / 6, slice.numSamples])).toEqual(expected);
    expect(slices.flatMap(({ codes }) => [...codes])).toEqual([...whole.codes]);
    for (const { codes, numSamples: _, ...format } of slices) {
      const { codes: all, numSamples: __, ...same } = whole;
      expect(format).toEqual(same);
      expect(codes.buffer).toBe(all.buffer);
    }
  });
});
