import { describe, expect, it } from "vitest";
import type { PcmAudio } from "../../src/audio/pcm-audio";
import { Codec } from "../../src/codec";
import { TokenError } from "../../src/errors";
import type { Progress } from "../../src/runtime/job";
import { concatTokenFrames } from "../../src/tokens/concat-token-frames";
import { numFrames, type TokenFrames } from "../../src/tokens/token-frames";
import { collect } from "../helpers/stream-pieces";
import { noise } from "../helpers/synth-audio";
import { toyHop, toyRounded, toyStages } from "../helpers/toy-codec";

const sampleRate = 8000;
const mono = (length: number, seed = 1): PcmAudio => ({ channels: [noise(length, seed)], sampleRate });
const codec = new Codec(toyStages());

function* chunksOf(audio: PcmAudio, sizes: readonly number[]): Generator<PcmAudio> {
  const length = audio.channels[0]?.length ?? 0;
  for (let begin = 0, turn = 0; begin < length; turn++) {
    const end = begin + (sizes[turn % sizes.length] ?? 1);
    yield { channels: audio.channels.map((channel) => channel.subarray(begin, end)), sampleRate };
    begin = end;
  }
}

function readable<T>(items: Iterable<T>): ReadableStream<T> {
  return new ReadableStream({
    start(controller) {
      for (const item of items) controller.enqueue(item);
      controller.close();
    },
  });
}

/** The samples that a lossless codec with 16 bits gives back. */
const rounded = (audio: PcmAudio): number[][] => audio.channels.map((channel) => [...channel].map(toyRounded));
const samplesOf = (audio: PcmAudio): number[][] => audio.channels.map((channel) => [...channel]);

describe("encode and decode", () => {
  it.each([0, 1, 3, 4, 5, 999, 1000, 200_001])("give back %i samples, each in its place", async (length) => {
    const audio = mono(length);
    const tokens = await codec.encode(audio);
    expect(numFrames(tokens)).toBe(Math.ceil(length / toyHop));
    expect(tokens.numSamples).toBe(length);
    expect(samplesOf(await codec.decode(tokens))).toEqual(rounded(audio));
  });

  it("mix channels by default", async () => {
    const audio: PcmAudio = { channels: [Float32Array.of(0.5, 0.25), Float32Array.of(-0.5, 0.75)], sampleRate };
    const decoded = await codec.decode(await codec.encode(audio));
    expect(samplesOf(decoded)).toEqual([[0, 0.5].map(toyRounded)]);
  });

  it("code channels separately when asked to", async () => {
    const audio: PcmAudio = { channels: [noise(101, 1), noise(101, 2), noise(101, 3)], sampleRate };
    const tokens = await codec.encode(audio, { channels: "separate" });
    expect(tokens.numChannels).toBe(3);
    expect(samplesOf(await codec.decode(tokens))).toEqual(rounded(audio));
  });

  it("search along as many paths as asked for, whichever way audio comes in", async () => {
    const stages = toyStages();
    const widths: (number | undefined)[] = [];
    const quantizer: typeof stages.quantizer = {
      ...stages.quantizer,
      quantize(latents, activeCodebooks, out, beamWidth) {
        widths.push(beamWidth);
        return stages.quantizer.quantize(latents, activeCodebooks, out);
      },
    };
    const watched = new Codec({ ...stages, quantizer });
    const audio = mono(40);
    await watched.encode(audio, { beamWidth: 5 });
    await collect(watched.encodeStream(chunksOf(audio, [40]), { beamWidth: 6 }));
    await watched.encodeBatch([audio, audio], { beamWidth: 7 });
    // Without a wish, the quantizer's own width is left alone.
    await watched.encode(audio);
    expect(widths).toEqual([5, 6, 7, 7, undefined]);
    await expect(watched.encode(audio, { beamWidth: 65 })).rejects.toThrow(
      new RangeError('"beamWidth" expected an integer from 1 to 64, got 65'),
    );
  });

  it("take audio of another sample rate", async () => {
    const tokens = await codec.encode({ channels: [noise(44_100, 1)], sampleRate: 44_100 });
    expect(tokens.numSamples).toBe(8000);
    expect(numFrames(tokens)).toBe(2000);
  });

  it("use as many codebooks as the options say", async () => {
    const audio = mono(40);
    expect((await codec.encode(audio)).numCodebooks).toBe(4);
    expect((await codec.encode(audio, { numCodebooks: 3 })).numCodebooks).toBe(3);
    // 2000 frames a second, 16 bits a code.
    expect((await codec.encode(audio, { bitsPerSecond: 64_000 })).numCodebooks).toBe(2);
    await expect(codec.encode(audio, { numCodebooks: 5 })).rejects.toThrow(RangeError);
    await expect(codec.encode(audio, { bitsPerSecond: 31_999 })).rejects.toThrow(RangeError);
  });

  it("bound the frames of one network call", async () => {
    const frameCounts: number[] = [];
    await new Codec(toyStages(frameCounts)).encode(mono(20_000));
    expect(frameCounts.reduce((sum, count) => sum + count, 0)).toBe(5000);
    expect(Math.max(...frameCounts)).toBeLessThanOrEqual(50);
  });

  it("tell progress up to the end", async () => {
    const heard: Progress[] = [];
    const audio = mono(25 * sampleRate);
    const tokens = await codec.encode(audio, { onProgress: (progress) => heard.push(progress) });
    expect(heard.map((progress) => progress.doneSeconds)).toEqual([10, 20, 25]);
    expect(heard[0]?.totalSeconds).toBe(25);
    heard.length = 0;
    await codec.decode(tokens, { onProgress: (progress) => heard.push(progress) });
    expect(heard.map((progress) => progress.doneSeconds)).toEqual([10, 20, 25]);
  });

  it("stop with the signal's reason", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const stopping = { signal: controller.signal, onProgress: () => controller.abort(reason) };
    await expect(codec.encode(mono(25 * sampleRate), stopping)).rejects.toBe(reason);
    await expect(codec.decode(await codec.encode(mono(80)), { signal: controller.signal })).rejects.toBe(reason);
  });

  it("stop within a slice, and after the last chunk", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const options = { signal: controller.signal };
    setTimeout(() => controller.abort(reason), 0);
    // Nine seconds are one slice, but 360 network calls; the toy networks give way to timers.
    await expect(new Codec(toyStages([], 1)).encode(mono(9 * sampleRate), options)).rejects.toBe(reason);
    await expect(collect(codec.encodeStream([], options))).rejects.toBe(reason);
    const transform = readable([mono(80)]).pipeThrough(codec.encodeTransform(options));
    await expect(collect(transform)).rejects.toBe(reason);
  });

  it("stop while a source keeps them waiting", async () => {
    const reason = new Error("enough");
    async function* hanging(): AsyncGenerator<PcmAudio> {
      yield mono(80);
      await new Promise(() => {});
    }
    const stream = codec.encodeStream(hanging(), { signal: AbortSignal.timeout(20) });
    await expect(collect(stream)).rejects.toMatchObject({ name: "TimeoutError" });
    const controller = new AbortController();
    const decoding = codec.decodeStream([await codec.encode(mono(80))], { signal: controller.signal });
    controller.abort(reason);
    await expect(collect(decoding)).rejects.toBe(reason);
  });

  it("name the sample that is not finite", async () => {
    const audio = mono(15 * sampleRate);
    (audio.channels[0] ?? new Float32Array(1))[100_003] = Number.POSITIVE_INFINITY;
    await expect(codec.encode(audio)).rejects.toMatchObject({
      code: "corrupt-audio",
      message: expect.stringContaining("Infinity at sample 100003 of channel 0"),
    });
  });

  it("refuse options that they do not know", async () => {
    const channels = "both" as "mix";
    await expect(codec.encode(mono(8), { channels })).rejects.toThrow(
      /"channels" expected "mix" or "separate", got "both"/,
    );
    const bitsPerSecond = "32000" as unknown as number;
    await expect(codec.encode(mono(8), { bitsPerSecond })).rejects.toThrow(
      /"bitsPerSecond" expected a number, got "32000"/,
    );
  });

  it("refuse audio that is malformed, saying what is wrong", async () => {
    await expect(codec.encode({ channels: [], sampleRate })).rejects.toThrow(/"audio.channels" expected at least one/);
    await expect(codec.encode({ channels: [noise(4, 1), noise(5, 1)], sampleRate })).rejects.toThrow(
      /"audio.channels\[1\]" expected 4 samples like channel 0, got 5/,
    );
    await expect(codec.encode({ channels: [noise(4, 1)], sampleRate: Number.NaN })).rejects.toThrow(
      /"audio.sampleRate" expected a positive number of Hz, got NaN/,
    );
  });
});

describe("lost frames", () => {
  it("count as zeros, each in its place, whatever the pieces", async () => {
    const audio = mono(1003);
    const tokens = await codec.encode(audio);
    const lostFrames = Uint8Array.from({ length: numFrames(tokens) }, (_, frame) => (frame % 7 === 3 ? 1 : 0));
    const expected = samplesOf(audio)[0]?.map((sample, at) =>
      lostFrames[Math.floor(at / toyHop)] === 1 ? 0 : toyRounded(sample),
    );
    expect(samplesOf(await codec.decode({ ...tokens, lostFrames }))).toEqual([expected]);
    const pieces = Array.from(lostFrames, (mark, frame) => ({
      ...tokens,
      codes: tokens.codes.slice(frame * toyHop, (frame + 1) * toyHop),
      numSamples: Math.min(toyHop, 1003 - frame * toyHop),
      ...(mark === 1 && { lostFrames: Uint8Array.of(1) }),
    }));
    const streamed = await collect(codec.decodeStream(pieces));
    expect(streamed.flatMap((piece) => samplesOf(piece)[0] ?? [])).toEqual(expected);
  });
});

describe("streams", () => {
  const audio: PcmAudio = { channels: [noise(5003, 4), noise(5003, 5)], sampleRate };
  const sizes = [1, toyHop - 1, toyHop, toyHop + 1, 97, 1000];

  it.each([["mix"], ["separate"]] as const)("give the tokens of the one-shot call (%s)", async (channels) => {
    const whole = await codec.encode(audio, { channels });
    const pieces = await collect(codec.encodeStream(chunksOf(audio, sizes), { channels }));
    expect(pieces.length).toBeGreaterThan(10);
    expect(pieces.every((piece) => piece.codes.length > 0)).toBe(true);
    expect(concatTokenFrames(pieces)).toEqual(whole);
  });

  it("give the samples of the one-shot call", async () => {
    const tokens = await codec.encode(audio, { channels: "separate" });
    const pieces = await collect(codec.encodeStream(chunksOf(audio, sizes), { channels: "separate" }));
    const chunks = await collect(codec.decodeStream(pieces));
    const joined = [0, 1].map((channel) => chunks.flatMap((chunk) => [...(chunk.channels[channel] ?? [])]));
    expect(joined).toEqual(samplesOf(await codec.decode(tokens)));
  });

  it("can be piped through as Web Streams", async () => {
    const decoded = readable(chunksOf(audio, sizes))
      .pipeThrough(codec.encodeTransform())
      .pipeThrough(codec.decodeTransform());
    const samples = (await collect(decoded)).flatMap((chunk) => [...(chunk.channels[0] ?? [])]);
    expect([samples]).toEqual(samplesOf(await codec.decode(await codec.encode(audio))));
  });

  it("resample alike whatever the chunks", async () => {
    const at = (chunk: PcmAudio): PcmAudio => ({ ...chunk, sampleRate: 11_025 });
    const whole = await codec.encode(at(audio));
    const pieces = await collect(codec.encodeStream([...chunksOf(audio, sizes)].map(at)));
    expect(concatTokenFrames(pieces)).toEqual(whole);
  });

  it("give nothing for nothing", async () => {
    expect(await collect(codec.encodeStream([]))).toEqual([]);
    expect(await collect(codec.decodeStream([]))).toEqual([]);
  });

  it("refuse the whole in place of its pieces", async () => {
    const { signal } = new AbortController();
    for (const options of [{}, { signal }]) {
      await expect(collect(codec.encodeStream(mono(8) as never, options))).rejects.toThrow(
        '"chunks" expected an array, a stream or a generator of them, got [object Object]',
      );
      await expect(collect(codec.decodeStream(undefined as never, options))).rejects.toThrow(TypeError);
    }
  });

  it("refuse a chunk unlike the first", async () => {
    const wrong = codec.encodeStream([mono(8), { channels: [noise(8, 1)], sampleRate: 16_000 }]);
    await expect(collect(wrong)).rejects.toThrow(/expected 1 channels at 8000 Hz .* got 1 at 16000 Hz/);
  });
});

describe("decode refuses tokens", () => {
  const decodeChanged = async (change: Partial<TokenFrames>) =>
    codec.decode({ ...(await codec.encode(mono(40))), ...change });

  it.each<[string, Partial<TokenFrames>, string]>([
    ["of another codec", { codec: "encodec-24khz" }, "codec-mismatch"],
    ["of other weights", { revision: "2" }, "codec-mismatch"],
    ["of another codebook size", { codebookSize: 1024, codes: new Uint16Array(40) }, "codec-mismatch"],
    ["that are no whole frames", { codes: new Uint16Array(39) }, "shape-mismatch"],
    ["that stand for too many samples", { numSamples: 41 }, "shape-mismatch"],
    ["that stand for too few samples", { numSamples: 36 }, "shape-mismatch"],
    ["that stand for half a sample", { numSamples: 39.5 }, "shape-mismatch"],
    ["with a number of channels that is none", { numChannels: -1, numCodebooks: -4 }, "shape-mismatch"],
    ["of another sample rate", { sampleRate: 16_000 }, "codec-mismatch"],
    ["of another frame rate", { frameRate: 75 }, "codec-mismatch"],
  ])("%s", async (_, change, code) => {
    const error = await decodeChanged(change).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(TokenError);
    expect((error as TokenError).code).toBe(code);
  });

  it("after a piece that was cut short", async () => {
    const cut = await codec.encode(mono(41));
    const empty = { ...cut, numSamples: 0, codes: new Uint16Array(0) };
    await expect(collect(codec.decodeStream([cut, cut]))).rejects.toThrow(/pass the pieces in order/);
    await expect(collect(codec.decodeStream([cut, empty, cut]))).rejects.toThrow(/pass the pieces in order/);
    expect(() => concatTokenFrames([cut, empty, cut])).toThrow(/expected 44 of a piece before the last, got 41/);
    expect(concatTokenFrames([cut, empty])).toEqual(cut);
  });

  it("that are none at all", async () => {
    await expect(codec.decode(null as unknown as TokenFrames)).rejects.toThrow(/"codes" expected a Uint16Array/);
  });
});
