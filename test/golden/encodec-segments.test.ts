/**
 * EnCodec's models that are not causal equal PyPI encodec's on random weights: at 48 kHz stereo in segments, at 32 kHz the
 * whole signal at once; networks and codec, whatever the chunking, with the weights in each layout that was published.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildDecoder } from "../../codecs/encodec/decoder-graph";
import { buildEncoder } from "../../codecs/encodec/encoder-graph";
import type { StateDict } from "../../src/checkpoints/state-dict";
import { type Codec, loadCodec, type PcmAudio, splitSegments, type TokenFrames } from "../../src/index";
import { deinterleave } from "../../src/audio/channels";
import { maxDifference } from "../helpers/golden";
import {
  type EncodecGolden,
  type EncodecVectors,
  encodecTinyFolders,
  encodecWeightsFile,
  readEncodecGolden,
} from "../helpers/golden-encodec";
import { runNetwork } from "../helpers/run-network";
import { chunksOf, collect, framesOf } from "../helpers/stream-pieces";

/**
 * Largest difference that counts as equal. Values reach 2; measured are up to 2e-6 (scripts/encodec/parity.ts). Silence is
 * off by over 0.1 on every signal.
 */
const tolerance = 1e-5;

const goldens = {
  "48khz": readEncodecGolden(encodecTinyFolders["48khz"]),
  "32khz": readEncodecGolden(encodecTinyFolders["32khz"]),
} as const;

function load(golden: EncodecGolden, file: string = encodecWeightsFile(golden.folder)): Promise<Codec> {
  const config: unknown = JSON.parse(readFileSync(join(golden.folder, "config.json"), "utf8"));
  return loadCodec({ config, weights: readFileSync(file) }, { device: "cpu" });
}

const codecs = { "48khz": await load(goldens["48khz"]), "32khz": await load(goldens["32khz"]) } as const;
afterAll(() => Promise.all(Object.values(codecs).map((codec) => codec.dispose())));

function audioOf({ config }: EncodecGolden, { input }: EncodecVectors): PcmAudio {
  return { channels: deinterleave(input, config.numChannels), sampleRate: config.sampleRate };
}

/** The largest difference of audio from encodec's samples, over all channels. */
function difference(golden: EncodecGolden, chunks: readonly PcmAudio[], signal: EncodecVectors): number {
  const { numChannels } = golden.config;
  const length = signal.input.length / numChannels;
  const expected = deinterleave(signal.waveform, numChannels).map((samples) => samples.subarray(0, length));
  return Math.max(
    ...expected.map((samples, channel) => {
      const actual = Float32Array.from(chunks.flatMap(({ channels }) => [...(channels[channel] ?? [])]));
      return maxDifference(actual, samples);
    }),
  );
}

const cases = (["48khz", "32khz"] as const).flatMap((rate) =>
  goldens[rate].signals.map((signal) => {
    const length = signal.input.length / goldens[rate].config.numChannels;
    return [rate, length, signal] as const;
  }),
);

describe.each(cases)("at %s, %i samples", (rate, length, signal) => {
  const golden = goldens[rate];
  const codec = codecs[rate];

  it("give encodec's tokens and scales", async () => {
    const tokens = await codec.encode(audioOf(golden, signal));
    expect([...tokens.codes]).toEqual([...signal.tokens]);
    expect(tokens.numSamples).toBe(length);
    expect(tokens.numChannels).toBe(1);
    if (signal.scales === undefined) expect(tokens.scales).toBeUndefined();
    // float32 sums differ in their last place: scales are 0.2 to 0.5.
    else expect(maxDifference(tokens.scales ?? new Float32Array(), signal.scales)).toBeLessThanOrEqual(6e-8);
  });

  it.each([1, 331, 600])("give the same tokens in chunks of %i", async (size) => {
    const audio = audioOf(golden, signal);
    const pieces = await collect(codec.encodeStream(chunksOf(audio, size)));
    const { codes, scales } = await codec.encode(audio);
    expect(pieces.flatMap((piece) => [...piece.codes])).toEqual([...codes]);
    expect(pieces.flatMap((piece) => [...(piece.scales ?? [])])).toEqual([...(scales ?? [])]);
    expect(pieces.reduce((sum, piece) => sum + piece.numSamples, 0)).toBe(length);
  });

  it("decode to encodec's samples, at once and piece by piece", async () => {
    const tokens = await codec.encode(audioOf(golden, signal));
    expect(difference(golden, [await codec.decode(tokens)], signal)).toBeLessThanOrEqual(tolerance);
    const pieces: Iterable<TokenFrames> = rate === "48khz" ? splitSegments(tokens) : framesOf(tokens);
    const chunks = await collect(codec.decodeStream(pieces));
    expect(difference(golden, chunks, signal)).toBeLessThanOrEqual(tolerance);
  });
});

describe.each(["48khz", "32khz"] as const)("the networks at %s", (rate) => {
  const golden = goldens[rate];

  /** Differences of the first segment, or the whole signal, from encodec's latents and samples. */
  async function differences(signal: EncodecVectors, weights: StateDict = golden.weights, config = golden.config) {
    const { numChannels, latentDim, hopLength, segmentation } = golden.config;
    const length = Math.min(signal.input.length / numChannels, segmentation?.segmentSamples ?? Number.POSITIVE_INFINITY);
    const frames = Math.ceil(length / hopLength);
    const scale = signal.scales?.[0] ?? 1;
    const input = signal.input.slice(0, length * numChannels).map((sample) => sample / scale);
    const encoded = await runNetwork(buildEncoder(config, weights, "offline"), input, numChannels);
    const quantized = signal.quantized.subarray(0, frames * latentDim);
    const decoded = await runNetwork(buildDecoder(config, weights, "offline"), quantized, latentDim);
    const latents = signal.latents.subarray(0, frames * latentDim);
    return {
      latents: maxDifference(encoded.latents ?? new Float32Array(), latents),
      waveform: maxDifference(decoded.waveform ?? new Float32Array(), signal.decoded ?? signal.waveform),
    };
  }

  it.each(golden.signals.map((signal) => [signal.input.length, signal] as const))(
    "equal encodec's on %i numbers",
    async (_, signal) => {
      const found = await differences(signal);
      expect(Math.max(found.latents, found.waveform), JSON.stringify(found)).toBeLessThanOrEqual(tolerance);
    },
  );

  it.each([
    ["another dilation", {}, { dilationBase: 1 }],
    ["the other kind of shortcut or norm", {}, rate === "48khz" ? { hasSignalNorm: false } : { strides: [2, 4, 5] }],
    ["one weight of the last layer", { "encoder.layers.15.conv.weight": 3 }, {}],
    ["one weight of a transposed convolution", { "decoder.layers.3.conv.weight": 5 }, {}],
  ])("would not with %s", async (_, changes, config) => {
    const weights = new Map(golden.weights);
    for (const [name, at] of Object.entries(changes)) {
      const tensor = golden.weights.get(name);
      const data = tensor?.data.slice() ?? new Float32Array();
      data[at] = (data[at] ?? 0) + 0.5;
      if (tensor !== undefined) weights.set(name, { ...tensor, data });
    }
    const [signal] = golden.signals;
    if (signal === undefined) throw new Error("no signal");
    const found = differences(signal, weights, { ...golden.config, ...config });
    // A stride that is swapped meets weights of another shape.
    const worst = await found.then(({ latents, waveform }) => Math.max(latents, waveform)).catch((error) => error.code);
    expect(worst === "weights-shape" || worst > 100 * tolerance, String(worst)).toBe(true);
  });
});

describe("weights in the layout of", () => {
  it.each([
    ["the authors' own file", "48khz", "weights.th"],
    ["the hub's safetensors, stereo", "48khz", "model.safetensors"],
    ["audiocraft's package", "32khz", "compression_state_dict.bin"],
    ["the hub's pickle", "32khz", "pytorch_model.bin"],
    ["the hub's safetensors, mono", "32khz", "model.safetensors"],
  ] as const)("%s load and give the same tokens under the same revision", async (_, rate, file) => {
    const golden = goldens[rate];
    const [signal] = golden.signals;
    if (signal === undefined) throw new Error("no signal");
    await using codec = await load(golden, join(golden.folder, file));
    expect(codec.identity).toEqual(codecs[rate].identity);
    expect([...(await codec.encode(audioOf(golden, signal))).codes]).toEqual([...signal.tokens]);
  });
});

describe("channels of a stereo codec", () => {
  const golden = goldens["48khz"];
  const codec = codecs["48khz"];
  const { sampleRate } = golden.config;
  const [signal] = golden.signals;
  const [left = new Float32Array(), right = new Float32Array()] = deinterleave(signal?.input ?? new Float32Array(), 2);

  it("are the same twice for mono, and the mean of more", async () => {
    const twice = await codec.encode({ channels: [left, left], sampleRate });
    expect(await codec.encode({ channels: [left], sampleRate })).toEqual(twice);
    const three = [left, left, left];
    expect(await codec.encode({ channels: three, sampleRate })).toEqual(twice);
    expect((await codec.decode(twice)).channels.length).toBe(2);
  });

  it("are coded together: which is left and which is right counts", async () => {
    const swapped = await codec.encode({ channels: [right, left], sampleRate });
    expect([...swapped.codes]).not.toEqual([...(signal?.tokens ?? [])]);
  });

  it("cannot be coded separately", async () => {
    const separate = codec.encode({ channels: [left, right], sampleRate }, { channels: "separate" });
    await expect(separate).rejects.toThrow(/expected "mix" for encodec-48khz-tiny, which codes 2 together/);
  });
});

describe("a codec with segments", () => {
  const golden = goldens["48khz"];
  const codec = codecs["48khz"];
  let tokens: TokenFrames;
  beforeAll(async () => {
    const [signal] = golden.signals;
    if (signal === undefined) throw new Error("no signal");
    tokens = await codec.encode(audioOf(golden, signal));
  });

  it("has nothing to say about nothing", async () => {
    const empty = await codec.encode({ channels: [new Float32Array(), new Float32Array()], sampleRate: 3000 });
    expect([empty.codes.length, empty.scales?.length, empty.numSamples]).toEqual([0, 0, 0]);
    expect((await codec.decode(empty)).channels.map((channel) => channel.length)).toEqual([0, 0]);
  });

  it("is silent where a segment's scale is 0", async () => {
    const scales = tokens.scales?.map((scale, index) => (index === 1 ? 0 : scale)) ?? new Float32Array();
    const { channels } = await codec.decode({ ...tokens, scales });
    const { segmentSamples = 0, overlapSamples = 0 } = golden.config.segmentation ?? {};
    const alone = channels.map((channel) => channel.subarray(segmentSamples, 2 * (segmentSamples - overlapSamples)));
    expect(alone.map((samples) => Math.max(...samples.map(Math.abs)))).toEqual([0, 0]);
  });

  it("refuses segments of another length, none, and more behind the end", async () => {
    const segmentation = { segmentSamples: 630, overlapSamples: 78 };
    await expect(codec.decode({ ...tokens, segmentation })).rejects.toMatchObject({ code: "shape-mismatch" });
    const { segmentation: _, scales: __, ...plain } = tokens;
    await expect(codec.decode(plain)).rejects.toMatchObject({ code: "codec-mismatch" });
    const twice = collect(codec.decodeStream([tokens, tokens]));
    await expect(twice).rejects.toThrow(/a segment behind the end of the signal/);
  });
});

describe("a config of EnCodec", () => {
  const config: object = JSON.parse(readFileSync(join(goldens["48khz"].folder, "config.json"), "utf8"));

  it.each([
    ["normalizes a causal model", { isCausal: true, segmentation: undefined }, /"hasSignalNorm" expected false/],
    ["cuts a causal model", { isCausal: true, hasSignalNorm: false }, /"segmentation" expected none for a causal/],
    ["cuts within a frame", { segmentation: { segmentSamples: 601, overlapSamples: 48 } }, /a multiple of 30, got 601/],
    ["overlaps too much", { segmentation: { segmentSamples: 600, overlapSamples: 301 } }, /0 to half of 600, got 301/],
    ["does not say whether it is causal", { isCausal: undefined }, /"isCausal" expected true or false/],
  ])("that %s is refused", async (_, changes, message) => {
    const loading = loadCodec({ config: { ...config, ...changes }, weights: new Uint8Array() });
    await expect(loading).rejects.toMatchObject({ code: "bad-config", message: expect.stringMatching(message) });
  });
});
