import { describe, expect, it } from "vitest";
import { mixToMono } from "../../../src/audio/channels";

describe("mixToMono", () => {
  it("averages channels", () => {
    const mono = mixToMono([Float32Array.of(1, 0.5, -1), Float32Array.of(0, 0.5, 1), Float32Array.of(0.5, 0.5, 0.75)]);
    expect([...mono]).toEqual([0.5, 0.5, 0.25]);
  });

  it("gives equal channels back exactly", () => {
    // A float32 running sum would miss some of these by one unit in the last place.
    const channel = Float32Array.from({ length: 1000 }, (_, i) => Math.sin(i) / 3);
    expect(mixToMono([channel, channel, channel])).toEqual(channel);
  });

  it("hands a single channel through without a copy", () => {
    const channel = Float32Array.of(1, 2);
    expect(mixToMono([channel])).toBe(channel);
  });

  it("refuses no channels", () => {
    expect(() => mixToMono([])).toThrow(/"channels" expected at least one/);
  });
});
