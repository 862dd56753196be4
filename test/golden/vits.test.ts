/** VITS end to end: symbols to samples, whole and in chunks, and voice to voice, against transformers with its own noise. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { VitsEngine } from "../../codecs/vits/engine";
import { openVits } from "../../codecs/vits/index";
import type { NoiseSource } from "../../src/sampling/gaussian";
import type { SpeakOptions } from "../../src/synthesis/speech-model";
import { maxDifference } from "../helpers/golden";
import { readVitsGolden, type VitsGolden, type VitsGoldenName } from "../helpers/golden-vits";

/**
 * Samples of up to 0.2. Measured: 2.4e-7 at most. With windows that overlap by two frames less than the decoder looks:
 * 1.2e-5 and more; with the channels of the flow not turned round: 0.09.
 */
const tolerance = 2e-6;

/** Hands out given numbers in order. */
function given(numbers: Float32Array): NoiseSource {
  let at = 0;
  return {
    take(length) {
      at += length;
      if (at > numbers.length) throw new Error(`${at} numbers asked for, ${numbers.length} given`);
      return numbers.slice(at - length, at);
    },
  };
}

function join32(parts: readonly Float32Array[]): Float32Array {
  return Float32Array.from(parts.flatMap((part) => [...part]));
}

function noiseOf(golden: VitsGolden, index: number): NoiseSource {
  const drawn = golden.config.hasDrawnDurations ? golden.vector(`${index}.durationNoise`) : new Float32Array();
  return given(join32([drawn, golden.vector(`${index}.priorNoise`)]));
}

function speakOptions(speaker: number, noise: NoiseSource): SpeakOptions {
  return { speaker, noise, speakingRate: undefined, noiseScale: undefined, durationNoiseScale: undefined, signal: undefined };
}

async function speak(engine: VitsEngine, golden: VitsGolden, index: number): Promise<Float32Array[]> {
  const symbols = [...golden.vector(`${index}.tokens`)];
  const chunks: Float32Array[] = [];
  const options = speakOptions(golden.speakers[index] ?? 0, noiseOf(golden, index));
  for await (const chunk of engine.speakSymbols(symbols, options)) chunks.push(chunk);
  return chunks;
}

/** A vocabulary for models whose symbols stand for nothing. */
const vocabulary = Object.fromEntries([..."abcdefghijkl"].map((letter, number) => [letter, number]));

describe.each(["vits-tiny", "vits-tiny-speakers", "vits-tiny-predicted"] as const)("%s", (name: VitsGoldenName) => {
  const golden = readVitsGolden(name);
  let engine: VitsEngine;
  beforeAll(async () => {
    engine = await openVits({ config: undefined, weights: join(golden.folder, "model.safetensors") }, { vocabulary, device: "cpu" });
    return () => engine.dispose();
  });

  it.each(golden.speakers.map((_, index) => index))("speaks text %i", async (index) => {
    const chunks = await speak(engine, golden, index);
    expect(maxDifference(join32(chunks), golden.vector(`${index}.waveform`))).toBeLessThan(tolerance);
  });
});

describe("chunks", () => {
  it("begin before the sentence is finished, and grow", async () => {
    const golden = readVitsGolden("vits-tiny");
    await using engine = Object.assign(await openVits({ config: undefined, weights: golden.folder }, { vocabulary, device: "cpu" }), {
      async [Symbol.asyncDispose]() {
        await engine.dispose();
      },
    });
    const chunks = (await speak(engine, golden, 0)).filter(({ length }) => length > 0);
    const hop = golden.config.hopLength;
    expect(chunks[0]?.length).toBe(8 * hop);
    expect(chunks.length).toBeGreaterThan(2);
    expect(chunks[1]?.length).toBeGreaterThan(8 * hop);
  });
});

describe("the original's layout", () => {
  const golden = readVitsGolden("vits-tiny-speakers");

  it("gives the samples that the port gives", async () => {
    const config = JSON.parse(readFileSync(join(golden.folder, "original.json"), "utf8"));
    const weights = join(golden.folder, "original.pth");
    const engine = await openVits({ weights, config }, { vocabulary, device: "cpu" });
    const samples = join32(await speak(engine, golden, 0));
    await engine.dispose();
    expect(maxDifference(samples, golden.vector("0.waveform"))).toBeLessThan(tolerance);
  });
});

describe("voice conversion", () => {
  const golden = readVitsGolden("vits-tiny-speakers");

  it.each([[1e9], [64], [37, 1, 300]])("takes a recording to another voice, in chunks of %j", async (...lengths) => {
    const engine = await openVits({ config: undefined, weights: golden.folder }, { vocabulary, device: "cpu" });
    const samples = golden.vector("conversion.samples");
    const { signal, ...options } = speakOptions(0, given(golden.vector("conversion.noise")));
    const stream = await engine.openConversion({ ...options, signal, from: 0, to: 2 });
    const parts: Float32Array[] = [];
    for (let begin = 0, chunk = 0; begin < samples.length; chunk++) {
      const length = lengths[chunk % lengths.length] as number;
      parts.push(await stream.push(samples.subarray(begin, begin + length)));
      begin += length;
    }
    parts.push(await stream.flush());
    await engine.dispose();
    expect(maxDifference(join32(parts), golden.vector("conversion.waveform"))).toBeLessThan(tolerance);
  });
});
