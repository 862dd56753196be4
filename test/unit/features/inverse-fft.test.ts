import { describe, expect, it } from "vitest";
import { inverseFft } from "../../../src/features/inverse-fft";
import { noise } from "../../helpers/synth-audio";

/** The spectrum of a real signal by the definition, as (real, imaginary) pairs. */
function forward(signal: Float32Array): Float64Array {
  const { length } = signal;
  const spectrum = new Float64Array(2 * length);
  for (let bin = 0; bin < length; bin++) {
    for (let n = 0; n < length; n++) {
      const angle = (2 * Math.PI * ((bin * n) % length)) / length;
      spectrum[2 * bin] = (spectrum[2 * bin] ?? 0) + (signal[n] ?? 0) * Math.cos(angle);
      spectrum[2 * bin + 1] = (spectrum[2 * bin + 1] ?? 0) - (signal[n] ?? 0) * Math.sin(angle);
    }
  }
  return spectrum;
}

describe("inverseFft", () => {
  it.each([2, 64, 12, 80, 96, 240, 1280])("gives back a signal of %i samples", (length) => {
    const signal = noise(length, length);
    const out = new Float64Array(2 * length).fill(9);
    inverseFft(length).inverseTransform(out, forward(signal));
    // Twiddles that turn the wrong way leave an error as large as the signal.
    for (const [n, sample] of signal.entries()) expect(Math.abs((out[2 * n] ?? 0) - sample)).toBeLessThan(1e-9);
  });

  it.each([0, 1, 5, 34, 2.5, Number.NaN])("refuses a length of %d", (length) => {
    expect(() => inverseFft(length)).toThrow(RangeError);
  });
});
