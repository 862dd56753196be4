/** A model as training/ exports one, found by its folder alone: text to samples, against the trainer's own. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { VitsEngine } from "../../codecs/vits/engine";
import { openVits } from "../../codecs/vits/index";
import { concatFloats } from "../../src/kernels/concat";
import type { SpeakOptions } from "../../src/synthesis/speech-model";
import { maxDifference } from "../helpers/golden";
import { readVitsGolden } from "../helpers/golden-vits";

/**
 * Of samples up to 0.48. The file rounds the lengths of the flow's kernels to half precision: 2.1e-5 measured. Without
 * the flow: 0.2.
 */
const tolerance = 1e-4;

const golden = readVitsGolden("vits-exported");
const { phonemes } = JSON.parse(readFileSync(join(golden.folder, "manifest.json"), "utf8")) as { phonemes: string };
let engine: VitsEngine;

beforeAll(async () => {
  engine = await openVits({ config: undefined, weights: golden.folder }, { device: "cpu", phonemize: async (text) => text });
});
afterAll(() => engine.dispose());

it("says what the trainer's model says, from phonemes on", async () => {
  const noise = golden.vector("0.priorNoise");
  let at = 0;
  const take = (length: number): Float32Array => noise.slice(at, (at += length));
  const ownScales = { speakingRate: undefined, noiseScale: undefined, durationNoiseScale: undefined };
  const options: SpeakOptions = { speaker: 0, noise: { take }, signal: undefined, ...ownScales };
  const { chunks, unknown } = await engine.speak(phonemes, options);
  const parts: Float32Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  expect(unknown).toEqual([]);
  const [spoken, expected] = [concatFloats(parts), golden.vector("0.waveform")];
  expect(spoken.length).toBe(expected.length);
  expect(maxDifference(spoken, expected)).toBeLessThan(tolerance);
});
