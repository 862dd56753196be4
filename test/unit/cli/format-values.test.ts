import { describe, expect, it } from "vitest";
import { formatBytes, formatChannels, formatRate, formatSeconds, formatSpeed } from "../../../src/cli/format-values";
import { audioProgress } from "../../../src/cli/progress-bar";

describe("values as people read them", () => {
  it.each([
    [0, "0.00 s"],
    [3.456, "3.46 s"],
    [45.67, "45.7 s"],
    [60, "1:00"],
    [125.4, "2:05"],
    [3599.6, "1:00:00"],
    [36_000, "10:00:00"],
  ])("%d seconds are %s", (seconds, text) => {
    expect(formatSeconds(seconds)).toBe(text);
  });

  it.each([
    [712, "712 bytes"],
    [1_340, "1.3 kB"],
    [4_720_000, "4.7 MB"],
    [2_500_000_000, "2.50 GB"],
  ])("%d bytes are %s", (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it("name rates, channels and speeds", () => {
    expect(formatRate(2876)).toBe("2.88 kbit/s");
    expect([1, 2, 6].map(formatChannels)).toEqual(["mono", "stereo", "6 channels"]);
    expect(formatSpeed(120, 1.5)).toBe("80 x real time");
    expect(formatSpeed(1, 0)).toBe("0.0 x real time");
  });

  it("tell how far a job is, how fast, and how long still", () => {
    expect(audioProgress(900, 10, 0.25)).toBe("25 % | 15:00 | 90 x real time | 30.0 s left");
    expect(audioProgress(900, 10, undefined)).toBe("15:00 | 90 x real time");
    expect(audioProgress(900, 10, 1.2)).toBe("100 % | 15:00 | 90 x real time | 0.00 s left");
  });
});
