/** The switch for denoising: what callers may wish, and what the networks are told, frame by frame. */
import { describe, expect, it } from "vitest";
import { type Denoise, DenoisingSwitch, denoiseByFrame } from "../../../src/encoder/denoising";

const codec = { name: "clean", frameRate: 50, denoising: "encoder" } as const;

describe("denoiseByFrame", () => {
  it("asks a function by the second that the frame begins at", () => {
    const denoise = denoiseByFrame((seconds) => seconds >= 0.1, "encoder", codec);
    expect([0, 4, 5, 6].map((frame) => denoise?.(frame))).toEqual([false, false, true, true]);
  });

  it("is on throughout for true, and nothing for false", () => {
    expect(denoiseByFrame(true, "encoder", codec)?.(7)).toBe(true);
    expect(denoiseByFrame(false, "decoder", codec)).toBeUndefined();
    expect(denoiseByFrame(undefined, "decoder", codec)).toBeUndefined();
  });

  it("refuses what the network cannot do, and says which can", () => {
    const wish = (wanted: Denoise) => () => denoiseByFrame(wanted, "decoder", codec);
    expect(wish(true)).toThrow('"denoise" expected false for the decoder of "clean", which denoises in its encoder');
    const { denoising: _, ...plain } = codec;
    expect(() => denoiseByFrame(true, "encoder", plain)).toThrow(/"clean", which has no denoising, got true/);
    expect(wish("on" as unknown as Denoise)).toThrow(
      '"denoise" expected a boolean or a function of the seconds, got "on"',
    );
  });
});

describe("a DenoisingSwitch", () => {
  it("goes on counting frames from call to call", () => {
    const denoising = new DenoisingSwitch((frame) => frame === 1 || frame === 3);
    expect(denoising.take(2)).toEqual({ data: Float32Array.from([1, 0, 0, 1]), shape: [1, 2, 2] });
    expect(denoising.take(2).data).toEqual(Float32Array.from([1, 0, 0, 1]));
  });

  it("is off by default", () => {
    expect(new DenoisingSwitch().take(2).data).toEqual(Float32Array.from([1, 0, 1, 0]));
  });
});
