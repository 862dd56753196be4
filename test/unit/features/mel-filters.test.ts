import { describe, expect, it } from "vitest";
import { melFilters } from "../../../src/features/mel-filters";

const config = {
  sampleRate: 16_000,
  fftLength: 1024,
  numMels: 20,
  minFrequencyHz: 0,
  maxFrequencyHz: 8000,
  melScale: "htk",
  norm: "none",
} as const;

function melOf(hz: number): number {
  return 1127 * Math.log1p(hz / 700);
}

/** Largest distance of the weights from triangles that are straight over mel. */
function distanceFromMelTriangles(filters: ReturnType<typeof melFilters>): number {
  const step = melOf(config.maxFrequencyHz) / (config.numMels + 1);
  const distances = filters.flatMap(({ firstBin, weights }, band) =>
    [...weights].map((weight, index) => {
      const mel = melOf(((firstBin + index) * config.sampleRate) / config.fftLength);
      return Math.abs(weight - Math.max(0, 1 - Math.abs(mel / step - (band + 1))));
    }),
  );
  return Math.max(...distances);
}

describe("melFilters", () => {
  it("has sides that are straight over Hz, or over mel when asked so", () => {
    expect(distanceFromMelTriangles(melFilters({ ...config, slopes: "mel" }))).toBeLessThan(1e-6);
    expect(distanceFromMelTriangles(melFilters(config))).toBeGreaterThan(0.01);
    expect(melFilters({ ...config, slopes: "hz" })).toEqual(melFilters(config));
  });
});
