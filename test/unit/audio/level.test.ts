import { describe, expect, it } from "vitest";
import { deinterleave, interleave } from "../../../src/audio/channels";
import { leveled, levelOf } from "../../../src/audio/level";

describe("levelOf", () => {
  it("is the root mean square of the mean of the channels", () => {
    expect(levelOf(Float32Array.of(3, -3, 3, -3), 1)).toBeCloseTo(3, 6);
    // The mean of the pairs is 1 and 3.
    expect(levelOf(Float32Array.of(2, 0, 2, 4), 2)).toBeCloseTo(Math.sqrt(5), 6);
    expect(levelOf(Float32Array.of(1, -1, 0.5, -0.5), 2)).toBe(Math.fround(1e-8));
  });

  it("is what samples are divided by, and silence stays silent", () => {
    const { samples, level } = leveled(Float32Array.of(0.5, -0.5), 1);
    expect([...samples].map(Math.abs).every((value) => Math.abs(value - 1) < 1e-6)).toBe(true);
    expect(level).toBeCloseTo(0.5, 6);
    expect([...leveled(new Float32Array(3), 1).samples]).toEqual([0, 0, 0]);
  });
});

describe("interleave and deinterleave", () => {
  it("put channels side by side and take them apart again", () => {
    const channels = [Float32Array.of(1, 2), Float32Array.of(3, 4), Float32Array.of(5, 6)];
    expect([...interleave(channels)]).toEqual([1, 3, 5, 2, 4, 6]);
    expect(deinterleave(interleave(channels), 3)).toEqual(channels);
    const [only = new Float32Array()] = channels;
    expect(interleave([only])).toBe(only);
    expect(deinterleave(only, 1)[0]).toBe(only);
  });
});
