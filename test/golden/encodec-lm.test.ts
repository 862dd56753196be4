/** Files with EnCodec's language model: PyPI encodec's bytes from its probabilities, and its probabilities from its weights. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { LanguageModelConfig } from "../../codecs/encodec/language-model/config";
import { buildLanguageModel } from "../../codecs/encodec/language-model/float-graph";
import { FloatPredictor } from "../../codecs/encodec/language-model/float-predictor";
import { IntegerPredictor } from "../../codecs/encodec/language-model/integer/integer-predictor";
import { toIntegerWeights } from "../../codecs/encodec/language-model/integer/integer-weights";
import { firstCodebooks, readLanguageModelWeights } from "../../codecs/encodec/language-model/weights";
import { openCheckpoint } from "../../src/checkpoints/open-checkpoint";
import { readSafetensors } from "../../src/checkpoints/safetensors";
import { readEcdc, readEcdcInfo, readModelledEcdc, writeEcdc, writeModelledEcdc } from "../../src/container/ecdc/index";
import type { TokenLanguageModel } from "../../src/container/ecdc/modelled-file";
import { rangesOfProbabilities } from "../../src/container/ecdc/probability-ranges";
import { ContainerError } from "../../src/errors";
import { createInt16Products } from "../../src/kernels/int16-matrices";
import type { Int16Products } from "../../src/kernels/int16-products";
import { NetworkSession } from "../../src/runtime/network-session";
import { openRuntime } from "../../src/runtime/open-runtime";
import type { TokenFrames } from "../../src/tokens/token-frames";

const folder = join(import.meta.dirname, "encodec-lm-tiny");
const bytesOf = (name: string) => new Uint8Array(readFileSync(join(folder, name)));
const vectors = readSafetensors(bytesOf("vectors.safetensors")).tensors;

function vector(name: string): Float32Array {
  const tensor = vectors.get(name);
  if (tensor === undefined) throw new Error(`no vector ${name}`);
  return tensor.data;
}

const codes = Uint16Array.from(vector("codes"));

/** The tokens of `24khz-<numCodebooks>.ecdc`. */
function tokensOf(numCodebooks: number): TokenFrames {
  return {
    codec: "encodec-24khz",
    revision: "r",
    sampleRate: 24_000,
    frameRate: 75,
    numSamples: 4060,
    numChannels: 1,
    numCodebooks,
    codebookSize: 1024,
    codes: codes.filter((_, index) => index % 3 < numCodebooks),
  };
}

/** A model that gives upstream's probabilities one frame after the other, and sees what it is told. */
function upstreamModel(seen: (number[] | undefined)[] = []): TokenLanguageModel {
  return {
    codec: "encodec-24khz",
    revision: "upstream",
    startSegment(numCodebooks) {
      const probabilities = vector(numCodebooks === 3 ? "probabilities" : "probabilities.2");
      const length = numCodebooks * 1024;
      let at = 0;
      return {
        next(previous) {
          seen.push(previous && [...previous]);
          return rangesOfProbabilities(probabilities.subarray(at, (at += length)), 1024);
        },
      };
    },
  };
}

describe.each([3, 2])("24khz-%i.ecdc", (numCodebooks) => {
  const file = bytesOf(`24khz-${numCodebooks}.ecdc`);
  const tokens = tokensOf(numCodebooks);

  it("is what we write, given upstream's probabilities", async () => {
    const seen: (number[] | undefined)[] = [];
    const bytes = await writeModelledEcdc(tokens, upstreamModel(seen), { arithmetic: "float" });
    expect(Buffer.from(bytes).equals(Buffer.from(file))).toBe(true);
    expect(seen.slice(0, 2)).toEqual([undefined, [...tokens.codes.subarray(0, numCodebooks)]]);
  });

  it("is what we read, given upstream's probabilities", async () => {
    expect(await readModelledEcdc(file, "r", upstreamModel())).toEqual(tokens);
  });

  it("is refused without a language model", () => {
    expect(() => readEcdc(file, "r")).toThrow(/written with the language model/);
  });

  it("is refused when any bit of its payload is another", async () => {
    for (let bit = 8 * 64; bit < 8 * file.length; bit++) {
      const damaged = file.slice();
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      await expect(readModelledEcdc(damaged, "r", upstreamModel())).rejects.toMatchObject({ name: "ContainerError" });
    }
  });

  it("is refused when it is cut off anywhere, or longer", async () => {
    for (let length = 64; length < file.length; length++) {
      const cut = readModelledEcdc(file.subarray(0, length), "r", upstreamModel());
      await expect(cut).rejects.toMatchObject({ code: "truncated" });
    }
    const longer = readModelledEcdc(Uint8Array.of(...file, 0), "r", upstreamModel());
    await expect(longer).rejects.toMatchObject({ code: "trailing-bytes", byteOffset: file.length });
  });
});

/** The tokens of the 48 kHz files: a whole segment, and one that is all overlap. */
const segmented: TokenFrames = {
  codec: "encodec-48khz",
  revision: "r",
  sampleRate: 48_000,
  frameRate: 150,
  numSamples: 48_000,
  numChannels: 1,
  numCodebooks: 2,
  codebookSize: 1024,
  segmentation: { segmentSamples: 48_000, overlapSamples: 480 },
  scales: vector("scales"),
  codes: Uint16Array.from(vector("segments")),
};

describe("48khz-packed.ecdc", () => {
  const file = bytesOf("48khz-packed.ecdc");

  it("is what we write", () => {
    expect(Buffer.from(writeEcdc(segmented)).equals(Buffer.from(file))).toBe(true);
  });

  it("is what we read", () => {
    expect(readEcdc(file, "r")).toEqual(segmented);
  });

  it("is refused when it is cut off anywhere", () => {
    for (let length = 0; length < file.length; length++) {
      expect(() => readEcdc(file.subarray(0, length), "r")).toThrow(/ECDC|expected/);
    }
  });

  it("is refused when a scale is no number", () => {
    const damaged = file.slice();
    damaged.set([0x7f, 0xc0, 0, 0], file.length - 5 - 4);
    expect(() => readEcdc(damaged, "r")).toThrow(/scale expected a finite number/);
  });
});

describe("48khz-unchanging.ecdc", () => {
  const file = bytesOf("48khz-unchanging.ecdc");
  const ends = rangesOfProbabilities(Float32Array.of(...vector("unchanging"), ...vector("unchanging")), 1024);
  let numSegments = 0;
  const model: TokenLanguageModel = {
    codec: "encodec-48khz",
    revision: "upstream",
    startSegment() {
      numSegments++;
      return { next: () => ends };
    },
  };

  it("is what we write and read, the model and the coder new in each segment", async () => {
    const bytes = await writeModelledEcdc(segmented, model, { arithmetic: "float" });
    expect(Buffer.from(bytes).equals(Buffer.from(file))).toBe(true);
    expect(await readModelledEcdc(file, "r", model)).toEqual(segmented);
    expect(numSegments).toBe(4);
  });
});

const config: LanguageModelConfig = {
  codec: "encodec-24khz",
  codebookSize: 1024,
  ...JSON.parse(readFileSync(join(folder, "config.json"), "utf8")),
};
using checkpoint = await openCheckpoint(bytesOf("lm.th"));
const weights = readLanguageModelWeights(config, checkpoint.tensors);

/** What a model is told and gives, frame by frame. */
async function go<T>(tokens: TokenFrames, next: (previous: Uint16Array | undefined) => T | Promise<T>): Promise<T[]> {
  const { codes, numCodebooks } = tokens;
  const given: T[] = [];
  for (let at = 0; at < codes.length; at += numCodebooks) {
    given.push(await next(at === 0 ? undefined : codes.subarray(at - numCodebooks, at)));
  }
  return given;
}

describe.each([
  [3, "probabilities"],
  [2, "probabilities.2"],
])("the language model with %i codebooks", (numCodebooks, name) => {
  const used = firstCodebooks(weights, numCodebooks);
  const tokens = tokensOf(numCodebooks);
  const expected = vector(name);

  it("gives upstream's probabilities in float32", async () => {
    const runtime = await openRuntime({ device: "cpu" });
    await using session = await NetworkSession.create(runtime, buildLanguageModel(config, used));
    const predictor = new FloatPredictor(config, used, session);
    const given = await go(tokens, (previous) => predictor.probabilities(previous));
    const ratios = given.flatMap((frame, at) => [
      ...frame.map((value, index) => value / (expected[at * frame.length + index] ?? 0)),
    ]);
    expect(ratios.length).toBe(expected.length);
    // Measured: 3.2e-6. Without the row of zeros before the first frame it is off by 0.9 there.
    expect(Math.max(...ratios.map((ratio) => Math.abs(ratio - 1)))).toBeLessThan(1e-5);
  });

  it("expects nearly the same in whole numbers", async () => {
    const integers = toIntegerWeights(used);
    const products = createInt16Products(integers.matrices, "auto");
    if (products === undefined) throw new Error("no kernel");
    const predictor = new IntegerPredictor(config, integers, products);
    const given = await go(tokens, (previous) => predictor.next(previous).slice());
    const bits = given.map((ends, at) => divergence(expected.subarray(at * ends.length), ends) / numCodebooks);
    // Measured: 4.8e-5 bits a code, of about 9. Without the position embedding it is 3, without the row of zeros before the
    // first frame 0.4, with ReLU in place of GELU 0.07.
    expect(Math.max(...bits)).toBeLessThan(3e-4);
  });
});

/** The model in whole numbers, as files name it that scripts/encodec/integer_lm.py writes. */
function integerModel(variant: Int16Products["variant"]): TokenLanguageModel {
  return {
    codec: "encodec-24khz",
    revision: "tiny",
    startSegment(numCodebooks) {
      const integers = toIntegerWeights(firstCodebooks(weights, numCodebooks));
      const products = createInt16Products(integers.matrices, variant);
      if (products === undefined) throw new Error(`no ${variant} here`);
      return new IntegerPredictor(config, integers, products);
    },
  };
}

describe.each([3, 2])("24khz-%i.integer.ecdc", (numCodebooks) => {
  const file = bytesOf(`24khz-${numCodebooks}.integer.ecdc`);
  const tokens = tokensOf(numCodebooks);

  it.each(["wasm", "reference"] as const)("is what we write, in %s", async (variant) => {
    const bytes = await writeModelledEcdc(tokens, integerModel(variant));
    expect(Buffer.from(bytes).equals(Buffer.from(file))).toBe(true);
  });

  it("is what we read, and says which weights it is of", async () => {
    expect(await readModelledEcdc(file, "another", integerModel("wasm"))).toEqual(tokens);
    expect(readEcdcInfo(file, "another")).toMatchObject({
      format: { codec: "encodec-24khz", revision: "r", numCodebooks },
      numFrames: 13,
      numSamples: 4060,
      coding: { kind: "integer", modelRevision: "tiny" },
    });
  });

  it("is refused when any bit of it is another, without the model being asked", async () => {
    const model = { ...integerModel("wasm"), startSegment: () => Promise.reject(new Error("asked")) };
    for (let bit = 0; bit < 8 * file.length; bit++) {
      const damaged = file.slice();
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      await expect(readModelledEcdc(damaged, "r", model)).rejects.toMatchObject({ name: "ContainerError" });
      expect(() => readEcdcInfo(damaged, "r")).toThrow(ContainerError);
    }
  });

  it("is refused with another language model, or one of another codec", async () => {
    for (const change of [{ revision: "other" }, { codec: "encodec-48khz" }]) {
      const reading = readModelledEcdc(file, "r", { ...integerModel("wasm"), ...change });
      await expect(reading).rejects.toMatchObject({ code: "codec-mismatch" });
    }
  });
});

/** How many bits more codes of these probabilities take with ranges than with the probabilities themselves. */
function divergence(probabilities: Float32Array, ends: Uint32Array): number {
  return ends.reduce((sum, end, index) => {
    const range = end - (index % 1024 === 0 ? 0 : (ends[index - 1] ?? 0));
    const probability = probabilities[index] ?? 0;
    return sum + probability * Math.log2(probability / (range / 2 ** 24));
  }, 0);
}
