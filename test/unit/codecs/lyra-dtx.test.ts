/** Which frames Lyra's detector takes for noise, by frames of 20 ms whose kind is known. */
import { describe, expect, it } from "vitest";
import { noiseBands } from "../../../codecs/lyra-v2/noise-bands";
import { NoiseEstimator } from "../../../codecs/lyra-v2/noise-estimator";
import { GaussianSource } from "../../../src/sampling/gaussian";

const hopLength = 320;
const bands = noiseBands({ sampleRate: 16_000, hopLength });

/** Quieter than the last bit of 16, as in a recording with a good microphone, or of a noise gate. */
const quiet = 3e-5;

/** Voiced sounds of changing pitch and loudness over quiet noise, and that noise alone, in turn; 25 frames each. */
function speechAndPauses(numFrames: number): { samples: Float32Array; isSpeech: (frame: number) => boolean } {
  const samples = new GaussianSource(11).take(numFrames * hopLength).map((sample) => sample * quiet);
  const isSpeech = (frame: number): boolean => Math.floor(frame / 25) % 2 === 0;
  let phase = 0;
  for (const n of samples.keys()) {
    if (!isSpeech(Math.floor(n / hopLength))) continue;
    phase += (2 * Math.PI * (140 + 40 * Math.sin(n / 2100))) / 16_000;
    const loudness = 0.05 * (1.2 + Math.sin(n / 1300));
    for (let overtone = 1; overtone <= 20; overtone++) {
      samples[n] = (samples[n] as number) + (loudness / overtone) * Math.sin(overtone * phase);
    }
  }
  return { samples, isSpeech };
}

function verdicts(samples: Float32Array): boolean[] {
  const detector = new NoiseEstimator(bands);
  const numFrames = samples.length / hopLength;
  return Array.from({ length: numFrames }, (_, frame) =>
    detector.push(samples.subarray(frame * hopLength, (frame + 1) * hopLength)),
  );
}

describe("Lyra's noise detector", () => {
  // Of 200 frames each: one that takes all for noise, or none, or the loudest, fails. Lyra's own is seldom wrong right
  // behind the first frame of a sound, where the bounds are wide.
  it("finds the pauses and leaves speech alone", () => {
    const { samples, isSpeech } = speechAndPauses(400);
    const isNoise = verdicts(samples);
    const numNoise = (wanted: boolean): number =>
      isNoise.filter((verdict, frame) => verdict && isSpeech(frame) === wanted).length;
    expect(numNoise(true)).toBeLessThan(4);
    expect(numNoise(false)).toBeGreaterThan(180);
  });

  it("takes silence for noise from its second frame on", () => {
    expect(verdicts(new Float32Array(20 * hopLength))).toEqual([false, ...new Array(19).fill(true)]);
  });

  // All 160 bands must lie within two deviations: of noise above the floor, hardly a frame does.
  it("hardly ever takes loud noise for noise, as Lyra's own", () => {
    const noise = new GaussianSource(12).take(500 * hopLength).map((sample) => sample * 0.01);
    expect(verdicts(noise).filter(Boolean).length).toBeLessThan(10);
  });
});
