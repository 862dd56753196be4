import { describe, expect, it } from "vitest";
import { detectAudioFormat } from "../../../../src/audio/files/audio-format";
import { decodeAudio, openAudio } from "../../../../src/audio/files/open-audio";
import { wavBytes } from "../../../helpers/wav-bytes";

const head = (text: string) => Uint8Array.from(text.padEnd(64, "\0"), (character) => character.charCodeAt(0));

describe("detectAudioFormat", () => {
  it.each([
    ["RIFF....WAVE", "wav"],
    ["RF64....WAVE", "wav"],
    ["fLaC", "flac"],
    [`OggS${" ".repeat(24)}OpusHead`, "ogg-opus"],
    [`OggS${" ".repeat(24)}\x01vorbis`, "ogg-vorbis"],
    [`OggS${" ".repeat(24)}\x7fFLAC`, "ogg-flac"],
    ["ID3", "mp3"],
    ["\xff\xfb\x90", "mp3"],
  ])("knows %j", (text, format) => {
    expect(detectAudioFormat(head(text))).toBe(format);
  });

  it.each([
    ["RIFF....AVI ", /AVI/],
    ["....ftypM4A ", /MP4/],
    ["OggS", /Ogg stream without/],
    ["FORM....AIFF", /AIFF/],
    ["\xff\xf1\x50", /no known audio format/],
    ["hello, this is text", /no known audio format.*ffmpeg -i/],
  ])("names %j and tells the way", (text, message) => {
    expect(() => detectAudioFormat(head(text))).toThrow(message);
  });

  it("calls no bytes empty", () => {
    expect(() => detectAudioFormat(new Uint8Array(0))).toThrow(expect.objectContaining({ code: "empty-audio" }));
  });
});

describe("openAudio", () => {
  it("reads Web Streams, also where those cannot be iterated", async () => {
    const bytes = wavBytes({ data: new Uint8Array(100) });
    const stream = () =>
      new ReadableStream<Uint8Array>({
        start(controller) {
          for (let i = 0; i < bytes.length; i += 50) controller.enqueue(bytes.slice(i, i + 50));
          controller.close();
        },
      });
    const plain = stream();
    const notIterable = { getReader: () => plain.getReader() } as ReadableStream<Uint8Array>;
    for (const source of [stream(), notIterable, [bytes.subarray(0, 9), bytes.subarray(9)]]) {
      let numRead = 0;
      for await (const chunk of (await openAudio(source)).chunks) numRead += chunk.channels[0]?.length ?? 0;
      expect(numRead).toBe(50);
    }
  });

  it("closes the source of what it cannot read", async () => {
    let isClosed = false;
    async function* source() {
      try {
        yield head("hello");
        yield head("hello");
      } finally {
        isClosed = true;
      }
    }
    await expect(openAudio(source())).rejects.toMatchObject({ code: "unsupported-audio" });
    expect(isClosed).toBe(true);
  });
});

describe("decodeAudio", () => {
  it("reads a view into larger memory, and leaves it as it was", async () => {
    const bytes = wavBytes({ data: Uint8Array.of(0, 64, 0, 192) });
    const larger = new Uint8Array(bytes.length + 13);
    larger.set(bytes, 13);
    const copy = larger.slice();
    expect([...((await decodeAudio(larger.subarray(13))).channels[0] ?? [])]).toEqual([0.5, -0.5]);
    expect(larger).toEqual(copy);
  });
});
