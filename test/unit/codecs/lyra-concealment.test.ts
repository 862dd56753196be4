import { describe, expect, it } from "vitest";
import { ComfortNoise } from "../../../codecs/lyra-v2/comfort-noise";
import { concealingDecoder } from "../../../codecs/lyra-v2/concealment";
import { noiseBands } from "../../../codecs/lyra-v2/noise-bands";
import { NoiseEstimator } from "../../../codecs/lyra-v2/noise-estimator";
import type { Decoder } from "../../../src/decoder/decoder";
import { GaussianSource } from "../../../src/sampling/gaussian";

const hopLength = 320;
const frames16k = { sampleRate: 16_000, hopLength };
const bands = noiseBands(frames16k);

function rms(samples: Float32Array): number {
  return Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
}

function decibels(ratio: number): number {
  return 20 * Math.log10(ratio);
}

function comfortOf(estimator: NoiseEstimator, numFrames: number): Float32Array {
  const comfort = new ComfortNoise(bands);
  return Float32Array.from(Array.from({ length: numFrames }, () => [...comfort.next(estimator.noise)]).flat());
}

describe("comfort noise", () => {
  // Half the level is 6 dB off, and silence is infinitely far.
  it.each([0.1, 0.01])("is as loud as the white noise of level %f that was heard", (level) => {
    const chance = new GaussianSource(5);
    const estimator = new NoiseEstimator(bands);
    for (let frame = 0; frame < 150; frame++) estimator.push(chance.take(hopLength).map((sample) => sample * level));
    const noise = comfortOf(estimator, 40).subarray(3 * hopLength);
    expect(Math.abs(decibels(rms(noise) / level))).toBeLessThan(2);
  });

  it("has the noise's colour", () => {
    const chance = new GaussianSource(6);
    const estimator = new NoiseEstimator(bands);
    let previous = 0;
    for (let frame = 0; frame < 150; frame++) {
      const low = chance.take(hopLength).map((sample) => {
        previous = 0.9 * previous + 0.02 * sample;
        return previous;
      });
      estimator.push(low);
    }
    const noise = comfortOf(estimator, 40).subarray(3 * hopLength);
    // Differences of low-pass noise with a pole at 0.9 have sqrt(0.2) of its level; those of white noise sqrt(2).
    const differences = noise.subarray(1).map((sample, at) => sample - (noise[at] as number));
    expect(rms(differences) / rms(noise)).toBeLessThan(0.6);
  });

  it("is that of the pauses, not of the speech between them", () => {
    const chance = new GaussianSource(7);
    const estimator = new NoiseEstimator(bands);
    for (let frame = 0; frame < 200; frame++) {
      const level = frame % 20 < 12 ? 0.3 : 0.003;
      estimator.push(chance.take(hopLength).map((sample) => sample * level));
    }
    const level = rms(comfortOf(estimator, 40).subarray(3 * hopLength));
    // The mean level is 0.23.
    expect(level).toBeLessThan(0.006);
    expect(level).toBeGreaterThan(0.0015);
  });

  it("is silence where nothing was heard", () => {
    const estimator = new NoiseEstimator(bands);
    for (let frame = 0; frame < 60; frame++) estimator.push(new Float32Array(hopLength));
    expect(rms(comfortOf(estimator, 10))).toBeLessThan(1e-3);
    expect(estimator.push(new Float32Array(hopLength))).toBe(true);
  });
});

/** A network whose frame of samples is the frame's first number, or -1 for a frame of zeros; counts what it gets. */
function countingDecoder(): { decoder: Decoder; numFrames: () => number } {
  let count = 0;
  const decoder: Decoder = {
    latentDim: 2,
    features: "waveform",
    delaySamples: 0,
    openStream: () => ({
      async push(quantized) {
        const frames = quantized.length / 2;
        count += frames;
        const features = new Float32Array(frames * hopLength);
        for (let frame = 0; frame < frames; frame++) {
          features.fill(quantized[2 * frame] || -1, frame * hopLength, (frame + 1) * hopLength);
        }
        return { features };
      },
      flush: async () => undefined,
    }),
    dispose: async () => undefined,
  };
  return { decoder, numFrames: () => count };
}

/** What the network makes of frames that arrive: so little that its noise is next to silence. */
const heard = Math.fround(1e-4);

/** Frames of that, with zeros where they are lost. */
function quantizedOf(lostFrames: Uint8Array): Float32Array {
  return Float32Array.from({ length: 2 * lostFrames.length }, (_, at) => (lostFrames[at >> 1] === 1 ? 0 : heard));
}

describe("concealment", () => {
  // 0 to 9 arrive, 10 to 19 are lost, 20 to 29 arrive.
  const lostFrames = Uint8Array.from({ length: 30 }, (_, frame) => (frame >= 10 && frame < 20 ? 1 : 0));

  it("lets the network conceal 80 ms, fades to noise within 40 ms, and back", async () => {
    const { decoder, numFrames } = countingDecoder();
    const stream = concealingDecoder(decoder, frames16k).openStream();
    const { features } = await stream.push(quantizedOf(lostFrames), lostFrames);
    const frames = Array.from({ length: 30 }, (_, frame) =>
      features.subarray(frame * hopLength, (frame + 1) * hopLength),
    );
    const isConstant = (frame: number, value: number) => frames[frame]?.every((sample) => sample === value) === true;
    const isAll = (from: number, to: number, value: number) =>
      Array.from({ length: to - from }, (_, index) => from + index).every((frame) => isConstant(frame, value));
    expect(isAll(0, 10, heard)).toBe(true);
    expect(isAll(10, 14, -1)).toBe(true);
    // The fade to noise, which is next to silence here, begins and ends without a step.
    expect(frames[14]?.[0]).toBeCloseTo(-1, 3);
    expect(frames[15]?.[0]).toBeCloseTo(-0.5, 2);
    expect(frames[15]?.[hopLength - 1]).toBeCloseTo(0, 2);
    for (let frame = 16; frame < 22; frame++) expect(rms(frames[frame] as Float32Array)).toBeLessThan(0.01);
    expect(isAll(22, 30, heard)).toBe(true);
    // Four frames of noise alone need no network.
    expect(numFrames()).toBe(26);
  });

  it("is the same frame by frame", async () => {
    const whole = concealingDecoder(countingDecoder().decoder, frames16k).openStream();
    const { features } = await whole.push(quantizedOf(lostFrames), lostFrames);
    const stream = concealingDecoder(countingDecoder().decoder, frames16k).openStream();
    const pieces: number[] = [];
    for (const mark of lostFrames) {
      const one = Uint8Array.of(mark);
      pieces.push(...(await stream.push(quantizedOf(one), mark === 1 ? one : undefined)).features);
    }
    expect(pieces).toEqual([...features]);
  });

  it("leaves a signal without losses as it is", async () => {
    const stream = concealingDecoder(countingDecoder().decoder, frames16k).openStream();
    const { features } = await stream.push(quantizedOf(new Uint8Array(30)));
    expect(features.every((sample) => sample === heard)).toBe(true);
  });
});
