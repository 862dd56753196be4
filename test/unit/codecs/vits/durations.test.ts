import { describe, expect, it } from "vitest";
import { drawPrior, symbolFrames } from "../../../../codecs/vits/durations";
import { GaussianSource } from "../../../../src/sampling/gaussian";

describe("symbolFrames", () => {
  it("rounds up, after the rate", () => {
    const logDurations = Float32Array.from([Math.log(1.5), Math.log(3.9), -3, Math.log(0.4)]);
    expect([...symbolFrames(logDurations, 1)]).toEqual([2, 4, 1, 1]);
    expect([...symbolFrames(logDurations, 2)]).toEqual([1, 2, 1, 1]);
    expect([...symbolFrames(logDurations, 0.5)]).toEqual([3, 8, 1, 1]);
  });

  it("bounds what a damaged model predicts", () => {
    expect([...symbolFrames(Float32Array.of(80, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY), 1)]).toEqual([
      1024, 1024, 0,
    ]);
  });
});

describe("drawPrior", () => {
  const statistics = {
    means: Float32Array.of(10, 20, 30, 40, 50, 60),
    logDeviations: Float32Array.of(0, 0, 1, 1, 0, 0),
    logDurations: new Float32Array(3),
  };
  const draw = (durations: number[], blockFrames: (block: number) => number, noiseScale = 1) => {
    const noise = new GaussianSource(1);
    const blocks = [...drawPrior(statistics, Uint32Array.from(durations), { noise, noiseScale, blockFrames })];
    return { lengths: blocks.map((block) => block.length / 2), values: blocks.flatMap((block) => [...block]) };
  };

  it("gives each symbol its frames, none to one that has none", () => {
    expect(draw([2, 0, 1], () => 10, 0).values).toEqual([10, 20, 10, 20, 50, 60]);
    expect(draw([0, 1, 0], () => 10, 0).values).toEqual([30, 40]);
    expect(draw([0, 0, 0], () => 10).values).toEqual([]);
  });

  it("draws the same whatever the blocks, with the deviation of each symbol", () => {
    const whole = draw([3, 2, 4], () => 100);
    const cut = draw([3, 2, 4], (block) => block + 1);
    expect(cut.lengths).toEqual([1, 2, 3, 3]);
    expect(cut.values).toEqual(whole.values);
    const noise = new GaussianSource(1).take(18);
    expect(whole.values[0]).toBeCloseTo(10 + (noise[0] ?? 0), 5);
    expect(whole.values[6]).toBeCloseTo(30 + Math.E * (noise[6] ?? 0), 5);
  });
});
