import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeAudio } from "../../../../src/audio/files/open-audio";
import { encodeWav, WavEncoder } from "../../../../src/audio/files/wav-writer";
import { joinBytes } from "../../../helpers/wav-bytes";

const ascii = (bytes: Uint8Array, offset: number) => new TextDecoder().decode(bytes.subarray(offset, offset + 4));
const uint32 = (bytes: Uint8Array, offset: number) => new DataView(bytes.buffer).getUint32(offset, true);
const uint64 = (bytes: Uint8Array, offset: number) => Number(new DataView(bytes.buffer).getBigUint64(offset, true));

describe("encodeWav", () => {
  it("writes what another program wrote, byte for byte", async () => {
    const bytes = new Uint8Array(readFileSync("test/fixtures/audio/stereo.wav"));
    expect(encodeWav(await decodeAudio(bytes)).bytes).toEqual(bytes);
  });

  it("rounds to the nearest step, holds at the ends and counts what it held", () => {
    const samples = Float32Array.of(0.4 / 32768, 0.6 / 32768, -0.6 / 32768, 1, -1, 1.01, -7, Number.NaN);
    const { bytes, numClipped } = encodeWav({ channels: [samples], sampleRate: 16000 });
    expect([...new Int16Array(bytes.slice(44).buffer)]).toEqual([0, 1, -1, 32767, -32768, 32767, -32768, 0]);
    // Full scale itself is no clipping, though 16 bits have no +1.
    expect(numClipped).toBe(2);
  });

  it("gives back what was written: 16 and 24 bits to half a step, floats exactly", async () => {
    const sample = fc.double({ min: -1, max: 0.9999, noNaN: true });
    await fc.assert(
      fc.asyncProperty(
        fc.array(sample, { maxLength: 40 }),
        fc.integer({ min: 1, max: 3 }),
        fc.constantFrom("s16" as const, "s24" as const, "f32" as const),
        async (values, numChannels, sampleFormat) => {
          const channels = Array.from({ length: numChannels }, (_, c) => Float32Array.from(values, (x) => x / (c + 1)));
          const { bytes } = encodeWav({ channels, sampleRate: 22050 }, { sampleFormat });
          const read = await decodeAudio(bytes);
          const halfStep = { s16: 2 ** -16, s24: 2 ** -24, f32: 0 }[sampleFormat];
          expect(read.channels.length).toBe(numChannels);
          for (const [c, channel] of channels.entries()) {
            expect(read.channels[c]?.length).toBe(channel.length);
            for (const [i, x] of channel.entries()) {
              expect(Math.abs((read.channels[c]?.[i] ?? 9) - x)).toBeLessThanOrEqual(halfStep);
            }
          }
        },
      ),
    );
  });

  it("pads an odd number of bytes", () => {
    const { bytes } = encodeWav({ channels: [new Float32Array(1)], sampleRate: 16000 }, { sampleFormat: "s24" });
    expect(bytes.length).toBe(44 + 3 + 1);
    expect(uint32(bytes, 4)).toBe(bytes.length - 8);
  });

  it("refuses formats and rates that there are not", () => {
    const audio = { channels: [new Float32Array(1)], sampleRate: 16000 };
    expect(() => encodeWav(audio, { sampleFormat: "mp3" as never })).toThrow(/"sampleFormat" expected one of/);
    expect(() => encodeWav({ ...audio, sampleRate: 0.5 })).toThrow(RangeError);
    expect(() => new WavEncoder({ sampleRate: 16000, numChannels: 0 })).toThrow(/"numChannels"/);
  });
});

describe("WavEncoder", () => {
  it("writes chunks like the whole, and headers of one size before and after", async () => {
    const samples = Float32Array.from({ length: 100 }, (_, i) => Math.sin(i));
    const encoder = new WavEncoder({ sampleRate: 8000, numChannels: 1 });
    const before = encoder.header();
    const body = joinBytes(
      encoder.push([samples.subarray(0, 33)]),
      encoder.push([samples.subarray(33)]),
      encoder.end(),
    );
    const after = encoder.header(encoder.numSamples, { isResizable: true });
    expect(after.length).toBe(before.length);
    const whole = await decodeAudio(encodeWav({ channels: [samples], sampleRate: 8000 }).bytes);
    expect(await decodeAudio(joinBytes(before, body))).toEqual(whole);
    expect(await decodeAudio(joinBytes(after, body))).toEqual(whole);
  });

  it("says that the length is unknown as ffmpeg does", () => {
    const header = new WavEncoder({ sampleRate: 8000, numChannels: 1 }).header();
    expect(uint32(header, 4)).toBe(0xffffffff);
    expect(uint32(header, header.length - 4)).toBe(0xffffffff);
  });

  it("goes over to RF64 where 32 bits are too few", () => {
    const encoder = new WavEncoder({ sampleRate: 48000, numChannels: 2 });
    const numSamples = 2 ** 31;
    const header = encoder.header(numSamples);
    expect(ascii(header, 0)).toBe("RF64");
    expect(uint32(header, 4)).toBe(0xffffffff);
    expect(ascii(header, 12)).toBe("ds64");
    expect(uint64(header, 20)).toBe(header.length - 8 + 4 * numSamples);
    expect(uint64(header, 28)).toBe(4 * numSamples);
    expect(uint64(header, 36)).toBe(numSamples);
    expect(header.length).toBe(encoder.header().length);
  });

  it("refuses another number of channels", () => {
    const encoder = new WavEncoder({ sampleRate: 8000, numChannels: 2 });
    expect(() => encoder.push([new Float32Array(1)])).toThrow(/expected 2 channels, got 1/);
  });
});
