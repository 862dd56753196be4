/** The commands in this process, around a codec without networks: what they read, write, print and end with. */
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { afterAll, describe, expect, it } from "vitest";
import { decodeAudio } from "../../../src/audio/files/open-audio";
import { encodeWav } from "../../../src/audio/files/wav-writer";
import type { CliEnvironment } from "../../../src/cli/environment";
import { runCommandLine } from "../../../src/cli/program";
import { readContainer } from "../../../src/container/container-reader";
import { BackendError, CheckpointError, ModelError } from "../../../src/errors";
import { type FakeCodecLog, fakeCodec } from "../../helpers/fake-codec";

const folder = mkdtempSync(join(tmpdir(), "quantone-cli-"));
afterAll(() => rmSync(folder, { recursive: true }));
const path = (name: string) => join(folder, name);

class Collected extends Writable {
  readonly chunks: Buffer[] = [];
  isTTY = false;

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.chunks.push(chunk);
    done();
  }

  get bytes(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.chunks));
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString();
  }
}

async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let begin = 0; begin < bytes.length; begin += 999) yield bytes.subarray(begin, begin + 999);
}

interface World {
  readonly stdin?: Uint8Array;
  readonly isTerminal?: boolean;
  readonly signal?: AbortSignal;
  readonly gain?: number;
  readonly environment?: Partial<CliEnvironment>;
}

async function quantone(args: string[], world: World = {}) {
  const stdout = new Collected();
  const stderr = new Collected();
  stdout.isTTY = world.isTerminal ?? false;
  const log: FakeCodecLog = { options: [], isDisposed: false };
  let clock = 0;
  const exitCode = await runCommandLine(args, {
    stdin: inPieces(world.stdin ?? new Uint8Array(0)),
    stdout,
    stderr,
    signal: world.signal ?? new AbortController().signal,
    codecs: [
      {
        name: "fake",
        summary: "counts frames",
        weightsLicence: "none",
      },
    ],
    loadCodec: async () => fakeCodec(log, world.gain),
    vocoders: [],
    loadVocoder: () => Promise.reject(new Error("not asked for")),
    speechModels: [],
    loadSpeechModel: () => Promise.reject(new Error("not asked for")),
    languageModelCodecs: ["encodec-24khz"],
    loadLanguageModel: () => Promise.reject(new Error("not asked for")),
    findInstalledWeights: async () => undefined,
    openRuntime: async ({ device = "cpu" }) => ({
      name: "fake 1.0",
      device: device === "auto" ? "cpu" : device,
      notes: [],
    }),
    now: () => (clock += 100),
    ...world.environment,
  });
  return { exitCode, stdout, stderr, log };
}

const encode = (...args: string[]) => ["encode", "--codec", "fake", ...args];

/** A WAV file of 1000 samples over a hop and a bit. */
const shortWav = encodeWav({ channels: [new Float32Array(1000).fill(0.25)], sampleRate: 16000 }).bytes;
writeFileSync(path("short.wav"), shortWav);

const filesLike = (part: string) => readdirSync(folder).filter((name) => name.includes(part));

describe("encode", () => {
  it("writes a container and tells about it", async () => {
    const { exitCode, stdout, stderr, log } = await quantone(encode(path("short.wav"), path("a.qtn")));
    expect({ exitCode, out: stdout.text }).toEqual({ exitCode: 0, out: "" });
    expect(stderr.text).toMatch(
      /short\.wav \(0\.06 s 16000 Hz mono wav\) -> .*a\.qtn \(.*1 codebooks.* in .* s, .*x real time\n$/,
    );
    const tokens = readContainer(readFileSync(path("a.qtn")));
    expect([...tokens.codes]).toEqual([0, 1, 2, 3]);
    expect(tokens.numSamples).toBe(1000);
    expect(log.isDisposed).toBe(true);
  });

  it("hands options to the codec", async () => {
    const { log } = await quantone(encode(path("short.wav"), "-", "-b", "1.5", "--channels", "separate"));
    expect(log.options[0]).toMatchObject({ bitsPerSecond: 1500, channels: "separate" });
    const second = await quantone(encode(path("short.wav"), "-", "--codebooks", "4", "--beam-width", "2"));
    expect(second.log.options[0]).toMatchObject({ numCodebooks: 4, beamWidth: 2, channels: "mix" });
  });

  it("warns of a rate above the codec's highest, such as one in bit/s", async () => {
    const above = await quantone(encode(path("short.wav"), "-", "-b", "3000"));
    expect(above.exitCode).toBe(0);
    expect(above.stderr.text).toMatch(
      /^warning: --bitrate 3000 is above the highest rate of fake, 0\.5 kbit\/s, .*unit is kbit\/s\n/,
    );
    const highest = await quantone(encode(path("short.wav"), "-", "-b", "0.5"));
    expect(highest.stderr.text).not.toMatch(/warning/);
  });

  it("prints JSON for programs: beside the bytes when those go to standard output", async () => {
    const toFile = await quantone(encode(path("short.wav"), path("json.qtn"), "--json"));
    expect(JSON.parse(toFile.stdout.text)).toEqual({
      input: path("short.wav"),
      output: path("json.qtn"),
      source: { format: "wav", sampleRate: 16000, numChannels: 1 },
      codec: "fake",
      revision: "1",
      sampleRate: 16000,
      numChannels: 1,
      numSamples: 1000,
      numFrames: 4,
      numCodebooks: 1,
      bitsPerSecond: 500,
      bytes: readFileSync(path("json.qtn")).length,
      fileBitsPerSecond: (readFileSync(path("json.qtn")).length * 8) / 0.0625,
      seconds: 0.0625,
      numBeyondFullScale: 0,
      elapsedSeconds: expect.any(Number),
      realTimeFactor: expect.any(Number),
    });
    expect(toFile.stderr.text).toBe("");
    const toStream = await quantone(encode("-", "-", "--json"), { stdin: shortWav });
    expect(JSON.parse(toStream.stderr.text)).toMatchObject({ output: "-", numFrames: 4 });
    expect(toStream.stdout.bytes).toEqual(new Uint8Array(readFileSync(path("json.qtn"))));
  });

  it("refuses a language model where there is none, before anything is loaded", async () => {
    const { exitCode, stderr, log } = await quantone(encode(path("short.wav"), path("lm.ecdc"), "--lm", "lm.th"));
    expect(exitCode).toBe(2);
    expect(stderr.text).toMatch(
      /"--lm" expected the codec encodec-24khz, got fake; leave it out, or choose one by --codec/,
    );
    expect([log.isDisposed, filesLike("lm")]).toEqual([false, []]);
  });

  it("makes a file of audio without samples", async () => {
    const { bytes } = encodeWav({ channels: [new Float32Array(0)], sampleRate: 16000 });
    const { exitCode, stdout } = await quantone(encode("-", "-", "-q"), { stdin: bytes });
    expect(exitCode).toBe(0);
    expect(readContainer(stdout.bytes).numSamples).toBe(0);
  });

  it("warns of samples beyond full scale, with the level that mends it", async () => {
    const { bytes } = encodeWav(
      { channels: [Float32Array.of(0, 2, -1, 0)], sampleRate: 16000 },
      { sampleFormat: "f32" },
    );
    const { exitCode, stderr } = await quantone(encode("-", path("loud.qtn")), { stdin: bytes });
    expect(exitCode).toBe(0);
    expect(stderr.text).toMatch(/^warning: 1 samples lie beyond full scale.*volume=-7dB/);
    const quiet = await quantone(encode("-", path("loud2.qtn"), "--quiet"), { stdin: bytes });
    expect(quiet.stderr.text).toBe("");
  });

  it("does not replace a file unless it is told to", async () => {
    writeFileSync(path("taken.qtn"), "mine");
    const refused = await quantone(encode(path("short.wav"), path("taken.qtn")));
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr.text).toMatch(/taken\.qtn: exists; .*--force\n$/);
    expect(readFileSync(path("taken.qtn"), "utf8")).toBe("mine");
    expect((await quantone(encode(path("short.wav"), path("taken.qtn"), "--force"))).exitCode).toBe(0);
    expect(readContainer(readFileSync(path("taken.qtn"))).numSamples).toBe(1000);
  });

  it("leaves nothing behind when the input is broken half-way", async () => {
    const { exitCode, stderr } = await quantone(encode("-", path("half.qtn")), { stdin: shortWav.subarray(0, 1500) });
    expect(exitCode).toBe(1);
    expect(stderr.text).toMatch(/^quantone: WAV ends at byte 1500.*ffmpeg -i in\.wav out\.wav\n$/);
    expect(filesLike("half")).toEqual([]);
  });

  it("leaves nothing behind when it is stopped", async () => {
    const { exitCode, stderr } = await quantone(encode(path("short.wav"), path("stopped.qtn")), {
      signal: AbortSignal.abort(new Error("got SIGINT")),
    });
    expect(exitCode).toBe(130);
    expect(stderr.text).toMatch(/stopped; nothing was left behind/);
    expect(filesLike("stopped")).toEqual([]);
  });

  it("keeps bytes off terminals", async () => {
    const { exitCode, stderr, stdout } = await quantone(encode(path("short.wav"), "-"), { isTerminal: true });
    expect(exitCode).toBe(2);
    expect(stderr.text).toMatch(/is a terminal; name a file, or redirect/);
    expect(stdout.text).toBe("");
  });

  it("shows progress where it is asked for, and only there", async () => {
    const long = encodeWav({ channels: [new Float32Array(160_000)], sampleRate: 16000 }).bytes;
    writeFileSync(path("long.wav"), long);
    const shown = await quantone(encode(path("long.wav"), "-", "--progress", "-q"));
    expect(shown.stderr.text).toBe("");
    const asked = await quantone(encode(path("long.wav"), "-", "--progress"));
    expect(asked.stderr.text).toMatch(/\[#+-*\] \d+ % \| .* x real time \| .* left/);
    const unknown = await quantone(encode("-", "-", "--progress"), { stdin: streamed(long) });
    expect(unknown.stderr.text).toMatch(/ s \| .* x real time/);
    expect(unknown.stderr.text).not.toMatch(/%/);
    expect((await quantone(encode(path("long.wav"), "-"))).stderr.text).not.toMatch(/left/);
  });
});

/** The same WAV as a program writes it to a pipe, without lengths. */
function streamed(wav: Uint8Array): Uint8Array {
  const bytes = wav.slice();
  const view = new DataView(bytes.buffer);
  view.setUint32(4, 0xffffffff, true);
  view.setUint32(40, 0xffffffff, true);
  return bytes;
}

/** A container of two packets: 300 frames. */
const container = await quantone(encode("-", "-", "-q"), {
  stdin: encodeWav({ channels: [new Float32Array(300 * 320 - 7)], sampleRate: 16000 }).bytes,
}).then(({ stdout }) => stdout.bytes);

describe("decode", () => {
  it("writes a WAV file with its true length", async () => {
    writeFileSync(path("in.qtn"), container);
    const { exitCode, stderr, log } = await quantone(["decode", path("in.qtn"), path("out.wav")]);
    expect(exitCode).toBe(0);
    expect(stderr.text).toMatch(/in\.qtn \(.*\) -> .*out\.wav \(6\.00 s 16000 Hz mono\) in .* s, .* x real time\n$/);
    const bytes = readFileSync(path("out.wav"));
    expect(bytes.readUInt32LE(4)).toBe(bytes.length - 8);
    const audio = await decodeAudio(bytes);
    expect(audio.channels[0]?.length).toBe(300 * 320 - 7);
    expect(audio.channels[0]?.[299 * 320]).toBeCloseTo(299 / 1024, 4);
    expect(log.isDisposed).toBe(true);
  });

  it("streams from input to output, with floats if asked", async () => {
    const { exitCode, stdout } = await quantone(["decode", "-", "-", "--sample-format", "f32"], { stdin: container });
    expect(exitCode).toBe(0);
    expect((await decodeAudio(stdout.bytes)).channels[0]?.[320]).toBe(Math.fround(1 / 1024));
  });

  it.each([".mp3", ".FLAC", ".ogg", ".opus", ".m4a", ".qtn"])(
    "does not write WAV under the ending %s",
    async (ending) => {
      const { exitCode, stderr } = await quantone(["decode", "-", path(`foreign${ending}`)], { stdin: container });
      expect(exitCode).toBe(2);
      expect(stderr.text).toMatch(/only WAV is written; name it \.wav, or convert it/);
      expect(filesLike("foreign")).toEqual([]);
    },
  );

  it.each([".wav", ".WAV", ".wave", ""])("writes WAV under the ending '%s'", async (ending) => {
    const output = path(`plain${ending}`);
    expect((await quantone(["decode", "-", output, "--force"], { stdin: container })).exitCode).toBe(0);
    expect(readFileSync(output).toString("latin1", 0, 4)).toBe("RIFF");
  });

  it("warns of clipping and names the format that does not clip", async () => {
    const loud = { stdin: container, gain: 1 / 256 };
    const { stderr } = await quantone(["decode", "-", path("clipped.wav")], loud);
    expect(stderr.text).toMatch(/^warning: 13\d\d\d samples clipped; keep them with --sample-format f32/);
    const floats = await quantone(["decode", "-", path("kept.wav"), "--sample-format", "f32"], loud);
    expect(floats.stderr.text).not.toMatch(/warning/);
  });

  it("makes an empty WAV of an empty container", async () => {
    const { bytes } = encodeWav({ channels: [new Float32Array(0)], sampleRate: 16000 });
    const { stdout } = await quantone(encode("-", "-", "-q"), { stdin: bytes });
    expect((await quantone(["decode", "-", path("empty.wav")], { stdin: stdout.bytes })).exitCode).toBe(0);
    expect((await decodeAudio(readFileSync(path("empty.wav")))).channels[0]?.length).toBe(0);
  });

  it("refuses a damaged container, and decodes the rest of it when told to", async () => {
    const damaged = container.slice();
    damaged[100] = (damaged[100] ?? 0) ^ 0xff;
    const refused = await quantone(["decode", "-", path("damaged.wav")], { stdin: damaged });
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr.text).toMatch(/--skip-damaged\.\n$/);
    expect(filesLike("damaged")).toEqual([]);
    const kept = await quantone(["decode", "-", path("damaged.wav"), "--skip-damaged", "--json"], { stdin: damaged });
    expect(kept.exitCode).toBe(0);
    expect(kept.stderr.text).toMatch(/^warning: .*packet 0/);
    const result = JSON.parse(kept.stdout.text);
    expect(result).toMatchObject({ lostFrames: 256, numSamples: 300 * 320 - 7, numClipped: 0 });
    expect(result.damage).toMatchObject([{ firstFrame: 0, numFrames: 256, code: "checksum-mismatch" }]);
    const audio = await decodeAudio(readFileSync(path("damaged.wav")));
    // The second packet is in its place.
    expect(audio.channels[0]?.[299 * 320]).toBeCloseTo(299 / 1024, 4);
  });

  it("advises to skip damage only where that helps", async () => {
    const damagedHeader = container.slice();
    damagedHeader[20] = (damagedHeader[20] ?? 0) ^ 0xff;
    for (const stdin of [damagedHeader, new Uint8Array(0), container.subarray(0, 12)]) {
      const refused = await quantone(["decode", "-", "-"], { stdin });
      expect(refused.exitCode).toBe(1);
      expect(refused.stderr.text).not.toMatch(/--skip-damaged/);
    }
    const cutOff = container.subarray(0, -20);
    expect((await quantone(["decode", "-", "-"], { stdin: cutOff })).stderr.text).toMatch(/--skip-damaged\.\n$/);
    const info = await quantone(["info", "-"], { stdin: cutOff });
    expect(info.exitCode).toBe(1);
    expect(info.stderr.text).not.toMatch(/--skip-damaged/);
  });

  it("tells what else went wrong", async () => {
    const wrongKind = await quantone(["decode", path("short.wav"), "-"]);
    expect(wrongKind.exitCode).toBe(1);
    expect(wrongKind.stderr.text).toMatch(/signature of a \.qtn container/);
    const noDevice = await quantone(["decode", "-", "-", "--device", "cuda"], {
      stdin: container,
      environment: {
        loadCodec: () =>
          Promise.reject(new BackendError("backend-unavailable", "no cuda; use cpu", { backend: "cuda" })),
      },
    });
    expect({ code: noDevice.exitCode, text: noDevice.stderr.text }).toEqual({
      code: 1,
      text: "quantone: no cuda; use cpu\n",
    });
  });
});

describe("info", () => {
  it("tells what is in a container", async () => {
    const { exitCode, stdout } = await quantone(["info", path("in.qtn")]);
    expect(exitCode).toBe(0);
    expect(stdout.text).toMatch(/codec +fake, weights 1\naudio +6\.00 s, 16000 Hz mono, 95993 samples\n/);
    const json = await quantone(["info", "-", "--json"], { stdin: container });
    expect(JSON.parse(json.stdout.text)).toMatchObject({
      codec: "fake",
      numFrames: 300,
      numSamples: 95993,
      bytes: container.length,
      bitsPerSecond: 500,
      lostFrames: 0,
      damage: [],
    });
  });

  it("tells of damage, and fails for it", async () => {
    const { exitCode, stdout, stderr } = await quantone(["info", "-", "--json"], { stdin: container.subarray(0, -20) });
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout.text).damage.length).toBeGreaterThan(0);
    expect(stderr.text).toMatch(/^quantone: /);
  });
});

describe("--weights", () => {
  it("reaches the codec, in both directions", async () => {
    const seen: unknown[] = [];
    const loadCodec: CliEnvironment["loadCodec"] = async (_, options) => {
      seen.push(options);
      return fakeCodec({ options: [], isDisposed: false });
    };
    const common = ["-", "-", "--weights", "my.th", "--threads", "2"];
    const { stdout } = await quantone(["encode", ...common, "--codec", "fake"], {
      stdin: shortWav,
      environment: { loadCodec },
    });
    const decoded = await quantone(["decode", ...common], {
      stdin: Buffer.concat(stdout.chunks),
      environment: { loadCodec },
    });
    expect(decoded.exitCode).toBe(0);
    const options = { device: "auto", numThreads: 2, weights: "my.th", download: expect.anything() };
    expect(seen).toEqual([options, options]);
  });

  it("are downloaded under the program's signal and with its progress bar", async () => {
    const { signal } = new AbortController();
    const loadCodec: CliEnvironment["loadCodec"] = async (_, { download }) => {
      expect(download?.signal).toBe(signal);
      download?.onProgress?.({ doneBytes: 1_500_000, totalBytes: 6_000_000 });
      return fakeCodec({ options: [], isDisposed: false });
    };
    const args = ["--weights", "owner/model"];
    const shown = await quantone(encode(path("short.wav"), "-", ...args, "--progress"), {
      signal,
      environment: { loadCodec },
    });
    expect(shown.exitCode).toBe(0);
    expect(shown.stderr.text).toMatch(/25 % \| 1\.5 MB of weights \| .* left/);
    const quiet = await quantone(encode(path("short.wav"), "-", ...args), { signal, environment: { loadCodec } });
    expect(quiet.stderr.text).not.toMatch(/of weights/);
  });
});

describe("--weights that are not there", () => {
  it("are an error of that option; a tensor that is missing in them is not", async () => {
    const failing = (error: Error) => ({ environment: { loadCodec: () => Promise.reject(error) } });
    const args = encode(path("short.wav"), "-", "--weights", "no.th");
    const unread = await quantone(args, failing(new CheckpointError("not-found", "no file; check the path")));
    expect(unread.exitCode).toBe(1);
    expect(unread.stderr.text).toBe("quantone: --weights no.th: no file; check the path\n");
    const lacking = await quantone(args, failing(new ModelError("missing-weights", "no tensor", { tensor: "w" })));
    expect(lacking.stderr.text).toBe("quantone: no tensor\n");
  });
});

describe("a codec that comes without weights", () => {
  it("asks for --weights, in both directions", async () => {
    const bare: CliEnvironment["codecs"][number] = {
      name: "fake",
      summary: "has no weights",
      weightsLicence: undefined,
    };
    for (const [args, stdin] of [
      [encode("-", "-"), shortWav],
      [["decode", "-", "-"], container],
    ] as const) {
      const { exitCode, stderr } = await quantone([...args], { stdin, environment: { codecs: [bare] } });
      expect(exitCode).toBe(2);
      expect(stderr.text).toMatch(/^quantone: fake comes without weights; .* with --weights\n$/);
      const given = await quantone([...args, "--weights", "my.th"], { stdin, environment: { codecs: [bare] } });
      expect(given.exitCode).toBe(0);
    }
  });
});

describe("models and doctor", () => {
  it("list the codecs", async () => {
    expect((await quantone(["models"])).stdout.text).toBe("fake  ready  codec: counts frames (none)\n");
    const json = await quantone(["models", "--json"]);
    expect(JSON.parse(json.stdout.text)).toEqual([
      {
        name: "fake",
        kind: "codec",
        summary: "counts frames",
        weightsLicence: "none",
        weightsPackage: null,
        isReady: true,
      },
    ]);
  });

  it("tell what each needs before it runs", async () => {
    const bare = { summary: "speaks", weightsLicence: undefined };
    const vocoders = ["there", "missing", "damaged"].map((name) => ({ ...bare, name, weightsPackage: `w/${name}` }));
    const findInstalledWeights = async (name: string) => {
      if (name === "w/damaged") throw new ModelError("weights-checksum", "other bytes");
      return name === "w/there" ? "/folder" : undefined;
    };
    const environment = { vocoders, speechModels: [{ ...bare, name: "brought" }], findInstalledWeights };
    expect((await quantone(["models"], { environment })).stdout.text.split("\n")).toEqual([
      "fake     ready                                 codec: counts frames (none)",
      "there    ready                                 vocoder: speaks",
      "missing  npm install w/missing                 vocoder: speaks",
      "damaged  damaged: npm install w/damaged again  vocoder: speaks",
      "brought  needs --weights                       speech model: speaks",
      "",
    ]);
    const json = await quantone(["models", "--json"], { environment });
    expect(JSON.parse(json.stdout.text)[2]).toMatchObject({ isReady: false, needs: "npm install w/missing" });
  });

  it("examine devices and codecs", async () => {
    const { exitCode, stdout } = await quantone(["doctor", "--json"], {
      environment: {
        openRuntime: async ({ device = "auto" }) => {
          if (device !== "cpu" && device !== "auto") throw new Error(`no ${device}; buy one`);
          return { name: "fake 1.0", device: "cpu", notes: ["no GPU"] };
        },
      },
    });
    expect(exitCode).toBe(0);
    const report = JSON.parse(stdout.text);
    expect(report).toMatchObject({ node: process.version, wasmSimd: true, auto: { device: "cpu", notes: ["no GPU"] } });
    expect(report.devices[0]).toEqual({ device: "cpu", isAvailable: true, detail: "fake 1.0" });
    expect(report.devices[2]).toEqual({ device: "cuda", isAvailable: false, detail: "no cuda; buy one" });
    expect(report.codecs).toEqual([{ name: "fake", isWorking: true, detail: "weights 1" }]);
    expect((await quantone(["doctor"])).stdout.text).toMatch(/cpu +yes: fake 1\.0\n/);
  });

  it("fail when a codec does not work", async () => {
    const { exitCode, stdout, stderr } = await quantone(["doctor"], {
      environment: { loadCodec: () => Promise.reject(new Error("weights are missing; reinstall")) },
    });
    expect(exitCode).toBe(1);
    expect(stdout.text).toMatch(/fake +FAILS/);
    expect(stderr.text).toBe("quantone: fake does not work here: weights are missing; reinstall\n");
  });
});

describe("errors of files", () => {
  const said = async (args: string[]) => {
    const { exitCode, stderr } = await quantone(args);
    expect(exitCode).toBe(1);
    return stderr.text;
  };

  it("name an input that is a folder", async () => {
    for (const args of [encode(folder, "-"), ["decode", folder, "-"], ["info", folder]]) {
      expect(await said(args)).toBe(`quantone: ${folder}: is a folder; name a file\n`);
    }
  });

  it("name an input whose content is at fault", async () => {
    writeFileSync(path("text.wav"), "these are words and no samples, however long they go on");
    expect(await said(encode(path("text.wav"), "-"))).toMatch(`quantone: ${path("text.wav")}: `);
    writeFileSync(path("cut.wav"), shortWav.subarray(0, 1500));
    expect(await said(encode(path("cut.wav"), "-"))).toMatch(`quantone: ${path("cut.wav")}: WAV ends at byte 1500`);
    writeFileSync(path("cut.qtn"), container.subarray(0, -20));
    const cut = await said(["decode", path("cut.qtn"), "-"]);
    expect(cut).toMatch(`quantone: ${path("cut.qtn")}: the trailer expected more`);
    expect(cut).toMatch(/--skip-damaged\.\n$/);
    expect(await said(["info", path("cut.qtn")])).toMatch(`quantone: ${path("cut.qtn")}: the trailer expected more`);
  });

  it("name the output that was asked for, not the temporary file", async () => {
    const output = path(join("nowhere", "a.qtn"));
    expect(await said(encode(path("short.wav"), output))).toBe(
      `quantone: ${output}: no such file or folder; check the path\n`,
    );
  });
});

// The list of this process's open files, which other systems do not have.
describe.runIf(existsSync("/proc/self/fd"))("an input after a failure", () => {
  const isOpen = (file: string) =>
    readdirSync("/proc/self/fd").some((handle) => {
      try {
        return readlinkSync(`/proc/self/fd/${handle}`) === realpathSync(file);
      } catch {
        // The handle that listed the folder is gone.
        return false;
      }
    });

  it("is closed, wherever reading stood", async () => {
    const wasOpen: boolean[] = [];
    const noCodec = () => {
      wasOpen.push(isOpen(path("held.qtn")) || isOpen(path("held.wav")));
      return Promise.reject(new ModelError("missing-weights", "no weights", { model: "fake" }));
    };
    // Longer than what is read at a time, so that its end is not reached by looking at its start.
    writeFileSync(path("held.wav"), encodeWav({ channels: [new Float32Array(200_000)], sampleRate: 16000 }).bytes);
    writeFileSync(path("held.qtn"), new Uint8Array([...container, ...new Uint8Array(300_000)]));
    for (const args of [encode(path("held.wav"), "-"), ["decode", path("held.qtn"), "-"], ["info", path("held.qtn")]]) {
      expect((await quantone(args, { environment: { loadCodec: noCodec } })).exitCode).toBe(1);
      // Streams end a moment before their files are closed; one that is forgotten stays open until memory is collected.
      const isHeld = () => isOpen(path("held.qtn")) || isOpen(path("held.wav"));
      await expect.poll(isHeld, { message: args.join(" ") }).toBe(false);
    }
    expect(wasOpen).toEqual([true, true]);
  });
});

describe("an output that is the input", () => {
  it.each([
    ["encode", shortWav],
    ["decode", container],
  ])("is refused by %s, even with --force and by another path", async (command, bytes) => {
    const file = path(`${command}-itself.wav`);
    const link = path(`${command}-link.wav`);
    writeFileSync(file, bytes);
    symlinkSync(file, link);
    for (const output of [file, link]) {
      const options = command === "encode" ? ["--codec", "fake", "--force"] : ["--force"];
      const { exitCode, stderr } = await quantone([command, file, output, ...options]);
      expect({ output, exitCode }).toEqual({ output, exitCode: 2 });
      expect(stderr.text).toMatch(/is the input file itself; choose another name/);
    }
    expect(new Uint8Array(readFileSync(file))).toEqual(new Uint8Array(bytes));
  });

  it("is let through where it is a device", async () => {
    expect((await quantone(encode("/dev/null", "/dev/null"))).exitCode).toBe(1);
  });
});

describe("a command that cannot be meant", () => {
  it.each([
    ["no command", []],
    ["an unknown command", ["transmogrify"]],
    ["an unknown option", encode("a", "b", "--loud")],
    ["a missing argument", encode("a")],
    ["a rate that is no number", encode("a", "b", "-b", "fast")],
    ["an empty rate", encode("a", "b", "-b", "")],
    ["a rate below zero", encode("a", "b", "-b", "-3")],
    ["half a codebook", encode("a", "b", "--codebooks", "1.5")],
    ["half a path", encode("a", "b", "--beam-width", "1.5")],
    ["a rate and codebooks", encode("a", "b", "-b", "3", "--codebooks", "3")],
    ["an unknown device", encode("a", "b", "--device", "abacus")],
    ["no threads", encode("a", "b", "--threads", "0")],
    ["an unknown codec", ["encode", "a", "b", "--codec", "other"]],
    ["an unknown sample format", ["decode", "a", "b", "--sample-format", "u8"]],
  ])("ends with 2: %s", async (_, args) => {
    const { exitCode, stdout, stderr } = await quantone(args);
    expect({ exitCode, out: stdout.text }).toEqual({ exitCode: 2, out: "" });
    expect(stderr.text).not.toBe("");
  });

  it("is told the codec's lowest rate in the option's unit", async () => {
    const { exitCode, stderr } = await quantone(encode(path("short.wav"), path("bounds.qtn"), "-b", "0.3"));
    expect(exitCode).toBe(2);
    expect(stderr.text).toBe('quantone: "--bitrate" expected at least 0.5 kbit/s, one codebook, got 0.3\n');
    expect(existsSync(path("bounds.qtn"))).toBe(false);
  });

  it("is told the library's bounds", async () => {
    const { exitCode, stderr } = await quantone(encode(path("short.wav"), path("bounds.qtn"), "--codebooks", "13"), {
      environment: {
        loadCodec: () => Promise.reject(new RangeError('"numCodebooks" expected an integer from 1 to 12, got 13')),
      },
    });
    expect(exitCode).toBe(2);
    expect(stderr.text).toBe('quantone: "numCodebooks" expected an integer from 1 to 12, got 13\n');
    expect(existsSync(path("bounds.qtn"))).toBe(false);
  });
});

describe("help and version", () => {
  it("end with 0", async () => {
    for (const args of [["--help"], ["encode", "--help"], ["--version"], ["help", "decode"]]) {
      const { exitCode, stdout, stderr } = await quantone(args);
      expect({ exitCode, err: stderr.text }).toEqual({ exitCode: 0, err: "" });
      expect(stdout.text.length).toBeGreaterThan(4);
    }
    expect((await quantone(["--version"])).stdout.text).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
