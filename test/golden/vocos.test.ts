/** Vocos equals PyPI vocos on the same random weights, whole and in any chunks. */
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { buildBackbone } from "../../codecs/vocos/backbone-graph";
import { parseVocosConfig, type VocosConfig } from "../../codecs/vocos/config";
import { readAudioFile } from "../../src/audio/index";
import { writeSafetensors } from "../../src/checkpoints/safetensors";
import type { StateDict } from "../../src/checkpoints/state-dict";
import { type Codec, loadCodec, loadVocoder, melSpectrogram, type TokenFrames, vocoders } from "../../src/index";
import { NetworkSession } from "../../src/runtime/network-session";
import { openRuntime } from "../../src/runtime/open-runtime";
import { maxDifference, withChange } from "../helpers/golden";
import {
  goldenRate,
  readVocosGolden,
  type VocosKind,
  type VocosVectors,
  vocosTinyFolder,
} from "../helpers/golden-vocos";
import { runCommand } from "../helpers/run-command";

/**
 * Spectra reach 100 and differ by up to 4e-5, samples reach 7 and differ by up to 3e-6 (scripts/vocos/parity.ts). Silence
 * is off by 96 and by 3.
 */
const tolerance = { spectrum: 1e-3, audio: 5e-5 };

const goldens = { mel: await readVocosGolden("mel"), encodec: await readVocosGolden("encodec") };
const cases = (["mel", "encodec"] as const).flatMap((kind) =>
  goldens[kind].signals.map(({ numFrames }, index) => [kind, numFrames, index] as const),
);
const cpu = { device: "cpu" } as const;
const configOf = (kind: VocosKind) => JSON.parse(readFileSync(join(vocosTinyFolder, `${kind}.json`), "utf8"));
const sourceOf = (kind: VocosKind) => ({ config: configOf(kind), weights: join(vocosTinyFolder, `${kind}.bin`) });

interface Changes {
  readonly config?: VocosConfig;
  readonly weights?: StateDict;
  readonly rate?: number;
}

/** The spectrum from the offline form. */
async function spectrumOf(kind: VocosKind, index: number, changes: Changes = {}): Promise<Float32Array> {
  const { config = goldens[kind].config, weights = goldens[kind].weights } = changes;
  const { features, numFrames } = goldens[kind].signals[index] as VocosVectors;
  const { rate = goldenRate(config, index) } = changes;
  const marks = config.encodec?.bitsPerSecond.map((known) => (known === rate ? 1 : 0));
  const network = buildBackbone(config, weights, "offline");
  await using session = await NetworkSession.create(await openRuntime(cpu), network);
  const { spectrum } = await session.run({
    features: { data: features, shape: [1, numFrames, config.featureDim] },
    ...(marks && { rate: { data: Float32Array.from(marks), shape: [marks.length] } }),
  });
  return spectrum?.data ?? new Float32Array();
}

/** The samples of a signal in chunks of so many frames. */
async function vocode(kind: VocosKind, index: number, chunks: readonly number[]): Promise<Float32Array> {
  const { config, signals } = goldens[kind];
  const { features } = signals[index] as VocosVectors;
  const bitsPerSecond = goldenRate(config, index);
  await using vocoder = await loadVocoder(sourceOf(kind), cpu);
  const pieces: number[] = [];
  const stream = await vocoder.openStream(bitsPerSecond === undefined ? {} : { bitsPerSecond });
  for (let at = 0, call = 0; at < features.length; call++) {
    const end = at + (chunks[call % chunks.length] as number) * config.featureDim;
    pieces.push(...(await stream.push(features.slice(at, end))));
    at = end;
  }
  return Float32Array.from([...pieces, ...(await stream.flush())]);
}

describe("backbone", () => {
  it.each(cases)("of %s features, %i frames", async (kind, _, index) => {
    const { spectrum } = goldens[kind].signals[index] as VocosVectors;
    expect(maxDifference(await spectrumOf(kind, index), spectrum)).toBeLessThan(tolerance.spectrum);
  });

  const { config, weights } = goldens.encodec;
  const noticed: [string, Changes][] = [
    ["another rate", { rate: 300 }],
    ["a block less", { config: { ...config, numBlocks: 1 } }],
    ["one tap of a depthwise kernel", { weights: withChange(weights, "backbone.convnext.1.dwconv.weight", 6) }],
    ["one bias of a phase", { weights: withChange(weights, "head.out.bias", 60) }],
    ["one scale of a norm", { weights: withChange(weights, "backbone.convnext.0.norm.scale.weight", 3 * 8 + 2) }],
  ];
  it.each(noticed)("notices %s", async (_, changes) => {
    const { spectrum } = goldens.encodec.signals[0] as VocosVectors;
    expect(maxDifference(await spectrumOf("encodec", 0, changes), spectrum)).toBeGreaterThan(100 * tolerance.spectrum);
  });
});

describe("samples", () => {
  it.each(cases)("of %s features, %i frames", async (kind, numFrames, index) => {
    const { config, signals } = goldens[kind];
    const { audio } = signals[index] as VocosVectors;
    const found = await vocode(kind, index, [1000]);
    expect(found.length).toBe(numFrames * config.hopLength);
    // With frames on samples, PyTorch ends at the last frame's own sample; here its hop comes with it.
    expect(audio.length).toBe(found.length - (kind === "mel" ? config.hopLength : 0));
    expect(maxDifference(found.subarray(0, audio.length), audio)).toBeLessThan(tolerance.audio);
  });

  const chunkings = [[1], [2, 7], [30]];
  it.each(chunkings.flatMap((chunks) => [["mel", chunks] as const, ["encodec", chunks] as const]))(
    "of %s features in chunks of %j frames",
    async (kind, chunks) => {
      const { audio } = goldens[kind].signals[0] as VocosVectors;
      const found = await vocode(kind, 0, chunks);
      expect(maxDifference(found.subarray(0, audio.length), audio)).toBeLessThan(tolerance.audio);
    },
  );

  it("are held back no longer than the backbone looks ahead, however long the signal", async () => {
    await using vocoder = await loadVocoder(sourceOf("mel"), cpu);
    const stream = await vocoder.openStream();
    let numSamples = 0;
    for (let push = 1; push <= 50; push++) {
      numSamples += (await stream.push(new Float32Array(7 * 6))).length;
      // Two blocks and the first layer, three frames each, and half a window.
      expect(push * 7 * 16 - numSamples).toBeLessThanOrEqual(9 * 16 + 32);
    }
    expect((await stream.flush()).length).toBe(50 * 7 * 16 - numSamples);
  });

  it("are none of no frames", async () => {
    await using vocoder = await loadVocoder(sourceOf("mel"), cpu);
    expect((await vocoder.vocode(new Float32Array(0))).channels[0]?.length).toBe(0);
  });
});

describe("features", () => {
  it("are those of vocos: magnitudes in HTK bands, down to 1e-7", () => {
    const { config, signals } = goldens.mel;
    const { samples, features, numFrames } = signals[0] as VocosVectors;
    if (samples === undefined || config.mel === undefined) throw new Error("incomplete vectors");
    const mel = melSpectrogram(samples, config.mel).subarray(0, numFrames * config.featureDim);
    // Powers instead of magnitudes are off by 2, another band shape by 0.3.
    expect(maxDifference(mel, features)).toBeLessThan(1e-4);
  });

  it("of EnCodec need the rate that they were quantized at", async () => {
    await using vocoder = await loadVocoder(sourceOf("encodec"), cpu);
    expect(vocoder.features).toBe("encodec_latents");
    await expect(vocoder.vocode(new Float32Array(8))).rejects.toThrow(
      '"bitsPerSecond" expected one of 300, 600, 900, 1200 for vocos-tiny-encodec, got undefined',
    );
    expect(() => vocoder.mel).toThrow("takes \"encodec_latents\" and no log-mel");
  });
});

describe("tokens of EnCodec", () => {
  const encodecFolder = join(import.meta.dirname, "encodec-tiny");
  const encodec = {
    config: JSON.parse(readFileSync(join(encodecFolder, "config.json"), "utf8")),
    weights: join(encodecFolder, "weights.th"),
  };
  const tokensOf = ({ identity }: Codec, index: number): TokenFrames => {
    const { tokens = new Float32Array(), numFrames } = goldens.encodec.signals[index] as VocosVectors;
    const { name, revision, sampleRate, frameRate, hopLength, codebookSize } = identity;
    const facts = { codec: name, revision, sampleRate, frameRate, codebookSize, numChannels: 1 };
    const numCodebooks = tokens.length / numFrames;
    return { ...facts, codes: Uint16Array.from(tokens), numCodebooks, numSamples: numFrames * hopLength };
  };

  it.each([0, 1])("become the samples that vocos makes of them at their rate, signal %i", async (index) => {
    await using codec = await loadCodec(encodec, cpu);
    await using vocoder = await loadVocoder(sourceOf("encodec"), cpu);
    const tokens = tokensOf(codec, index);
    const { audio } = goldens.encodec.signals[index] as VocosVectors;
    const found = (await codec.decode(tokens, { vocoder })).channels[0] ?? new Float32Array();
    expect(maxDifference(found, audio)).toBeLessThan(tolerance.audio);
    const pieces: number[] = [];
    const frames = splitFrames(tokens, codec.identity.hopLength);
    for await (const piece of codec.decodeStream(frames, { vocoder })) pieces.push(...(piece.channels[0] ?? []));
    expect(maxDifference(Float32Array.from(pieces), audio)).toBeLessThan(tolerance.audio);
  });

  it("are refused when their frames are other stretches of audio, or at a rate that is not known", async () => {
    await using codec = await loadCodec(encodec, cpu);
    const { config, weights } = sourceOf("encodec");
    await using other = await loadVocoder({ weights, config: { ...config, hopLength: 20 } }, cpu);
    await expect(codec.decode(tokensOf(codec, 0), { vocoder: other })).rejects.toMatchObject({
      code: "features-mismatch",
      message: expect.stringContaining('"encodec-tiny" has hopLength 40, "vocos-tiny-encodec" takes 20'),
    });
    const rates = { ...config.encodec, bitsPerSecond: [300, 600, 900, 2400] };
    await using slower = await loadVocoder({ weights, config: { ...config, encodec: rates } }, cpu);
    await expect(codec.decode(tokensOf(codec, 0), { vocoder: slower })).rejects.toThrow(
      '"bitsPerSecond" expected one of 300, 600, 900, 2400 for vocos-tiny-encodec, got 1200',
    );
  });
});

/** The tokens frame by frame. */
function splitFrames(tokens: TokenFrames, hopLength: number): TokenFrames[] {
  const { codes, numCodebooks } = tokens;
  return Array.from({ length: codes.length / numCodebooks }, (_, frame) => ({
    ...tokens,
    codes: codes.slice(frame * numCodebooks, (frame + 1) * numCodebooks),
    numSamples: hopLength,
  }));
}

describe("quantone vocode", () => {
  it("makes audio of features that were quantized at the rate that is told, and asks for one", async () => {
    const folder = await mkdtemp(join(tmpdir(), "quantone-"));
    try {
      const [input, output] = [join(folder, "in.safetensors"), join(folder, "out.wav")];
      const { features, numFrames, audio } = goldens.encodec.signals[0] as VocosVectors;
      const shape = [numFrames, features.length / numFrames];
      const tensor = { dtype: "F32" as const, shape, data: features };
      await writeFile(input, writeSafetensors(new Map([["encodec_latents", tensor]])));
      const environment = { vocoders, loadVocoder: () => loadVocoder(sourceOf("encodec"), cpu) };
      const args = ["vocode", input, output, "--vocoder", "vocos-encodec-24khz", "--weights", "tiny"];
      const unsaid = await runCommand(args, environment);
      expect([unsaid.exitCode, unsaid.stderr]).toEqual([2, expect.stringMatching(/"bitsPerSecond" expected one of 300,/)]);
      const differenceAt = async (bitsPerSecond = 0): Promise<number> => {
        const rate = ["--bitrate", String(bitsPerSecond / 1000), "--sample-format", "f32", "--force"];
        const told = await runCommand([...args, ...rate], environment);
        expect(told.exitCode, told.stderr).toBe(0);
        return maxDifference((await readAudioFile(output)).channels[0] ?? new Float32Array(), audio);
      };
      expect(await differenceAt(goldenRate(goldens.encodec.config, 0))).toBeLessThan(tolerance.audio);
      expect(await differenceAt(goldenRate(goldens.encodec.config, 1))).toBeGreaterThan(100 * tolerance.audio);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe("config", () => {
  it.each([
    ["mel", undefined, '"mel" expected either it or "encodec", got "neither"'],
    ["padding", "valid", '"padding" expected "center" or "same", got "valid"'],
    ["kernelSize", 6, '"kernelSize" expected an odd number, got 6'],
    ["hopLength", 20, '"mel.hopLength" expected 20, from the other fields, got 16'],
  ])("is refused for its %s", (field, value, message) => {
    expect(() => parseVocosConfig({ ...configOf("mel"), [field]: value })).toThrow(message);
  });

  it("is refused with weights of another size", async () => {
    const { config, weights } = sourceOf("mel");
    await expect(loadVocoder({ config: { ...config, channels: 10 }, weights }, cpu)).rejects.toMatchObject({
      code: "weights-shape",
      model: "vocos-mel-24khz",
      message: expect.stringMatching(/^these are no weights of "vocos-mel-24khz": "backbone.embed.weight" expected/),
    });
    await expect(loadVocoder("vocos-mel-24khz", cpu)).rejects.toMatchObject({ code: "missing-weights" });
  });
});
