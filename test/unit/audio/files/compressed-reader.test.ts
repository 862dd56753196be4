/**
 * Real files of real encoders (test/fixtures/audio/generate.sh), against the samples that went into them. A decoder that
 * gives silence scores 0 dB, swapped channels below 0 dB.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { decodeAudio, openAudio } from "../../../../src/audio/files/open-audio";
import type { PcmAudio } from "../../../../src/audio/pcm-audio";
import { resample } from "../../../../src/audio/resample";
import { AudioFormatError } from "../../../../src/errors";
import { hasShared, sharedPath } from "../../../helpers/shared";
import { joinBytes } from "../../../helpers/wav-bytes";

const fixture = (name: string) => new Uint8Array(readFileSync(join("test/fixtures/audio", name)));

function snrDb(actual: PcmAudio, expected: PcmAudio): number {
  let signal = 0;
  let noise = 0;
  for (const [c, channel] of expected.channels.entries()) {
    for (const [i, x] of channel.entries()) {
      signal += x * x;
      noise += (x - (actual.channels[c]?.[i] ?? 0)) ** 2;
    }
  }
  return 10 * Math.log10(signal / noise);
}

const delayed = (audio: PcmAudio): PcmAudio => ({
  ...audio,
  channels: audio.channels.map((channel) => Float32Array.of(0, ...channel)),
});

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let begin = 0; begin < bytes.length; begin += size) yield bytes.subarray(begin, begin + size);
}

async function decodeInPieces(bytes: Uint8Array, size: number): Promise<PcmAudio> {
  const stream = await openAudio(inPieces(bytes, size));
  const channels: number[][] = Array.from({ length: stream.numChannels }, () => []);
  for await (const chunk of stream.chunks) {
    for (const [index, samples] of chunk.channels.entries()) channels[index]?.push(...samples);
  }
  return { channels: channels.map((channel) => Float32Array.from(channel)), sampleRate: stream.sampleRate };
}

// The decoders report damage on the console as well; it is expected here.
beforeAll(() => void vi.spyOn(console, "error").mockImplementation(() => undefined));
afterAll(() => vi.restoreAllMocks());

describe("FLAC", () => {
  it.each([
    ["stereo.flac", "stereo.wav"],
    ["mono24.flac", "mono24.wav"],
    ["mono-flac.ogg", "mono.wav"],
    ["silent-end.flac", "silent-end.wav"],
  ])("%s is bit for bit %s", async (name, source) => {
    expect(await decodeAudio(fixture(name))).toEqual(await decodeAudio(fixture(source)));
  });

  it.skipIf(!hasShared)("of real recordings has the length that it announces", async () => {
    for (const folder of ["eval", "visqol"]) {
      for (const name of readdirSync(sharedPath(`audio/${folder}`)).filter((file) => file.endsWith(".flac"))) {
        const stream = await openAudio(new Uint8Array(readFileSync(sharedPath(`audio/${folder}/${name}`))));
        let numRead = 0;
        for await (const chunk of stream.chunks) numRead += chunk.channels[0]?.length ?? 0;
        expect(numRead).toBe(stream.numSamples);
      }
    }
  });

  it("tells its length beforehand", async () => {
    expect((await openAudio(fixture("stereo.flac"))).numSamples).toBe(8820);
  });

  it("that ends early is an error", async () => {
    const bytes = fixture("stereo.flac");
    for (const length of [100, 9000, 20000]) {
      await expect(decodeAudio(bytes.slice(0, length))).rejects.toMatchObject({ name: "AudioFormatError" });
    }
    await expect(decodeAudio(bytes.slice(0, 20000))).rejects.toMatchObject({ code: "truncated-audio" });
  });
});

describe("lossy formats", () => {
  it.each([
    ["stereo.mp3", "stereo.wav"],
    ["mono.mp3", "mono.wav"],
    ["stereo-vorbis.ogg", "stereo.wav"],
    ["mono-vorbis.ogg", "mono.wav"],
    ["stereo.opus", "stereo.wav"],
    ["mono.opus", "mono.wav"],
  ])("%s is close to %s, in place and of its length", async (name, source) => {
    const expected = await decodeAudio(fixture(source));
    const decoded = await decodeAudio(fixture(name));
    expect(decoded.channels.length).toBe(expected.channels.length);
    const audio = decoded.sampleRate === 48000 ? await resample(decoded, 22050) : decoded;
    expect(audio.sampleRate).toBe(22050);
    expect(Math.abs((audio.channels[0]?.length ?? 0) - 8820)).toBeLessThanOrEqual(1);
    // The encoders leave 26 to 33 dB.
    expect(snrDb(audio, expected)).toBeGreaterThan(22);
    // One sample of delay, or one left out, must not pass.
    expect(snrDb(delayed(audio), expected)).toBeLessThan(15);
    expect(snrDb({ ...audio, channels: audio.channels.map((c) => c.subarray(1)) }, expected)).toBeLessThan(15);
  });
});

describe("any compressed format", () => {
  const names = ["stereo.flac", "mono-flac.ogg", "stereo.mp3", "stereo-vorbis.ogg", "stereo.opus"];

  it.each(names)("%s does not depend on how the bytes come", async (name) => {
    const bytes = fixture(name);
    const whole = await decodeAudio(bytes);
    for (const size of [499, 4096]) expect(await decodeInPieces(bytes, size)).toEqual(whole);
  });

  it.each(names)("%s that is damaged ends in audio or a typed error", async (name) => {
    for (let seed = 1; seed <= 15; seed++) {
      const bytes = fixture(name).slice(0, seed % 3 === 0 ? 800 * seed : undefined);
      for (let edit = 0, state = seed; edit < seed % 7; edit++) {
        state = (Math.imul(state, 1103515245) + 12345) >>> 0;
        // Half of the edits hit the headers.
        bytes[(state >>> 8) % (edit % 2 === 0 ? 300 : bytes.length)] = state & 255;
      }
      const fault = await decodeAudio(bytes).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (fault !== undefined) expect(fault).toBeInstanceOf(AudioFormatError);
    }
  });

  it.each(names)("%s followed by nothing but its header is an error", async (name) => {
    const fault = await decodeAudio(fixture(name).slice(0, 64)).catch((error: unknown) => error);
    expect(fault).toMatchObject({ name: "AudioFormatError" });
    expect((fault as Error).message).toMatch(/ffmpeg -i/);
  });

  it("closes its source when reading stops early", async () => {
    let isClosed = false;
    async function* source() {
      try {
        yield* inPieces(fixture("stereo.flac"), 1000);
      } finally {
        isClosed = true;
      }
    }
    const stream = await openAudio(source());
    for await (const _ of stream.chunks) break;
    expect(isClosed).toBe(true);
    isClosed = false;
    await (await openAudio(source())).close();
    expect(isClosed).toBe(true);
  });

  it("refuses more samples than it may hold", async () => {
    await expect(decodeAudio(fixture("stereo.flac"), { maxSamples: 10000 })).rejects.toThrow(/openAudio/);
  });
});

describe("MP3", () => {
  it("passes over an ID3 tag that is larger than a read, and still knows mono", async () => {
    const tagBytes = 40_000;
    const tag = new Uint8Array(10 + tagBytes);
    tag.set([0x49, 0x44, 0x33, 4, 0, 0, 0, tagBytes >> 14, (tagBytes >> 7) & 127, tagBytes & 127]);
    // What looks like stereo frames inside the tag, a picture say, must not be taken for one.
    for (let i = 100; i < tag.length - 4; i += 100) tag.set([0xff, 0xfb, 0x90, 0x00], i);
    const tagged = await decodeInPieces(joinBytes(tag, fixture("mono.mp3")), 5000);
    expect(tagged).toEqual(await decodeAudio(fixture("mono.mp3")));
    expect(tagged.channels.length).toBe(1);
  });

  it("takes a tag after the last frame", async () => {
    const trailer = new Uint8Array(5000).fill(0x20);
    const whole = await decodeAudio(fixture("mono.mp3"));
    const tagged = await decodeAudio(joinBytes(fixture("mono.mp3"), trailer));
    expect(tagged).toEqual(whole);
  });
});

describe("Opus", () => {
  it("leaves out what the encoder added at both ends, and joins streams that follow one another", async () => {
    const whole = await decodeAudio(fixture("mono.opus"));
    expect(whole.channels[0]?.length).toBe(19200);
    const chained = await decodeAudio(joinBytes(fixture("mono.opus"), fixture("mono.opus")));
    expect(chained.channels[0]?.length).toBe(38400);
    expect(chained.channels[0]?.subarray(19200)).toEqual(whole.channels[0]);
  });

  it("ends in a typed error or audio also where damage brings the decoder down, and freeing it fails", async () => {
    // Lengths in the page of the packets, found by fuzzing.
    for (const [offset, value] of [
      [870, 55],
      [878, 17],
      [892, 235],
      [902, 16],
    ] as const) {
      const bytes = fixture("stereo.opus");
      bytes[offset] = value;
      const outcome = await decodeAudio(bytes).catch((error: unknown) => error);
      if (outcome instanceof Error) expect(outcome).toBeInstanceOf(AudioFormatError);
    }
  });

  it("applies the gain that its header asks for", async () => {
    const bytes = fixture("mono.opus");
    const whole = await decodeAudio(bytes);
    // -6.0206 dB in steps of 1/256 dB, which is one half. The page's checksum is not looked at.
    new DataView(bytes.buffer).setInt16(28 + 16, -1541, true);
    const halved = await decodeAudio(bytes);
    const worst = Math.max(
      ...whole.channels.flatMap((c, k) => [...c].map((x, i) => Math.abs(x / 2 - (halved.channels[k]?.[i] ?? 9)))),
    );
    expect(worst).toBeLessThan(1e-4);
    expect(Math.max(...(whole.channels[0] ?? []))).toBeGreaterThan(0.3);
  });
});
