import { describe, expect, it } from "vitest";
import { InverseStft } from "../../../src/features/inverse-stft";
import { hannWindow } from "../../../src/features/window";
import { noise } from "../../helpers/synth-audio";

const fftLength = 64;
const hopLength = 20;
const config = { fftLength, hopLength, window: hannWindow(fftLength), gain: 1, windowSumFloor: 1e-3 };

/** Windowed forward transform by the definition, real parts then imaginary parts of each frame. */
function forward(samples: Float32Array, numFrames: number): Float32Array {
  const bins = fftLength / 2 + 1;
  const frames = new Float32Array(numFrames * 2 * bins);
  for (let frame = 0; frame < numFrames; frame++) {
    for (let bin = 0; bin < bins; bin++) {
      let real = 0;
      let imaginary = 0;
      for (let n = 0; n < fftLength; n++) {
        const value = (samples[frame * hopLength + n] ?? 0) * (config.window[n] ?? 0);
        real += value * Math.cos((2 * Math.PI * bin * n) / fftLength);
        imaginary -= value * Math.sin((2 * Math.PI * bin * n) / fftLength);
      }
      frames[frame * 2 * bins + bin] = real;
      frames[frame * 2 * bins + bins + bin] = imaginary;
    }
  }
  return frames;
}

const numFrames = 9;
const signal = noise((numFrames - 1) * hopLength + fftLength, 1);
const spectrum = forward(signal, numFrames);

describe("InverseStft", () => {
  it("gives back the signal whose transform it is given", () => {
    const inverse = new InverseStft(config);
    const samples = [...inverse.push(spectrum), ...inverse.flush(fftLength - hopLength)];
    expect(samples).toHaveLength(signal.length);
    // The first and last two samples lie where the squared window is below the floor.
    for (let n = 4; n < signal.length - 4; n++) {
      // A missing window, a wrong sign of the imaginary part or a shift by one sample is off by more than 0.1.
      expect(Math.abs((samples[n] ?? 0) - (signal[n] ?? 0)), `sample ${n}`).toBeLessThan(1e-5);
    }
  });

  it("multiplies by the gain", () => {
    const plain = new InverseStft(config).push(spectrum);
    const louder = new InverseStft({ ...config, gain: 5 }).push(spectrum);
    for (const [n, sample] of plain.entries()) expect(louder[n]).toBeCloseTo(5 * sample, 4);
  });

  it("gives the same bits whatever the portions", () => {
    const whole = new InverseStft(config).push(spectrum);
    const inverse = new InverseStft(config);
    const frameLength = inverse.frameLength;
    const parts = [0, 1, 1, 4, 9].flatMap((end, index, ends) => [
      ...inverse.push(spectrum.subarray((ends[index - 1] ?? 0) * frameLength, end * frameLength)),
    ]);
    expect(parts).toEqual([...whole]);
  });

  it("refuses lengths that it cannot transform", () => {
    expect(() => new InverseStft({ ...config, fftLength: 62 })).toThrow(
      /"fftLength" expected a power of two.*, got 62/,
    );
    expect(() => new InverseStft({ ...config, window: hannWindow(32) })).toThrow(
      /"window" expected 64 samples, got 32/,
    );
    expect(() => new InverseStft(config).push(new Float32Array(65))).toThrow(
      /expected a multiple of 66 values, got 65/,
    );
  });
});
