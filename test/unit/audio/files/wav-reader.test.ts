import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeAudio, openAudio } from "../../../../src/audio/files/open-audio";
import type { PcmAudio } from "../../../../src/audio/pcm-audio";
import { AudioFormatError } from "../../../../src/errors";
import { hasShared, sharedPath } from "../../../helpers/shared";
import { joinBytes, riffChunk, wavBytes } from "../../../helpers/wav-bytes";

const fixture = (name: string) => new Uint8Array(readFileSync(join("test/fixtures/audio", name)));

async function failure(bytes: Uint8Array): Promise<AudioFormatError> {
  const error = await decodeAudio(bytes).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(AudioFormatError);
  return error as AudioFormatError;
}

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let begin = 0; begin < bytes.length; begin += size) yield bytes.subarray(begin, begin + size);
}

async function collect(bytes: Uint8Array, size: number): Promise<number[][]> {
  const stream = await openAudio(inPieces(bytes, size));
  const channels: number[][] = Array.from({ length: stream.numChannels }, () => []);
  for await (const chunk of stream.chunks) {
    for (const [index, samples] of chunk.channels.entries()) channels[index]?.push(...samples);
  }
  return channels;
}

const samplesOf = (audio: PcmAudio) => audio.channels.map((channel) => [...channel]);

describe("WAV samples", () => {
  it.each([
    { bits: 8, tag: 1, data: [0, 128, 129, 255], expected: [-1, 0, 1 / 128, 127 / 128] },
    { bits: 16, tag: 1, data: [0, 0x80, 1, 0, 0xff, 0x7f], expected: [-1, 1 / 32768, 32767 / 32768] },
    { bits: 24, tag: 1, data: [0, 0, 0x80, 1, 0, 0, 0xff, 0xff, 0xff], expected: [-1, 2 ** -23, -(2 ** -23)] },
    { bits: 32, tag: 1, data: [0, 0, 0, 0x80, 0, 0, 0, 0x40], expected: [-1, 0.5] },
    { bits: 32, tag: 3, data: [0, 0, 0x80, 0x3f, 0, 0, 0, 0xbf], expected: [1, -0.5] },
    { bits: 64, tag: 3, data: [0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0, 0, 0, 0, 0, 0, 0xe0, 0xbf], expected: [1, -0.5] },
    // 20 bits sit at the top of 24.
    { bits: 20, tag: 1, data: [0, 0, 0x80, 0x10, 0, 0], expected: [-1, 2 ** -19] },
  ])("are exact with $bits bits, format tag $tag", async ({ bits, tag, data, expected }) => {
    const bytes = wavBytes({ bits, tag, data: Uint8Array.from(data) });
    expect(samplesOf(await decodeAudio(bytes))).toEqual([expected]);
  });

  it("are taken apart by channel", async () => {
    const data = new Uint8Array(Int16Array.of(1, 2, 3, 4, 5, 6).buffer);
    const audio = await decodeAudio(wavBytes({ numChannels: 3, data, sampleRate: 44100 }));
    expect(audio.sampleRate).toBe(44100);
    expect(samplesOf(audio)).toEqual([
      [1 / 32768, 4 / 32768],
      [2 / 32768, 5 / 32768],
      [3 / 32768, 6 / 32768],
    ]);
  });

  it("do not depend on how the bytes come", async () => {
    const bytes = fixture("stereo.wav");
    const whole = samplesOf(await decodeAudio(bytes));
    for (const size of [1, 3, 44, 4099]) expect(await collect(bytes, size)).toEqual(whole);
  });
});

describe("WAV headers of real programs", () => {
  it.each([
    ["extensible32.wav", 2 ** -22],
    ["pipe-sox.wav", 0],
    ["pipe-ffmpeg.wav", 0],
    ["float-rf64.wav", 0],
  ])("%s holds the beginning of mono24.wav", async (name, tolerance) => {
    const source = (await decodeAudio(fixture("mono24.wav"))).channels[0]?.subarray(0, 480);
    const audio = await decodeAudio(fixture(name));
    expect(audio.sampleRate).toBe(48000);
    expect(audio.channels.length).toBe(1);
    expect(audio.channels[0]?.length).toBe(480);
    const worst = Math.max(...(audio.channels[0] ?? []).map((x, i) => Math.abs(x - (source?.[i] ?? 9))));
    // Samples read one byte off are as large as the tone, 0.9.
    expect(worst).toBeLessThanOrEqual(tolerance);
  });

  it("tells the length of a file, and not of a pipe", async () => {
    const bytes = fixture("pipe-ffmpeg.wav");
    expect((await openAudio(bytes)).numSamples).toBeUndefined();
    expect((await openAudio(bytes, { numBytes: bytes.length })).numSamples).toBe(480);
    expect((await openAudio(fixture("mono.wav"))).numSamples).toBe(8820);
  });

  it("reads to the end where the lengths are 0 or near 2^31, and stops where a length stands", async () => {
    const data = new Uint8Array(8).fill(1);
    const after = riffChunk("LIST", new Uint8Array(6));
    for (const dataSize of [0xffffffff, 0x7ffff000, 0x80000000]) {
      expect((await decodeAudio(wavBytes({ data, dataSize }))).channels[0]?.length).toBe(4);
    }
    expect((await decodeAudio(wavBytes({ data, dataSize: 0, riffBytes: 0 }))).channels[0]?.length).toBe(4);
    expect((await decodeAudio(wavBytes({ data, after }))).channels[0]?.length).toBe(4);
    expect((await decodeAudio(wavBytes({ data: new Uint8Array(0), after }))).channels[0]?.length).toBe(0);
  });

  it("passes over chunks that it does not know, also of odd length", async () => {
    const between = joinBytes(riffChunk("LIST", new Uint8Array(7)), riffChunk("bext", new Uint8Array(602)));
    expect((await decodeAudio(wavBytes({ between }))).channels[0]?.length).toBe(4);
  });
});

describe.skipIf(!hasShared)("WAV recordings", () => {
  it.each([
    ["audio/lyra/sample1_16kHz.wav", 16000, 1],
    ["audio/lyra/sample2_48kHz.wav", 48000, 1],
    ["audio/encodec/test_24k.wav", 24000, 1],
    ["audio/encodec/test_48k.wav", 48000, 2],
  ])("%s is read whole", async (name, sampleRate, numChannels) => {
    const bytes = new Uint8Array(readFileSync(sharedPath(name)));
    const { numSamples } = await openAudio(bytes);
    const audio = await decodeAudio(bytes);
    expect({ rate: audio.sampleRate, channels: audio.channels.length }).toEqual({
      rate: sampleRate,
      channels: numChannels,
    });
    expect(audio.channels[0]?.length).toBe(numSamples);
    // Speech and music at their usual level; bytes read out of step would be noise near full scale, about 0.5.
    const power = (audio.channels[0] ?? new Float32Array(0)).reduce((sum, x) => sum + x * x, 0) / (numSamples ?? 1);
    expect(Math.sqrt(power)).toBeGreaterThan(0.01);
    expect(Math.sqrt(power)).toBeLessThan(0.3);
  });
});

describe("broken WAV", () => {
  it("that ends early is an error at every byte, with the offset", async () => {
    const bytes = fixture("stereo.wav").subarray(0, 200);
    for (let length = 1; length < bytes.length; length++) {
      const error = await failure(bytes.slice(0, length));
      expect(["truncated-audio", "unsupported-audio"]).toContain(error.code);
      expect(error.byteOffset).toBe(error.code === "truncated-audio" ? length : 0);
    }
  });

  it("is found while a stream is read, too", async () => {
    const bytes = fixture("stereo.wav");
    await expect(collect(bytes.subarray(0, 5000), 1000)).rejects.toMatchObject({
      code: "truncated-audio",
      byteOffset: 5000,
    });
  });

  it.each([
    ["no channels", wavBytes({ numChannels: 0 }), "unsupported-channels", 22],
    ["too many channels", wavBytes({ numChannels: 256, frameBytes: 512 }), "unsupported-channels", 22],
    ["an absurd rate", wavBytes({ sampleRate: 0xffffffff }), "corrupt-audio", 24],
    ["a rate of zero", wavBytes({ sampleRate: 0 }), "corrupt-audio", 24],
    ["frames of another size", wavBytes({ frameBytes: 5 }), "corrupt-audio", 32],
    ["compressed samples", wavBytes({ tag: 0x11, bits: 4 }), "unsupported-audio", 20],
    ["no bits", wavBytes({ bits: 0, frameBytes: 0 }), "unsupported-audio", 20],
    ["64-bit integers", wavBytes({ bits: 64 }), "unsupported-audio", 20],
    [
      "a chunk beyond the end",
      wavBytes({ between: riffChunk("LIST", new Uint8Array(0), 0xfffffff0) }),
      "truncated-audio",
    ],
    [
      "samples before their format",
      riffChunk("RIFF", joinBytes(new TextEncoder().encode("WAVE"), riffChunk("data", new Uint8Array(64)))),
      "corrupt-audio",
      12,
    ],
    [
      "a fmt chunk of no length",
      riffChunk("RIFF", joinBytes(new TextEncoder().encode("WAVE"), riffChunk("fmt ", new Uint8Array(64), 4))),
      "corrupt-audio",
      20,
    ],
    ["mu-law", fixture("mulaw.wav"), "unsupported-audio", 20],
  ] as const)("with %s is a typed error", async (_, bytes, code, byteOffset?: number) => {
    const error = await failure(bytes);
    expect(error.code).toBe(code);
    if (byteOffset !== undefined) expect(error.byteOffset).toBe(byteOffset);
    expect(error.message).toMatch(/; .*ffmpeg/);
  });

  it("does not make room for lengths that it only claims", async () => {
    const before = process.memoryUsage().arrayBuffers;
    const bytes = wavBytes({ form: "RF64", dataSize: 0xfffffff0, numChannels: 255 });
    await failure(bytes);
    await expect(collect(bytes, 100)).rejects.toBeInstanceOf(AudioFormatError);
    // The claim is 4 GB.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50e6);
  });

  it("ends in audio or in a typed error, whatever the bytes", async () => {
    const seeds = ["stereo.wav", "extensible32.wav", "float-rf64.wav", "pipe-ffmpeg.wav"].map((name) =>
      fixture(name).subarray(0, 600),
    );
    const mutation = fc.record({
      seed: fc.constantFrom(...seeds),
      length: fc.nat(600),
      edits: fc.array(fc.tuple(fc.nat(120), fc.nat(255)), { maxLength: 6 }),
      pieceSize: fc.integer({ min: 1, max: 700 }),
    });
    let numRead = 0;
    await fc.assert(
      fc.asyncProperty(mutation, async ({ seed, length, edits, pieceSize }) => {
        const bytes = seed.slice(0, length);
        for (const [offset, value] of edits) if (offset < length) bytes[offset] = value;
        try {
          await collect(bytes, pieceSize);
          numRead++;
        } catch (error) {
          if (!(error instanceof AudioFormatError)) throw error;
        }
      }),
      { numRuns: 3000 },
    );
    // Some still read: the mutations reach past the first check.
    expect(numRead).toBeGreaterThan(100);
  });
});
