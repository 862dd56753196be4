/** The embedded codec takes anything: what comes out is finite, of about the level that went in, and frames that are lost are filled in. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Codec, loadCodec, numFrames } from "../../src/index";
import { noise, speechLike } from "../helpers/synth-audio";

const sampleRate = 16_000;
const length = 2 * sampleRate;

let codec: Codec;
beforeAll(async () => {
  codec = await loadCodec("speech-16k", { device: "cpu" });
});
afterAll(() => codec.dispose());

async function roundTrip(samples: Float32Array): Promise<Float32Array> {
  const tokens = await codec.encode({ channels: [samples], sampleRate });
  return (await codec.decode(tokens)).channels[0] ?? new Float32Array(0);
}

function decibels(samples: Float32Array): number {
  const power = samples.reduce((sum, value) => sum + value * value, 0) / samples.length;
  return 10 * Math.log10(power + 1e-12);
}

/**
 * How sharply the signal bends beside the borders of frames: the squared second difference, over its mean in the frame
 * around, averaged over all borders. 1 where they leave no trace.
 */
function borderStep(samples: Float32Array, hopLength: number): number {
  const bends = samples.map((value, n) => ((samples[n - 1] ?? value) - 2 * value + (samples[n + 1] ?? value)) ** 2);
  const mean = (values: Float32Array) => values.reduce((sum, value) => sum + value, 1e-14) / values.length;
  const borders = Array.from({ length: Math.floor(length / hopLength) - 1 }, (_, frame) => (frame + 1) * hopLength);
  const steps = borders.map((at) => {
    const around = bends.subarray(at - hopLength / 2, at + hopLength / 2);
    return mean(bends.subarray(at - 1, at + 1)) / mean(around);
  });
  return mean(Float32Array.from(steps));
}

/** How much of the power above about 1 kHz is one waveform that is the same in every frame: 0 for noise, 1 for a buzz. */
function repeatedShare(samples: Float32Array, hopLength: number): number {
  const high = samples.map((value, n) => value - (samples[n - 1] ?? 0));
  const numFrames = Math.floor(length / hopLength);
  const mean = Float32Array.from({ length: hopLength }, (_, n) => {
    let sum = 0;
    for (let frame = 0; frame < numFrames; frame++) sum += high[frame * hopLength + n] ?? 0;
    return sum / numFrames;
  });
  const power = (values: Float32Array) => values.reduce((sum, value) => sum + value * value, 0) / values.length;
  // Of any signal, one part in so many frames is the same by chance.
  return power(mean) / power(high) - 1 / numFrames;
}

const speech = speechLike(length, 1);
const signals: [string, Float32Array][] = [
  ["speech", speech],
  ["quiet speech", speech.map((value) => value / 100)],
  ["clipped speech", speech.map((value) => Math.max(-1, Math.min(1, 20 * value)))],
  ["speech in noise", speech.map((value, n) => value + (noise(length, 2, 0.1)[n] ?? 0))],
  ["noise", noise(length, 3, 0.3)],
  ["a tone", Float32Array.from({ length }, (_, n) => 0.3 * Math.sin((2 * Math.PI * 440 * n) / sampleRate))],
  [
    "a chord",
    Float32Array.from({ length }, (_, n) =>
      [262, 330, 392, 523].reduce((sum, f) => sum + 0.1 * Math.sin((2 * Math.PI * f * n) / sampleRate), 0),
    ),
  ],
  ["an offset", new Float32Array(length).fill(0.5)],
  ["a square wave of full scale", Float32Array.from({ length }, (_, n) => (n % 81 < 40 ? 1 : -1))],
  ["samples beyond full scale", speech.map((value) => 8 * value)],
  ["one click", Float32Array.from({ length }, (_, n) => (n === length / 2 ? 1 : 0))],
];

/**
 * Measured: from 7 dB below what went in (a tone) to 1 above (a chord). A level that doubles is 6 above; a codec that gives
 * nothing is 60 dB below on the quietest.
 */
const lowestGain = -14;
const highestGain = 3;
/** Measured: -91 dB, the codewords nearest to silence. Speech from nowhere would be at -20. */
const loudestSilence = -60;
/** Measured: 0.9, and 1.0 of what went in; 21 where every other frame is half as loud. */
const sharpestBorder = 3;

describe("speech-16k", () => {
  it.each(signals)("takes %s", async (_, samples) => {
    const decoded = await roundTrip(samples);
    expect(decoded.length).toBe(samples.length);
    expect(decoded.every(Number.isFinite)).toBe(true);
    const gain = decibels(decoded) - decibels(samples);
    expect(gain).toBeGreaterThan(lowestGain);
    expect(gain).toBeLessThan(highestGain);
  });

  it("takes speech on an offset", async () => {
    const decoded = await roundTrip(speech.map((value) => value + 0.3));
    const offset = decoded.reduce((sum, value) => sum + value, 0) / length;
    const voice = decibels(decoded.map((value) => value - offset)) - decibels(speech);
    // Measured: the voice as loud, two thirds of the offset. A voice lost in the offset would be far below.
    expect(Math.abs(voice)).toBeLessThan(3);
    expect(offset).toBeGreaterThan(0);
    expect(offset).toBeLessThan(0.3);
  });

  it.each([
    ["silence", new Float32Array(length)],
    ["dither of one bit in sixteen", noise(length, 4, 1).map((value) => Math.round(1.5 * value) / 32768)],
  ])("keeps %s quiet", async (_, samples) => {
    const decoded = await roundTrip(samples);
    expect(decibels(decoded)).toBeLessThan(loudestSilence);
  });

  it("ends silence without a click", async () => {
    const decoded = await roundTrip(new Float32Array(length));
    // Measured: -94 dB. Without the frame that overlaps with the last samples: -51.
    expect(decibels(decoded.subarray(-160))).toBeLessThan(-70);
  });

  it("makes little of a buzz of noise", async () => {
    const { hopLength } = codec.identity;
    const hiss = noise(length, 5, 0.1);
    // Measured: 0.015. Decoders that are given no noise of their own: 0.22 to 0.56.
    expect(repeatedShare(await roundTrip(hiss), hopLength)).toBeLessThan(0.05);
    const buzz = hiss.map((_, n) => hiss[n % hopLength] ?? 0);
    expect(repeatedShare(buzz, hopLength)).toBeGreaterThan(0.9);
  });

  it("leaves no steps at the borders of frames", async () => {
    const { hopLength } = codec.identity;
    const decoded = await roundTrip(speech);
    expect(borderStep(decoded, hopLength)).toBeLessThan(sharpestBorder);
    const uneven = decoded.map((value, n) => (Math.floor(n / hopLength) % 2 === 0 ? value : value / 2));
    expect(borderStep(uneven, hopLength)).toBeGreaterThan(sharpestBorder);
  });

  it("fills in for lost frames without falling silent or getting loud", async () => {
    const { hopLength } = codec.identity;
    const tokens = await codec.encode({ channels: [speech], sampleRate });
    const lostFrames = Uint8Array.from({ length: numFrames(tokens) }, (_, frame) => Number(frame % 5 === 4));
    const whole = (await codec.decode(tokens)).channels[0] ?? new Float32Array(0);
    const concealed = (await codec.decode({ ...tokens, lostFrames })).channels[0] ?? new Float32Array(0);
    const inGaps = (samples: Float32Array) => samples.filter((_, n) => lostFrames[Math.floor(n / hopLength)] === 1);
    const gain = decibels(inGaps(concealed)) - decibels(inGaps(whole));
    // Measured: 0.5 dB below the frames as they were coded. Silence in the gaps scores -98, a decoder that was never told
    // of them 0 and the same samples.
    expect(gain).toBeGreaterThan(-8);
    expect(gain).toBeLessThan(3);
    expect(inGaps(concealed)).not.toEqual(inGaps(whole));
  });
});
