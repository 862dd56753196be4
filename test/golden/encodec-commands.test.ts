/** EnCodec from the command line: the commands write the files that PyPI encodec writes, and read them. */
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readAudioFile } from "../../src/audio/index";
import type { CodecDefinition } from "../../src/codec-definition";
import { readEcdc, type TokenLanguageModel } from "../../src/container/ecdc/index";
import { fakeCodec } from "../helpers/fake-codec";
import { runCommand } from "../helpers/run-command";

const folder = await mkdtemp(join(tmpdir(), "quantone-"));
afterAll(() => rm(folder, { recursive: true }));

/** A language model that expects every code alike, but the third: its ranges depend on the arithmetic. */
function evenModel(revision: string): TokenLanguageModel & AsyncDisposable {
  let isDisposed = false;
  return {
    codec: "encodec-24khz",
    revision,
    startSegment: (numCodebooks, arithmetic) => ({
      async next() {
        if (isDisposed) throw new Error("used after it was disposed");
        return Uint32Array.from({ length: numCodebooks * 1024 }, (_, index) => {
          return 8000 * ((index % 1024) + 1) + (index % 1024 > 2 ? (arithmetic === "integer" ? 5 : 9) : 0);
        });
      },
    }),
    async [Symbol.asyncDispose]() {
      isDisposed = true;
    },
  };
}

/** Runs a command on a codec that decodes nothing: it hands over the tokens that were read, as they came. */
async function run(args: string[], seen: unknown[], stdin = new Uint8Array(0)) {
  const codec = fakeCodec({ options: [], isDisposed: false });
  return runCommand(args, {
    stdin: (async function* () {
      yield stdin;
    })(),
    codecs: [{ name: "encodec-24khz" } as CodecDefinition],
    loadCodec: async (name) => {
      seen.push(name);
      return {
        ...codec,
        identity: { ...codec.identity, revision: "of these weights" },
        async encode() {
          return { ...tokens, numSamples: 0, codes: new Uint16Array(0) };
        },
        async *encodeStream() {
          yield tokens;
        },
        async *decodeStream(pieces) {
          for await (const piece of pieces) {
            seen.push(piece);
            yield { channels: [new Float32Array(piece.numSamples)], sampleRate: piece.sampleRate };
          }
        },
      };
    },
    languageModelCodecs: ["encodec-24khz", "encodec-48khz"],
    loadLanguageModel: async (name, { weights }) => {
      seen.push(`${weights} of ${name}`);
      return evenModel(weights);
    },
  });
}

const golden = join(import.meta.dirname, "ecdc", "11917.ecdc");
const tokens = readEcdc(new Uint8Array(readFileSync(golden)), "r");

describe("an .ecdc file", () => {
  it("is decoded with the revision of the weights that decode it", async () => {
    const seen: unknown[] = [];
    const output = join(folder, "out.wav");
    const { exitCode, stderr } = await run(["decode", golden, output, "--weights", "w.th"], seen);
    expect(exitCode, stderr).toBe(0);
    expect(seen).toEqual(["encodec-24khz", { ...tokens, revision: "of these weights" }]);
    const audio = await readAudioFile(output);
    expect([audio.sampleRate, audio.channels[0]?.length]).toEqual([24_000, 11_917]);
  });

  it("is written for an output of that name", async () => {
    const input = join(folder, "in.wav");
    const output = join(folder, "out.ecdc");
    const weights = ["--weights", "w.th"];
    expect((await run(["decode", golden, input, ...weights], [])).exitCode).toBe(0);
    const encode = ["encode", input, output, "--codec", "encodec-24khz", ...weights];
    const { exitCode, stderr } = await run(encode, []);
    expect(exitCode, stderr).toBe(0);
    expect(readFileSync(output).equals(readFileSync(golden))).toBe(true);
  });

  it("tells what is in it", async () => {
    const { exitCode, stdout } = await run(["info", golden], []);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(
      /^codec +encodec-24khz, weights not in the file\naudio +0\.50 s, 24000 Hz mono, 11917 samples\n/,
    );
    const json = JSON.parse((await run(["info", golden, "--json"], [])).stdout);
    expect(json).toMatchObject({ numFrames: 38, numSamples: 11_917, numCodebooks: tokens.numCodebooks, damage: [] });
    expect(json).not.toHaveProperty("codes");
  });

  it.each(["integer", "float"])("is written and read with a language model in %ss", async (arithmetic) => {
    const input = join(folder, `${arithmetic}.wav`);
    const output = join(folder, `${arithmetic}.ecdc`);
    const weights = ["--weights", "w.th"];
    await run(["decode", golden, input, ...weights], []);
    const seen: unknown[] = [];
    const encode = ["encode", input, output, "--codec", "encodec-24khz", ...weights, "--lm", "lm.th"];
    const encoded = await run([...encode, "--lm-arithmetic", arithmetic], seen);
    expect(encoded.exitCode, encoded.stderr).toBe(0);
    expect(encoded.stderr.includes("warning")).toBe(arithmetic === "float");
    expect(seen).toContain("lm.th of encodec-24khz");

    const info = JSON.parse((await run(["info", output, "--json"], [])).stdout);
    expect(info).toMatchObject({ numFrames: 38, numSamples: 11_917 });
    expect(info.metadata.model).toMatch(arithmetic === "integer" ? /lm\.th, in integers/ : /in floats/);

    const decoded: unknown[] = [];
    const back = join(folder, `${arithmetic}-back.wav`);
    expect((await run(["decode", output, back, ...weights, "--lm", "lm.th"], decoded)).exitCode).toBe(0);
    expect(decoded.at(-1)).toMatchObject({ codes: tokens.codes });

    const without = await run(["decode", output, join(folder, "none.wav"), ...weights], []);
    expect([without.exitCode, without.stderr]).toEqual([2, expect.stringMatching(/--lm/)]);
  });

  it("tells when a file needs no language model", async () => {
    const decode = ["decode", golden, join(folder, "packed.wav"), "--weights", "w.th"];
    const { exitCode, stderr } = await run([...decode, "--lm", "lm.th"], []);
    expect([exitCode, stderr]).toEqual([0, expect.stringMatching(/warning: .*--lm is not needed/)]);
    expect((await run([...decode, "--force"], [])).stderr).not.toMatch(/--lm/);
  });

  it("refuses another language model, and another file to write with one", async () => {
    const output = join(folder, "integer.ecdc");
    const other = ["decode", output, join(folder, "none.wav"), "--weights", "w.th", "--lm", "other.th"];
    const refused = await run(other, []);
    expect([refused.exitCode, refused.stderr]).toEqual([
      1,
      expect.stringMatching(/language model lm\.th, got other\.th/),
    ]);
    const container = join(folder, "x.qtn");
    const encode = ["encode", join(folder, "integer.wav"), container, "--codec", "encodec-24khz", "--weights", "w.th"];
    const toContainer = await run([...encode, "--lm", "lm.th"], []);
    expect([toContainer.exitCode, toContainer.stderr]).toEqual([2, expect.stringMatching(/ends in \.ecdc/)]);
  });

  it("is known by its first bytes where there is no name", async () => {
    const { stdout } = await run(["info", "-", "--json"], [], readFileSync(golden));
    expect(JSON.parse(stdout)).toMatchObject({ codec: "encodec-24khz", numSamples: 11_917 });
  });

  it("that is none is refused, with exit code 1", async () => {
    const input = join(folder, "none.ecdc");
    await writeFile(input, "RIFF");
    const { exitCode, stderr } = await run(["decode", input, join(folder, "none.wav")], []);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/begins with "ECDC"/);
  });
});
