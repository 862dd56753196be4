/** Constant memory: the commands read and write streams far larger than what the process may grow by. */
import { Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { encodeWav, WavEncoder } from "../../../src/audio/files/wav-writer";
import { runCommandLine } from "../../../src/cli/program";
import { ContainerWriter } from "../../../src/container/container-writer";
import { fakeCodec } from "../../helpers/fake-codec";

class Counted extends Writable {
  numBytes = 0;
  maxRss = 0;

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.numBytes += chunk.length;
    this.maxRss = Math.max(this.maxRss, process.memoryUsage.rss());
    done();
  }
}

async function run(args: string[], stdin: AsyncIterable<Uint8Array>) {
  const stdout = new Counted();
  const rssBefore = process.memoryUsage.rss();
  const exitCode = await runCommandLine(args, {
    stdin,
    stdout,
    stderr: new Counted(),
    signal: new AbortController().signal,
    codecs: [{ name: "fake", summary: "", weightsLicence: "" }],
    loadCodec: async () => fakeCodec({ options: [], isDisposed: false }),
    vocoders: [],
    loadVocoder: never,
    speechModels: [],
    loadSpeechModel: never,
    languageModelCodecs: [],
    loadLanguageModel: never,
    findInstalledWeights: never,
    openRuntime: never,
    now: () => 0,
  });
  return { exitCode, numBytes: stdout.numBytes, grownBytes: stdout.maxRss - rssBefore };
}

const never = () => Promise.reject(new Error("not called"));

describe("memory", () => {
  it("stays the same over an hour of audio going in", async () => {
    async function* hour(): AsyncGenerator<Uint8Array> {
      const wav = new WavEncoder({ sampleRate: 16000, numChannels: 1 });
      yield wav.header();
      for (let second = 0; second < 3600; second++) yield wav.push([new Float32Array(16000)]);
    }
    const { exitCode, grownBytes } = await run(["encode", "--codec", "fake", "-", "-"], hour());
    expect(exitCode).toBe(0);
    // Held as bytes it would be 115 MB, as samples 230 MB.
    expect(grownBytes).toBeLessThan(100e6);
  });

  it("stays the same over an hour of audio coming out", async () => {
    async function* hour(): AsyncGenerator<Uint8Array> {
      const format = { codec: "fake", revision: "1", sampleRate: 16000, frameRate: 50 };
      const writer = new ContainerWriter({ ...format, numChannels: 1, numCodebooks: 1, codebookSize: 1024 });
      for (let minute = 0; minute < 60; minute++) yield writer.write(new Uint16Array(3000).fill(minute));
      yield writer.finish(180_000 * 320);
    }
    const { exitCode, grownBytes, numBytes } = await run(["decode", "-", "-"], hour());
    expect({ exitCode, numBytes }).toEqual({ exitCode: 0, numBytes: 80 + 2 * 180_000 * 320 });
    // Held as bytes it would be 115 MB, as samples 230 MB more.
    expect(grownBytes).toBeLessThan(100e6);
  });

  it("is what the numbers above say: held samples show", () => {
    const before = process.memoryUsage.rss();
    const held = encodeWav({ channels: [new Float32Array(57_600_000).fill(0.1)], sampleRate: 16000 }).bytes;
    expect(process.memoryUsage.rss() - before).toBeGreaterThan(100e6);
    expect(held.length).toBe(44 + 115_200_000);
  });
});
