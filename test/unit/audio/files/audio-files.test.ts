import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { openAudioFile, readAudioFile, writeWavFile } from "../../../../src/audio/files/audio-files";
import { ReplacementFile } from "../../../../src/audio/files/replacement-file";
import type { PcmAudio } from "../../../../src/audio/pcm-audio";

const folder = mkdtempSync(join(tmpdir(), "quantone-audio-"));
afterAll(() => rmSync(folder, { recursive: true }));
const path = (name: string) => join(folder, name);

async function* chunks(count: number): AsyncGenerator<PcmAudio> {
  for (let i = 0; i < count; i++) yield { channels: [new Float32Array(1000).fill(i / 100)], sampleRate: 16000 };
}

describe("writeWavFile", () => {
  it("writes chunks with the true length in the header, and reports", async () => {
    expect(await writeWavFile(path("chunks.wav"), chunks(150))).toEqual({ numSamples: 150_000, numClipped: 49_000 });
    expect((await openAudioFile(path("chunks.wav"))).numSamples).toBe(150_000);
    const audio = await readAudioFile(path("chunks.wav"));
    expect(audio.channels[0]?.length).toBe(150_000);
    expect(audio.channels[0]?.[50_500]).toBeCloseTo(0.5, 4);
  });

  it("leaves nothing behind and harms no older file when the source fails", async () => {
    writeFileSync(path("old.wav"), "old");
    async function* failing() {
      yield* chunks(3);
      throw new Error("the source failed");
    }
    await expect(writeWavFile(path("old.wav"), failing())).rejects.toThrow("the source failed");
    await expect(writeWavFile(path("new.wav"), failing())).rejects.toThrow("the source failed");
    expect(readFileSync(path("old.wav"), "utf8")).toBe("old");
    expect(readdirSync(folder).filter((name) => name.includes("new") || name.endsWith(".tmp"))).toEqual([]);
  });

  it("refuses chunks that differ in rate, and no chunks at all", async () => {
    async function* changing() {
      yield* chunks(1);
      yield { channels: [new Float32Array(1)], sampleRate: 8000 };
    }
    await expect(writeWavFile(path("mixed.wav"), changing())).rejects.toThrow(/every chunk at 16000 Hz, got 8000/);
    await expect(writeWavFile(path("none.wav"), chunks(0))).rejects.toMatchObject({ code: "empty-audio" });
  });

  it("tells of folders that are not there", async () => {
    await expect(writeWavFile(path("no/such.wav"), chunks(1))).rejects.toMatchObject({ code: "ENOENT" });
    await expect(readAudioFile(path("missing.wav"))).rejects.toMatchObject({ code: "ENOENT" });
    await expect(readAudioFile(folder)).rejects.toMatchObject({ code: "EISDIR" });
  });
});

describe("ReplacementFile", () => {
  it("refuses a place that is taken, from the start and at the end", async () => {
    writeFileSync(path("taken"), "mine");
    await expect(ReplacementFile.create(path("taken"), { isOverwriting: false })).rejects.toMatchObject({
      code: "EEXIST",
    });
    {
      await using file = await ReplacementFile.create(path("late"), { isOverwriting: false });
      writeFileSync(path("late"), "mine");
      await expect(file.commit()).rejects.toMatchObject({ code: "EEXIST" });
    }
    expect(readFileSync(path("late"), "utf8")).toBe("mine");
    expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  it("keeps links, and does not replace devices", async () => {
    writeFileSync(path("target"), "old");
    symlinkSync(path("target"), path("link"));
    for (const place of [path("link"), "/dev/null"]) {
      await using file = await ReplacementFile.create(place);
      await file.write(new TextEncoder().encode("new!"));
      await file.writeAtStart(new TextEncoder().encode("N"));
      await file.commit();
    }
    expect(readFileSync(path("target"), "utf8")).toBe("New!");
    expect(statSync("/dev/null").isCharacterDevice()).toBe(true);
  });
});
