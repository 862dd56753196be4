/** Batches of signals of unequal length give the tokens and samples that each signal gives alone, in every kind of network. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { deinterleave } from "../../src/audio/channels";
import { type Codec, loadCodec, type PcmAudio } from "../../src/index";
import { NetworkSession, NetworkStream } from "../../src/runtime/network-session";
import { maxDifference } from "../helpers/golden";
import {
  type EncodecGolden,
  encodecTinyFolder,
  encodecTinyFolders,
  encodecWeightsFile,
  readEncodecGolden,
} from "../helpers/golden-encodec";

const goldens = [encodecTinyFolder, ...Object.values(encodecTinyFolders)].map((folder) => readEncodecGolden(folder));

async function load(golden: EncodecGolden): Promise<Codec> {
  const config: unknown = JSON.parse(readFileSync(join(golden.folder, "config.json"), "utf8"));
  return loadCodec({ config, weights: readFileSync(encodecWeightsFile(golden.folder)) }, { device: "cpu" });
}

const cases = await Promise.all(
  goldens.map(async (golden) => [golden.config.name, golden, await load(golden)] as const),
);
afterAll(() => Promise.all(cases.map(([, , codec]) => codec.dispose())));

/** The golden signals, twice over, one of them cut, with an empty one between: 3 to 2000 samples, some of them equal. */
function audiosOf({ config, signals }: EncodecGolden): PcmAudio[] {
  const { numChannels, sampleRate } = config;
  const audios = signals.map(({ input }) => ({ channels: deinterleave(input, numChannels), sampleRate }));
  const [first] = audios;
  const shorter = { channels: first?.channels.map((channel) => channel.subarray(0, 999)) ?? [], sampleRate };
  const empty = { channels: Array.from({ length: numChannels }, () => new Float32Array()), sampleRate };
  return [...audios, empty, shorter, ...audios.toReversed()];
}

describe.each(cases)("%s", (_, golden, codec) => {
  const audios = audiosOf(golden);

  it("gives each signal of a batch its own tokens", async () => {
    const alone = [];
    for (const audio of audios) alone.push(await codec.encode(audio));
    expect(await codec.encodeBatch(audios)).toEqual(alone);
  });

  it("gives them with fewer codebooks, too, and from audio at another rate", async () => {
    const options = { numCodebooks: 2 };
    const others = audios.map((audio) => ({ ...audio, sampleRate: 4000 }));
    const alone = [];
    for (const audio of others) alone.push(await codec.encode(audio, options));
    expect(await codec.encodeBatch(others, options)).toEqual(alone);
  });

  it("gives each signal its own samples", async () => {
    const tokens = await codec.encodeBatch(audios);
    const decoded = await codec.decodeBatch(tokens);
    expect(decoded.length).toBe(tokens.length);
    for (const [index, one] of tokens.entries()) {
      const alone = await codec.decode(one);
      const found = decoded[index]?.channels ?? [];
      expect(found.length).toBe(alone.channels.length);
      for (const [channel, samples] of alone.channels.entries()) {
        // Products of several signals may be added up in another order: values reach 2.
        expect(maxDifference(found[channel] ?? new Float32Array(), samples)).toBeLessThanOrEqual(1e-6);
      }
    }
  });

  it("takes fewer network calls than its signals one by one", async () => {
    const spies = [vi.spyOn(NetworkSession.prototype, "run"), vi.spyOn(NetworkStream.prototype, "run")];
    const calls = async (job: () => Promise<unknown>) => {
      for (const spy of spies) spy.mockClear();
      await job();
      return spies.reduce((sum, spy) => sum + spy.mock.calls.length, 0);
    };
    const same = audios.slice(0, 1).flatMap((audio) => [audio, audio, audio, audio]);
    const alone = await calls(async () => {
      for (const audio of same) await codec.encode(audio);
    });
    expect(await calls(() => codec.encodeBatch(same))).toBeLessThanOrEqual(alone / 2);
    vi.restoreAllMocks();
  });

  it("tells how much was done", async () => {
    const heard: unknown[] = [];
    const tokens = await codec.encodeBatch(audios, { onProgress: (progress) => heard.push(progress) });
    await codec.decodeBatch(tokens, { onProgress: (progress) => heard.push(progress) });
    const seconds = tokens.reduce((sum, { numSamples, sampleRate }) => sum + numSamples / sampleRate, 0);
    expect(heard).toEqual(new Array(2).fill({ doneSeconds: seconds, totalSeconds: seconds }));
  });

  it("stops", async () => {
    const reason = new Error("enough");
    const signal = AbortSignal.abort(reason);
    await expect(codec.encodeBatch(audios, { signal })).rejects.toBe(reason);
    await expect(codec.decodeBatch(await codec.encodeBatch(audios), { signal })).rejects.toBe(reason);
  });
});

describe("a batch", () => {
  const [, , codec] = cases[0] ?? [];

  it("of none is none", async () => {
    expect(await codec?.encodeBatch([])).toEqual([]);
    expect(await codec?.decodeBatch([])).toEqual([]);
  });

  it("refuses what single calls refuse", async () => {
    const audio = { channels: [new Float32Array(9)], sampleRate: 3000 };
    const broken = { channels: [Float32Array.of(0, Number.NaN)], sampleRate: 3000 };
    await expect(codec?.encodeBatch([audio, broken])).rejects.toMatchObject({ code: "corrupt-audio" });
    await expect(codec?.encodeBatch([audio, { ...audio, channels: [] }])).rejects.toThrow(TypeError);
    await expect(codec?.encodeBatch(audio as never)).rejects.toThrow('"audios" expected an array, got [object Object]');
    const tokens = await codec?.encode(audio);
    if (tokens === undefined) throw new Error("no codec");
    await expect(codec?.decodeBatch(tokens as never)).rejects.toThrow('"signals" expected an array');
    const other = { ...tokens, revision: "another" };
    await expect(codec?.decodeBatch([tokens, other])).rejects.toMatchObject({ code: "codec-mismatch" });
  });

  it("may have numbers of codebooks that differ", async () => {
    const audio = { channels: [new Float32Array(900).fill(0.1)], sampleRate: 3000 };
    if (codec === undefined) throw new Error("no codec");
    const tokens = [await codec.encode(audio), await codec.encode(audio, { numCodebooks: 1 })];
    const alone = [];
    for (const one of tokens) alone.push(await codec.decode(one));
    expect(await codec.decodeBatch(tokens)).toEqual(alone);
  });
});
