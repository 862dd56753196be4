/** VITS as callers meet it: `loadSpeechModel`, its options and refusals, and `quantone say`. */
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { renameTensors, tensorName } from "../../codecs/vits/names";
import { readAudioFile } from "../../src/audio/index";
import { loadSpeechModel, type PcmAudio, type SpeechLoadOptions, type SpeechModel, speechModels } from "../../src/index";
import { maxDifference } from "../helpers/golden";
import { readVitsGolden } from "../helpers/golden-vits";
import { runCommand } from "../helpers/run-command";

const one = readVitsGolden("vits-tiny").folder;
const several = readVitsGolden("vits-tiny-speakers").folder;
const options = {
  device: "cpu",
  vocabulary: Object.fromEntries([..." abcdefghijk"].map((letter, number) => [letter, number])),
  tokenizer: { phonemize: false },
} as const;
const sentence = "A bad face, he did feed a big cab head";

async function collect(chunks: AsyncIterable<PcmAudio>): Promise<Float32Array[]> {
  const parts: Float32Array[] = [];
  for await (const { channels } of chunks) parts.push(channels[0] as Float32Array);
  return parts;
}

const joined = (parts: readonly Float32Array[]) => Float32Array.from(parts.flatMap((part) => [...part]));
const samplesOf = ({ channels }: PcmAudio) => channels[0] as Float32Array;

describe("a model of one voice", () => {
  let model: SpeechModel;
  beforeAll(async () => {
    model = await loadSpeechModel("vits", { ...options, weights: one });
    return () => model.dispose();
  });

  it("says the same for a seed, and in a stream", async () => {
    const audio = await model.synthesize(sentence, { seed: 5 });
    expect(audio.sampleRate).toBe(8000);
    expect(samplesOf(audio).length).toBeGreaterThan(1000);
    const parts = await collect(model.synthesizeStream(sentence, { seed: 5 }));
    expect(parts.length).toBeGreaterThan(2);
    expect(maxDifference(joined(parts), samplesOf(audio))).toBe(0);
    const other = await model.synthesize(sentence, { seed: 6 });
    expect(maxDifference(samplesOf(other), samplesOf(audio))).toBeGreaterThan(0.01);
  });

  it("takes rate and noise", async () => {
    const still = { noiseScale: 0, durationNoiseScale: 0 };
    const usual = samplesOf(await model.synthesize(sentence, still));
    expect(maxDifference(samplesOf(await model.synthesize(sentence, { ...still, seed: 9 })), usual)).toBe(0);
    const slow = samplesOf(await model.synthesize(sentence, { ...still, speakingRate: 0.5 }));
    expect(slow.length).toBeGreaterThan(1.5 * usual.length);
  });

  it("pauses between sentences", async () => {
    const pauseSeconds = 0.25;
    const two = `${sentence}. ${sentence}.`;
    const [with_, without] = [
      samplesOf(await model.synthesize(two, { pauseSeconds })),
      samplesOf(await model.synthesize(two, { pauseSeconds: 0 })),
    ];
    expect(with_.length - without.length).toBe(pauseSeconds * 8000);
  });

  it("has nothing to say for nothing, and refuses what it cannot say", async () => {
    for (const text of ["", "  \n ", "?!", "..."]) expect(samplesOf(await model.synthesize(text))).toHaveLength(0);
    await expect(model.synthesize("Привет")).rejects.toMatchObject({ name: "TextError", code: "nothing-to-say" });
    const unknown: string[] = [];
    await model.synthesize("a bad zoo", { onUnknown: (symbols) => unknown.push(...symbols) });
    expect(unknown).toEqual(["z", "o"]);
  });

  it("refuses options that are out of range, naming them", async () => {
    await expect(model.synthesize(5 as never)).rejects.toThrow('"text" expected a string, got number');
    for (const [name, value] of [
      ["speaker", 1],
      ["speaker", -1],
      ["seed", 0.5],
      ["speakingRate", 0],
      ["speakingRate", Number.NaN],
      ["noiseScale", -1],
      ["durationNoiseScale", Number.POSITIVE_INFINITY],
      ["pauseSeconds", -0.1],
    ] as const) {
      await expect(model.synthesize("a", { [name]: value }), name).rejects.toThrow(new RegExp(`^"${name}" expected`));
    }
  });

  it("stops when it is told to, between two chunks", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const heard: number[] = [];
    const job = { signal: controller.signal, onProgress: ({ doneSeconds }: { doneSeconds: number }) => heard.push(doneSeconds) };
    const stream = model.synthesizeStream(`${sentence}. `.repeat(50), job);
    await expect(
      (async () => {
        for await (const _ of stream) if (heard.length === 3) controller.abort(reason);
      })(),
    ).rejects.toBe(reason);
    expect(heard).toHaveLength(3);
    expect(heard[2]).toBeGreaterThan(heard[1] ?? 0);
  });

  it("has no other voice", async () => {
    const audio = { channels: [new Float32Array(100)], sampleRate: 8000 };
    await expect(model.convertVoice(audio, { from: 0, to: 0 })).rejects.toMatchObject({ code: "no-voice-conversion" });
  });
});

describe("a model of several voices", () => {
  let model: SpeechModel;
  beforeAll(async () => {
    model = await loadSpeechModel("vits", { ...options, weights: several });
    return () => model.dispose();
  });

  it("speaks with the voice that is asked for", async () => {
    const [first, second] = [await model.synthesize(sentence), await model.synthesize(sentence, { speaker: 1 })];
    const length = Math.min(samplesOf(first).length, samplesOf(second).length);
    expect(maxDifference(samplesOf(first).subarray(0, length), samplesOf(second).subarray(0, length))).toBeGreaterThan(0.01);
  });

  it("converts recordings of any rate and number of channels, at once and in chunks", async () => {
    const tone = Float32Array.from({ length: 12000 }, (_, n) => 0.4 * Math.sin(n / 9));
    const audio = { channels: [tone, tone], sampleRate: 16000 };
    const whole = samplesOf(await model.convertVoice(audio, { from: 0, to: 1, seed: 3 }));
    expect(whole).toHaveLength(6000);
    const chunks = [0, 4000, 4001].map((begin, index, all) => {
      const end = all[index + 1] ?? tone.length;
      return { channels: [tone.subarray(begin, end), tone.subarray(begin, end)], sampleRate: 16000 };
    });
    const pieces = await collect(model.convertVoiceStream(chunks, { from: 0, to: 1, seed: 3 }));
    expect(maxDifference(joined(pieces), whole)).toBeLessThan(1e-6);
    const other = samplesOf(await model.convertVoice(audio, { from: 0, to: 2, seed: 3 }));
    expect(maxDifference(other, whole)).toBeGreaterThan(0.01);
  });

  it("refuses recordings and voices that are none", async () => {
    const bad = { channels: [Float32Array.of(0, Number.NaN)], sampleRate: 8000 };
    await expect(model.convertVoice(bad, { from: 0, to: 1 })).rejects.toMatchObject({ code: "corrupt-audio" });
    const good = { channels: [new Float32Array(100)], sampleRate: 8000 };
    await expect(model.convertVoice(good, { from: 0, to: 3 })).rejects.toThrow('"to" expected a whole number from 0 to 2');
    const mixed = [good, { ...good, sampleRate: 16000 }];
    await expect(collect(model.convertVoiceStream(mixed, { from: 0, to: 1 }))).rejects.toThrow('"sampleRate" expected 8000');
    expect(samplesOf(await model.convertVoice({ ...good, channels: [new Float32Array()] }, { from: 0, to: 1 }))).toHaveLength(0);
  });
});

describe("files", () => {
  it("that are missing or damaged are named", async () => {
    await expect(loadSpeechModel("vits")).rejects.toMatchObject({ code: "missing-weights" });
    await expect(loadSpeechModel("tacotron")).rejects.toMatchObject({ code: "unknown-speech-model", model: "tacotron" });
    await expect(loadSpeechModel("vits", { weights: "/nowhere/model.pth" })).rejects.toMatchObject({ code: "not-found" });
    await expect(loadSpeechModel("vits", { weights: new Uint8Array(8) })).rejects.toThrow('"config" expected');
    const { tokenizer } = options;
    await expect(loadSpeechModel("vits", { weights: one, tokenizer })).rejects.toThrow('give it as "vocabulary"');
    const config = JSON.parse(await readFile(join(one, "config.json"), "utf8"));
    for (const [field, value] of [
      ["hidden_size", 7],
      ["hidden_size", "8"],
      ["flow_size", 3],
      ["model_type", "bert"],
      ["upsample_rates", []],
      ["upsample_kernel_sizes", [8]],
      ["wavenet_kernel_size", 4],
      ["leaky_relu_slope", 0.2],
    ] as const) {
      const job = loadSpeechModel({ weights: one, config: { ...config, [field]: value } }, options);
      await expect(job, field).rejects.toMatchObject({ code: "bad-config" });
    }
    const wide = { ...config, hidden_size: 16 };
    await expect(loadSpeechModel({ weights: one, config: wide }, options)).rejects.toMatchObject({
      code: "weights-shape",
    });
  });

  it("beside the weights are read: vocabulary and rules as the port has them, or MMS's list of symbols", async () => {
    const folder = await mkdtemp(join(tmpdir(), "quantone-vits-"));
    try {
      for (const name of ["model.safetensors", "config.json"]) await copyFile(join(one, name), join(folder, name));
      const lists = [
        ["vocab.txt", Object.keys(options.vocabulary).join("\n")],
        ["tokenizer_config.json", JSON.stringify({ ...options.tokenizer, add_blank: false })],
        ["vocab.json", JSON.stringify({ ...options.vocabulary, a: 5, e: 1 })],
      ] as const;
      const said: Float32Array[] = [];
      for (const [name, text] of lists) {
        await writeFile(join(folder, name), text);
        await using model = await loadSpeechModel("vits", { weights: join(folder, "model.safetensors"), device: "cpu" });
        said.push(samplesOf(await model.synthesize(sentence)));
      }
      await using given = await loadSpeechModel("vits", { ...options, weights: one });
      const [byList, , byPort] = said.map(({ length }) => length);
      expect(maxDifference(said[0] ?? new Float32Array(), samplesOf(await given.synthesize(sentence)))).toBe(0);
      expect(said[1]?.length).toBeLessThan(byList ?? 0);
      expect(byPort).not.toBe(said[1]?.length);
      await writeFile(join(folder, "vocab.json"), "{");
      await expect(loadSpeechModel("vits", { weights: folder })).rejects.toThrow(/vocab.json beside the weights is no JSON/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("of the original say in their config which symbols there are, and whether blanks lie between", async () => {
    const folder = await mkdtemp(join(tmpdir(), "quantone-vits-"));
    try {
      await copyFile(join(several, "original.pth"), join(folder, "G_1000.pth"));
      const config = JSON.parse(await readFile(join(several, "original.json"), "utf8"));
      const symbols = Object.keys(options.vocabulary);
      const said: number[] = [];
      for (const add_blank of [true, false]) {
        const text = JSON.stringify({ ...config, symbols, data: { ...config.data, add_blank } });
        await writeFile(join(folder, "config.json"), text);
        await using model = await loadSpeechModel("vits", { weights: join(folder, "G_1000.pth"), device: "cpu" });
        said.push(samplesOf(await model.synthesize(sentence)).length);
      }
      await using given = await loadSpeechModel("vits", { ...options, weights: several });
      const expected = samplesOf(await given.synthesize(sentence)).length;
      expect(said[0]).toBe(expected);
      expect(said[1]).toBeLessThan(0.8 * expected);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("of the original's other duration predictor get the port's names", () => {
    const tensor = { dtype: "F32" as const, shape: [1], data: new Float32Array(1) };
    const published = ["enc_p.emb.weight", "dp.conv_1.weight", "dp.norm_1.gamma", "dp.proj.bias"];
    const names = [...renameTensors(new Map(published.map((name) => [name, tensor]))).keys()];
    expect(names).toEqual([
      "text_encoder.embed_tokens.weight",
      "duration_predictor.conv_1.weight",
      "duration_predictor.norm_1.weight",
      "duration_predictor.proj.bias",
    ]);
    expect(tensorName("dp.flows.7.convs.norms_1.0.beta")).toBe("duration_predictor.flows.4.conv_dds.norms_1.0.bias");
  });
});

describe("quantone say", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "quantone-say-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const say = (args: readonly string[], stdin = "") =>
    runCommand(["say", ...args], {
      stdin: (async function* () {
        yield Buffer.from(stdin);
      })(),
      speechModels,
      loadSpeechModel: (source, job) => loadSpeechModel(source, { ...options, ...job }),
    });

  it("writes what the library says", async () => {
    const out = join(folder, "a.wav");
    const args = [sentence, out, "--weights", several, "--speaker", "2", "--seed", "4", "--rate", "1.1"];
    const { exitCode, stdout } = await say([...args, "--sample-format", "f32", "--json"]);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ output: out, model: "vits", speaker: 2, seed: 4, sampleRate: 8000 });
    await using model = await loadSpeechModel("vits", { ...options, weights: several });
    const audio = await model.synthesize(sentence, { speaker: 2, seed: 4, speakingRate: 1.1 });
    const file = await readAudioFile(out);
    expect(maxDifference(file.channels[0] as Float32Array, samplesOf(audio))).toBe(0);
  });

  it("speaks with the installed voice where no weights are given", async () => {
    const out = join(folder, "installed.wav");
    const { exitCode, stderr } = await say(["Sound is a wave.", out, "--seed", "1"]);
    expect(exitCode).toBe(0);
    expect(stderr).toContain("vits-kathleen");
    const samples = (await readAudioFile(out)).channels[0] as Float32Array;
    // A reader takes a good second; a model whose durations or flow are broken takes much less or more, or hums.
    expect(samples.length / 16_000).toBeGreaterThan(0.8);
    expect(samples.length / 16_000).toBeLessThan(2.5);
    const half = Math.floor(samples.length / 2);
    const power = (part: Float32Array) => part.reduce((sum, value) => sum + value * value, 0) / part.length;
    expect(Math.min(power(samples.subarray(0, half)), power(samples.subarray(half)))).toBeGreaterThan(1e-5);
  });

  it("takes text from standard input and tells what it left out", async () => {
    const { exitCode, stderr } = await say(["-", join(folder, "b.wav"), "--weights", one], `${sentence} xyz`);
    expect(exitCode).toBe(0);
    expect(stderr).toContain("left out what the model does not know: x y z\n");
    const digits = await say(["-", "-", "--weights", one], `${sentence} 12`);
    expect(digits.stderr).toContain("does not know: 1 2; write numbers as words\n");
  });

  it("takes text from a file, which has to be text", async () => {
    const [story, out] = [join(folder, "story.txt"), join(folder, "story.wav")];
    await writeFile(story, `\ufeff${sentence}`);
    const { exitCode, stderr } = await say(["--file", story, out, "--weights", one, "--sample-format", "f32"]);
    expect(exitCode, stderr).toBe(0);
    await using model = await loadSpeechModel("vits", { ...options, weights: one });
    const file = await readAudioFile(out);
    expect(maxDifference(file.channels[0] as Float32Array, samplesOf(await model.synthesize(sentence)))).toBe(0);
    await writeFile(join(folder, "latin1.txt"), Uint8Array.of(0x62, 0xe4, 0x64));
    const latin = await say(["--file", join(folder, "latin1.txt"), join(folder, "c.wav"), "--weights", one]);
    expect([latin.exitCode, latin.stderr]).toEqual([1, expect.stringMatching(/latin1\.txt: expected text in UTF-8/)]);
    const absent = await say(["--file", join(folder, "absent.txt"), join(folder, "c.wav"), "--weights", one]);
    expect([absent.exitCode, absent.stderr]).toEqual([1, expect.stringMatching(/absent\.txt: no such file/)]);
    const itself = await say(["--file", story, story, "--weights", one, "--force"]);
    expect([itself.exitCode, itself.stderr]).toEqual([2, expect.stringMatching(/is the input file itself/)]);
  });

  it("says nothing for nothing, and leaves no file", async () => {
    for (const [text, stdin] of [["", ""], [" \n", ""], ["-", ""], ["-", "\n"], ["?!", ""]] as const) {
      const { exitCode, stderr } = await say([text, join(folder, "none.wav"), "--weights", one], stdin);
      expect([exitCode, stderr]).toEqual([1, expect.stringMatching(/there is nothing to say in ".*"; give a text/)]);
    }
    expect((await readdir(folder)).filter((name) => name.startsWith("none"))).toEqual([]);
  });

  it("runs the original's checkpoint with a config of any name, and symbols from a file", async () => {
    const symbols = Object.keys(options.vocabulary);
    await writeFile(join(folder, "symbols.txt"), `${symbols.join("\n")}\n`);
    await writeFile(join(folder, "symbols.json"), JSON.stringify(options.vocabulary));
    await copyFile(join(several, "original.pth"), join(folder, "pretrained.pth"));
    const weights = ["--weights", join(folder, "pretrained.pth")];
    const config = ["--config", join(several, "original.json")];
    const bare = (...args: string[]) =>
      runCommand(["say", sentence, ...args], {
        speechModels,
        loadSpeechModel: (source, job) => loadSpeechModel(source, { ...job, device: "cpu" }),
      });
    const expected = await say([sentence, join(folder, "port.wav"), "--weights", several]);
    expect(expected.exitCode, expected.stderr).toBe(0);
    for (const name of ["symbols.txt", "symbols.json"]) {
      const out = join(folder, `${name}.wav`);
      const { exitCode, stderr } = await bare(out, ...weights, ...config, "--vocabulary", join(folder, name));
      expect(exitCode, stderr).toBe(0);
      const [said, ported] = [await readAudioFile(out), await readAudioFile(join(folder, "port.wav"))];
      // Weights folded here and there differ in their last bits, samples of 16 bits by one.
      expect(maxDifference(samplesOf(said), samplesOf(ported))).toBeLessThanOrEqual(1.5 / 32768);
      expect(maxDifference(samplesOf(said), new Float32Array(samplesOf(said).length))).toBeGreaterThan(0.01);
    }
    const missing = await bare(join(folder, "c.wav"), ...weights, ...config);
    expect([missing.exitCode, missing.stderr]).toEqual([1, expect.stringMatching(/12 symbols .* give it as "vocabulary"/)]);
    const alone = await bare(join(folder, "c.wav"), ...weights);
    expect([alone.exitCode, alone.stderr]).toEqual([1, expect.stringMatching(/no config\.json lies in .* give one as "config"/)]);
    const damaged = await bare(join(folder, "c.wav"), ...weights, "--config", join(folder, "symbols.txt"));
    expect([damaged.exitCode, damaged.stderr]).toEqual([1, expect.stringMatching(/symbols\.txt: expected JSON/)]);
    const homeless = await bare(join(folder, "c.wav"), ...config);
    expect([homeless.exitCode, homeless.stderr]).toEqual([2, expect.stringMatching(/--config is that of weights/)]);
  });

  it("takes a language, or phonemes", async () => {
    const seen: unknown[] = [];
    const environment = {
      speechModels,
      loadSpeechModel: (source: unknown, job: SpeechLoadOptions) => {
        seen.push([source, job.phonemeLanguage, job.phonemize?.("hˈaɪ", "")]);
        return loadSpeechModel("vits", { ...options, weights: one });
      },
    };
    const run = (...args: string[]) => runCommand(["say", sentence, "-", "--weights", one, ...args], environment);
    await run("--language", "en-gb");
    await run("--phonemes");
    expect(seen).toEqual([["vits", "en-gb", undefined], ["vits", undefined, Promise.resolve("hˈaɪ")]]);
    expect(await (seen[1] as unknown[])[2]).toBe("hˈaɪ");
    expect((await run("--phonemes", "--language", "en-gb")).exitCode).toBe(2);
  });

  it("can be heard on standard output while it is made", async () => {
    const written: string[] = [];
    const model = await loadSpeechModel("vits", { ...options, weights: one });
    const stdout = new Writable({
      write(bytes: Buffer, _, done) {
        written.push(bytes.subarray(0, 4).toString("latin1") === "RIFF" ? "header" : "samples");
        done();
      },
    });
    // What has been written before the model is asked to go on.
    const { exitCode } = await runCommand(["say", `${sentence}. ${sentence}.`, "-", "--weights", one], {
      speechModels,
      loadSpeechModel: async () =>
        ({
          name: "vits",
          sampleRate: model.sampleRate,
          async *synthesizeStream(...args: Parameters<SpeechModel["synthesizeStream"]>) {
            for await (const chunk of model.synthesizeStream(...args)) {
              yield chunk;
              written.push("asked for more");
            }
          },
          [Symbol.asyncDispose]: () => model.dispose(),
        }) as SpeechModel,
      stdout,
    });
    expect(exitCode).toBe(0);
    expect(written.slice(0, 4)).toEqual(["header", "samples", "asked for more", "samples"]);
  });

  it("refuses what cannot be meant", async () => {
    await writeFile(join(folder, "there.wav"), "");
    for (const [args, code, message] of [
      [["a", join(folder, "c.mp3"), "--weights", one], 2, "only WAV is written"],
      [["a", "x.wav", "--model", "vits"], 2, "vits comes without weights; say where they are with --weights"],
      [["a", "x.wav", "--model", "festival", "--weights", one], 2, '"--model" expected one of vits, vits-kathleen, got festival'],
      [["a", join(folder, "there.wav"), "--weights", one], 1, "exists"],
      [["a", join(folder, "c.wav"), "--weights", "no"], 1, '--weights no: "no" cannot be opened; check the path'],
      [["a", join(folder, "c.wav"), "--weights", one, "--speaker", "1"], 2, '"speaker" expected a whole number'],
      [["a", join(folder, "c.wav"), "--weights", one, "--rate", "0"], 2, "Give a factor above 0"],
      [["ю", join(folder, "c.wav"), "--weights", one], 1, "the model knows no letter"],
    ] as const) {
      const { exitCode, stderr } = await say(args);
      expect(stderr).toContain(message);
      expect(exitCode).toBe(code);
    }
  });
});
