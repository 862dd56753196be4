/** The program itself, as a process in a folder of its own, with the embedded codec. */
import { type ChildProcess, spawn } from "node:child_process";
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { decodeAudio } from "../../../src/audio/files/open-audio";
import { encodeWav, WavEncoder } from "../../../src/audio/files/wav-writer";
import { readContainer } from "../../../src/container/container-reader";
import { speechLike } from "../../helpers/synth-audio";

const repository = join(import.meta.dirname, "..", "..", "..");
const main = join(repository, "src/cli/main.ts");
const loader = fileURLToPath(import.meta.resolve("tsx"));
const folder = mkdtempSync(join(tmpdir(), "quantone-process-"));
afterAll(() => rmSync(folder, { recursive: true }));

interface Ended {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

function start(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, ["--import", loader, main, ...args], { cwd: folder });
}

async function ended(child: ChildProcess): Promise<Ended> {
  const stdout: Buffer[] = [];
  let stderr = "";
  child.stdout?.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr?.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, stdout: Buffer.concat(stdout), stderr };
}

function quantone(args: readonly string[], stdin: Uint8Array = new Uint8Array(0)): Promise<Ended> {
  const child = start(args);
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(stdin);
  return ended(child);
}

const speech = encodeWav({ channels: [speechLike(36_000, 1, 24_000)], sampleRate: 24000 }).bytes;
writeFileSync(join(folder, "speech.wav"), speech);
const file = (name: string) => readFileSync(join(folder, name));

// Several processes a test, each of which loads the codec: seconds, on a busy machine minutes.
describe("quantone", { timeout: 240_000 }, () => {
  it("encodes, tells about and decodes a file", async () => {
    const encoded = await quantone([
      "encode",
      "speech.wav",
      "speech.qtn",
      "--bitrate",
      "3",
      "--json",
      "--device",
      "cpu",
    ]);
    expect(encoded).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(encoded.stdout.toString())).toMatchObject({
      codec: "speech-16k",
      numSamples: 24000,
      numFrames: 75,
      numCodebooks: 6,
      bitsPerSecond: 3000,
    });
    expect(readContainer(file("speech.qtn")).codes.length).toBe(75 * 6);
    const info = await quantone(["info", "speech.qtn", "--json"]);
    expect(JSON.parse(info.stdout.toString())).toMatchObject({ numSamples: 24000, numFrames: 75, damage: [] });
    const decoded = await quantone(["decode", "speech.qtn", "speech3k.wav", "--device", "cpu"]);
    expect(decoded).toMatchObject({ code: 0, stderr: expect.stringMatching(/^speech\.qtn \(.*x real time\n$/) });
    const audio = await decodeAudio(file("speech3k.wav"));
    expect({ length: audio.channels[0]?.length, rate: audio.sampleRate }).toEqual({ length: 24000, rate: 16000 });
    // It holds sound: silence would be 0.
    expect(Math.max(...(audio.channels[0] ?? []))).toBeGreaterThan(0.01);
  });

  it("gives the same through pipes as through files", async () => {
    await quantone(["encode", "speech.wav", "piped.qtn", "-q", "--device", "cpu"]);
    const encoded = await quantone(["encode", "-", "-", "-q", "--device", "cpu"], speech);
    expect(encoded).toMatchObject({ code: 0, stderr: "" });
    expect(encoded.stdout.equals(file("piped.qtn"))).toBe(true);
    await quantone(["decode", "piped.qtn", "piped.wav", "-q", "--device", "cpu"]);
    const decoded = await quantone(["decode", "-", "-", "-q", "--device", "cpu"], encoded.stdout);
    expect(await decodeAudio(new Uint8Array(decoded.stdout))).toEqual(await decodeAudio(file("piped.wav")));
  });

  it("reads compressed audio whatever its name", async () => {
    copyFileSync(join(repository, "test/fixtures/audio/stereo.opus"), join(folder, "stereo.wav"));
    const encoded = await quantone([
      "encode",
      "stereo.wav",
      "stereo.qtn",
      "--channels",
      "separate",
      "--json",
      "--device",
      "cpu",
    ]);
    expect(encoded.code).toBe(0);
    expect(JSON.parse(encoded.stdout.toString())).toMatchObject({
      source: { format: "ogg-opus", sampleRate: 48000, numChannels: 2 },
      numChannels: 2,
      numSamples: 6400,
    });
  });

  it("ends with 1 when the world is at fault and with 2 when the command is, and says what to do", async () => {
    const missing = await quantone(["encode", "nowhere.wav", "a.qtn"]);
    expect(missing).toMatchObject({
      code: 1,
      stderr: "quantone: nowhere.wav: no such file or folder; check the path\n",
    });
    writeFileSync(join(folder, "taken.qtn"), "mine");
    const taken = await quantone(["encode", "speech.wav", "taken.qtn"]);
    expect(taken).toMatchObject({ code: 1, stderr: expect.stringMatching(/taken\.qtn: exists; .*--force\n$/) });
    expect(file("taken.qtn").toString()).toBe("mine");
    const itself = await quantone(["encode", "speech.wav", "speech.wav", "--force"]);
    expect(itself).toMatchObject({ code: 2, stderr: expect.stringMatching(/speech\.wav is the input file itself/) });
    expect(file("speech.wav").equals(speech)).toBe(true);
    const broken = await quantone(["encode", "-", "a.qtn"], new TextEncoder().encode("not audio at all"));
    expect(broken).toMatchObject({ code: 1, stderr: expect.stringMatching(/expected WAV, FLAC.*ffmpeg -i INPUT/) });
    const tooLow = await quantone(["encode", "speech.wav", "a.qtn", "--bitrate", "0.2"]);
    expect(tooLow).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/"--bitrate" expected at least 0\.5 kbit\/s/),
    });
    expect((await quantone(["encode", "speech.wav"])).code).toBe(2);
    expect(readdirSync(folder).filter((name) => name.startsWith("a.qtn"))).toEqual([]);
  });

  it("can be stopped while it waits for input, and leaves nothing behind", async () => {
    const child = start(["encode", "-", "stopped.qtn", "--device", "cpu"]);
    const end = ended(child);
    const header = new WavEncoder({ sampleRate: 16000, numChannels: 1 }).header();
    child.stdin?.on("error", () => undefined);
    child.stdin?.write(Buffer.concat([header, Buffer.alloc(64000)]));
    while (!readdirSync(folder).some((name) => name.startsWith("stopped"))) await new Promise((r) => setTimeout(r, 50));
    child.kill("SIGINT");
    expect(await end).toMatchObject({ code: 130, stderr: expect.stringMatching(/stopped; nothing was left behind/) });
    expect(readdirSync(folder).filter((name) => name.startsWith("stopped"))).toEqual([]);
  });

  it("ends quietly when nobody reads on", async () => {
    await quantone(["encode", "speech.wav", "unread.qtn", "-q", "--device", "cpu"]);
    const child = start(["decode", "unread.qtn", "-", "--device", "cpu"]);
    child.stdout?.destroy();
    expect(await ended(child)).toMatchObject({ code: 1, stderr: "" });
  });
});
