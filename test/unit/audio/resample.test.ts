import { describe, expect, it } from "vitest";
import { resample, StreamingResampler } from "../../../src/audio/resample";

const RATES = [
  [48000, 16000],
  [44100, 16000],
  [16000, 48000],
  [16000, 44100],
  [8000, 16000],
  [11025, 16000],
  [24000, 24001],
] as const;

function sine(frequency: number, sampleRate: number, length: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => 0.5 * Math.sin((2 * Math.PI * frequency * i) / sampleRate));
}

/** Power of `signal` in dB relative to the 0.5-amplitude sine, over the middle half, away from the edges. */
function levelDb(signal: Float32Array): number {
  const middle = signal.subarray(signal.length >> 2, (3 * signal.length) >> 2);
  const power = middle.reduce((sum, x) => sum + x * x, 0) / middle.length;
  return 10 * Math.log10(power / 0.125);
}

/** Signal-to-noise ratio in dB of `actual` against `expected`, over the middle half. */
function snrDb(actual: Float32Array, expected: Float32Array): number {
  let signal = 0;
  let noise = 0;
  for (let i = expected.length >> 2; i < (3 * expected.length) >> 2; i++) {
    signal += (expected[i] as number) ** 2;
    noise += ((expected[i] as number) - (actual[i] as number)) ** 2;
  }
  return 10 * Math.log10(signal / noise);
}

/** What a resampler without a filter does: the line between the two nearest samples. */
function interpolateLinearly(input: Float32Array, from: number, to: number): Float32Array {
  return Float32Array.from({ length: Math.round((input.length * to) / from) }, (_, i) => {
    const position = (i * from) / to;
    const index = Math.floor(position);
    const left = input[index] ?? 0;
    return left + (position - index) * ((input[index + 1] ?? left) - left);
  });
}

async function resampleMono(samples: Float32Array, from: number, to: number): Promise<Float32Array> {
  const { channels } = await resample({ channels: [samples], sampleRate: from }, to);
  return channels[0] as Float32Array;
}

async function resampleInChunks(
  channels: Float32Array[],
  from: number,
  to: number,
  sizes: number[],
): Promise<number[][]> {
  const resampler = await StreamingResampler.create(from, to, channels.length);
  const made: number[][] = channels.map(() => []);
  const length = channels[0]?.length ?? 0;
  for (let begin = 0, turn = 0; begin < length; turn++) {
    const size = sizes[turn % sizes.length] as number;
    const parts = resampler.push(channels.map((channel) => channel.subarray(begin, begin + size)));
    for (const [index, part] of parts.entries()) made[index]?.push(...part);
    begin += size;
  }
  for (const [index, part] of resampler.flush().entries()) made[index]?.push(...part);
  return made;
}

describe("resample", () => {
  it.each(RATES)("keeps tones in the passband in place and in level, %i to %i Hz", async (from, to) => {
    const nyquist = Math.min(from, to) / 2;
    for (const fraction of [0.01, 0.125, 0.5, 0.8, 0.9]) {
      const made = await resampleMono(sine(fraction * nyquist, from, from), from, to);
      // Phase counts: one sample of delay scores at most 40 dB. Linear interpolation between samples scores 31 dB at
      // half of Nyquist at best, 4 dB when it makes 16 kHz out of 8.
      expect(snrDb(made, sine(fraction * nyquist, to, made.length))).toBeGreaterThan(90);
    }
  });

  it.each([
    [48000, 16000],
    [44100, 16000],
    [48000, 24000],
  ] as const)("removes what would alias, %i to %i Hz", async (from, to) => {
    for (const fraction of [1.03, 1.1, 1.25, 1.5]) {
      const tone = sine((fraction * to) / 2, from, from);
      expect(levelDb(await resampleMono(tone, from, to))).toBeLessThan(-100);
      // Linear interpolation lets the tone through as an alias: the bound above can fail.
      expect(levelDb(interpolateLinearly(tone, from, to))).toBeGreaterThan(-12);
    }
  });

  it.each([
    [8000, 16000],
    [16000, 44100],
  ] as const)("leaves no images when upsampling, %i to %i Hz", async (from, to) => {
    const tone = sine(0.45 * from, from, from);
    const ideal = sine(0.45 * from, to, to);
    expect(snrDb(await resampleMono(tone, from, to), ideal)).toBeGreaterThan(60);
    expect(snrDb(interpolateLinearly(tone, from, to), ideal)).toBeLessThan(10);
  });

  it("has exactly round(T * to / from) samples", async () => {
    for (const [from, to] of RATES) {
      for (const length of [1, 2, 3, 159, 160, 161, 1000, 44101]) {
        const made = await resampleMono(new Float32Array(length).fill(0.25), from, to);
        expect(made.length).toBe(Math.round((length * to) / from));
      }
    }
  });

  it("keeps the last samples: a click at the end arrives", async () => {
    for (const [from, to] of [[48000, 16000] as const, [16000, 48000] as const]) {
      const samples = new Float32Array(from);
      samples.fill(0.5, from - 6);
      const made = await resampleMono(samples, from, to);
      // A resampler that is not flushed ends in silence here, or short of this length.
      expect(Math.max(...made.subarray(-10))).toBeGreaterThan(0.3);
    }
  });

  it("handles extreme ratios and empty audio", async () => {
    expect((await resampleMono(new Float32Array(100).fill(0.5), 1000, 768000)).length).toBe(76800);
    expect((await resampleMono(new Float32Array(76800).fill(0.5), 768000, 1000)).length).toBe(100);
    expect((await resampleMono(new Float32Array(0), 48000, 16000)).length).toBe(0);
  });

  it("returns audio that has the rate as it is", async () => {
    const samples = sine(440, 16000, 100);
    expect(await resampleMono(samples, 16000, 16000)).toBe(samples);
  });

  it("refuses rates that are no whole number of Hz", async () => {
    const audio = { channels: [new Float32Array(8)], sampleRate: 16000 };
    await expect(resample(audio, 0)).rejects.toThrow(RangeError);
    await expect(resample(audio, 22050.5)).rejects.toThrow(/"sampleRate" expected a positive whole number/);
    await expect(StreamingResampler.create(16000, 16000 * 2000, 1)).rejects.toThrow(/within 1024 times/);
    await expect(StreamingResampler.create(16000, 8000, 0)).rejects.toThrow(/"numChannels"/);
  });
});

describe("StreamingResampler", () => {
  it.each(RATES)("gives the same bits whatever the chunks, %i to %i Hz", async (from, to) => {
    const channels = [sine(1000, from, 20011), sine(333, from, 20011).map((x, i) => x * Math.sin(i))];
    const whole = await resample({ channels, sampleRate: from }, to);
    for (const sizes of [[1], [7], [160, 161, 1, 4799], [40000]]) {
      const made = await resampleInChunks(channels, from, to, sizes);
      expect(made).toEqual(whole.channels.map((channel) => [...channel]));
    }
  });

  it("keeps streams apart that run at the same time", async () => {
    const [a, b] = await Promise.all([
      StreamingResampler.create(48000, 16000, 1),
      StreamingResampler.create(48000, 16000, 1),
    ]);
    const tone = sine(1000, 48000, 4800);
    const first = a.push([tone]);
    b.push([new Float32Array(4800)]);
    const alone = await resampleMono(tone, 48000, 16000);
    expect([...(first[0] ?? []), ...(a.flush()[0] ?? [])]).toEqual([...alone]);
    expect(Math.max(...(b.flush()[0] ?? []))).toBe(0);
  });

  it("refuses chunks of another shape, and use after the end", async () => {
    const resampler = await StreamingResampler.create(48000, 16000, 2);
    expect(() => resampler.push([new Float32Array(3)])).toThrow(RangeError);
    expect(() => resampler.push([new Float32Array(3), new Float32Array(4)])).toThrow(/lengths \[3,4\]/);
    resampler.flush();
    expect(() => resampler.push([new Float32Array(3), new Float32Array(3)])).toThrow(TypeError);
    expect(() => resampler.flush()).toThrow(TypeError);
    resampler.dispose();
  });

  it("does not grow: thousands of streams fit in the memory of a few", async () => {
    const rssBefore = process.memoryUsage().rss;
    for (let i = 0; i < 3000; i++) {
      const resampler = await StreamingResampler.create(44100, 16000, 2);
      resampler.dispose();
    }
    // A leaked filter holds about 100 kB: 3000 of them would be 300 MB.
    expect(process.memoryUsage().rss - rssBefore).toBeLessThan(100e6);
  });
});
