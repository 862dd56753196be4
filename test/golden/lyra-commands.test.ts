/** Lyra V2 from the command line, with its published files where they are at hand: audio → .lyra → audio. */
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readAudioFile, writeWavFile } from "../../src/audio/index";
import { readLyra } from "../../src/container/index";
import { codecs, loadCodec } from "../../src/index";
import { runCommand } from "../helpers/run-command";
import { hasShared, sharedPath } from "../helpers/shared";
import { speechLike } from "../helpers/synth-audio";

const folder = await mkdtemp(join(tmpdir(), "quantone-"));
afterAll(() => rm(folder, { recursive: true }));
const path = (name: string) => join(folder, name);

const quantone = (...args: string[]) => runCommand(args, { codecs, loadCodec });

describe.skipIf(!hasShared)("lyra-v2 from the command line", () => {
  const weights = ["--weights", sharedPath("models/lyra"), "--device", "cpu"];

  it("encodes to packets and decodes them", async () => {
    const seconds = 1.51;
    await writeWavFile(path("in.wav"), { channels: [speechLike(48_000 * seconds, 3)], sampleRate: 48_000 });
    const encode = ["encode", path("in.wav"), path("out.lyra"), "--codec", "lyra-v2", ...weights];
    expect(await quantone(...encode, "--bitrate", "6")).toMatchObject({ exitCode: 0 });
    const bytes = readFileSync(path("out.lyra"));
    expect(bytes.length).toBe(Math.ceil(seconds * 50) * 15);
    expect(readLyra(bytes, { revision: "r" }).numCodebooks).toBe(30);
    const decode = ["decode", path("out.lyra"), path("out.wav"), "--bitrate", "6", ...weights];
    expect(await quantone(...decode)).toMatchObject({ exitCode: 0 });
    const { channels, sampleRate } = await readAudioFile(path("out.wav"));
    expect([channels[0]?.length, sampleRate]).toEqual([76 * 320, 16_000]);
  });

  it("finds its folder by one of its files, and asks for it where another is given", async () => {
    const decodeWith = (file: string) =>
      quantone("decode", path("out.lyra"), path(`${basename(file)}.wav`), "--weights", file, "-b", "6");
    expect(await decodeWith(sharedPath("models/lyra/quantizer.tflite"))).toMatchObject({ exitCode: 0 });
    const { exitCode, stderr } = await decodeWith(path("out.lyra"));
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/check the path; it is the folder of .*quantizer\.tflite.* that is asked for/);
  });

  it("tells which rates there are packets for", async () => {
    const wrong = await quantone("encode", path("in.wav"), path("b.lyra"), "--codec", "lyra-v2", "--bitrate", "7", ...weights);
    expect(wrong.exitCode).toBe(2);
    expect(wrong.stderr).toMatch(/^quantone: the output .*b\.lyra: .*3200, 6000 or 9200/);
    const atNone = await quantone("decode", path("out.lyra"), path("b.wav"), "--bitrate", "5", ...weights);
    expect(atNone.exitCode).toBe(2);
    expect(atNone.stderr).toBe('quantone: "--bitrate" expected 3.2, 6 or 9.2 kbit/s for Lyra\'s packets, got 5\n');
  });
});
