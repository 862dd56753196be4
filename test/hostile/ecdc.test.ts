/**
 * Readers of `.ecdc` on bytes that nobody would write: every one ends in an error with a code or in tokens, in work that
 * is linear in the bytes. Work is counted, in frames that the language model is asked for.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readEcdcHeader } from "../../src/container/ecdc/header";
import {
  readEcdcInfo,
  readModelledEcdc,
  type TokenLanguageModel,
  writeEcdc,
  writeModelledEcdc,
} from "../../src/container/ecdc/index";
import { isCodecError } from "../../src/errors";
import { crc32c } from "../../src/kernels/crc32c";
import { assertTokenFrames, type TokenFrames } from "../../src/tokens/token-frames";
import { mutations } from "../helpers/mutate-container";
import { randomIntegers } from "../helpers/token-samples";

const NUM_FILES = 2000;
/** Code 0 takes nearly all of the range: 0.18 bits, so that a byte may stand for 44 codes. */
const LIKELY_RANGE = 14_800_000;
const CODES_PER_BYTE = 45;

const likelyEnds = Uint32Array.from({ length: 1024 }, (_, code) => LIKELY_RANGE + 1900 * code);

/** Expects code 0 always, and counts what it is asked for. */
function countingModel(codec: string): { model: TokenLanguageModel; asked: { numCodes: number } } {
  const asked = { numCodes: 0 };
  const model: TokenLanguageModel = {
    codec,
    revision: "lm",
    startSegment: (numCodebooks) => {
      const ends = Uint32Array.from({ length: numCodebooks * 1024 }, (_, index) => likelyEnds[index % 1024] ?? 0);
      return {
        next() {
          asked.numCodes += numCodebooks;
          return ends;
        },
      };
    },
  };
  return { model, asked };
}

const golden = (name: string) => new Uint8Array(readFileSync(join(import.meta.dirname, "../golden", name)));
const random = randomIntegers(7);

function tokensOf(codec: "encodec-24khz" | "encodec-48khz"): TokenFrames {
  const [numFrames, numSamples] = codec === "encodec-24khz" ? [60, 60 * 320] : [150 + 13, 47_520 + 4000];
  const sampleRate = codec === "encodec-24khz" ? 24_000 : 48_000;
  return {
    codec,
    revision: "r",
    sampleRate,
    frameRate: sampleRate / 320,
    numSamples,
    numChannels: 1,
    numCodebooks: 2,
    codebookSize: 1024,
    ...(codec === "encodec-48khz" && {
      segmentation: { segmentSamples: 48_000, overlapSamples: 480 },
      scales: Float32Array.of(1, 0.5),
    }),
    codes: Uint16Array.from({ length: 2 * numFrames }, () => (random(8) === 0 ? random(1024) : 0)),
  };
}

const samples: { bytes: Uint8Array; codec: string }[] = [
  { bytes: golden("ecdc/11917.ecdc"), codec: "encodec-24khz" },
  { bytes: golden("encodec-lm-tiny/24khz-3.ecdc"), codec: "encodec-24khz" },
];
for (const codec of ["encodec-24khz", "encodec-48khz"] as const) {
  const tokens = tokensOf(codec);
  const { model } = countingModel(codec);
  samples.push({ bytes: writeEcdc(tokens), codec });
  for (const arithmetic of ["float", "integer"] as const) {
    const bytes = await writeModelledEcdc(tokens, model, { arithmetic });
    expect((await readModelledEcdc(bytes, "r", model)).codes).toEqual(tokens.codes);
    samples.push({ bytes, codec });
  }
}

/** Puts the checksum of a file of integers right, as a hostile writer would. */
function forge(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  if (copy.length > 4) new DataView(copy.buffer).setUint32(copy.length - 4, crc32c(copy, 0, copy.length - 4));
  return copy;
}

describe("mutated files", () => {
  it(`give tokens or errors with a code, ${NUM_FILES} of them`, async () => {
    const outcomes = { read: 0, refused: 0 };
    // The last ones put checksums of another format right.
    const usable = mutations.slice(0, 7);
    for (let index = 0; index < NUM_FILES; index++) {
      const { bytes, codec } = samples[random(samples.length)] ?? { bytes: new Uint8Array(0), codec: "" };
      const other = samples[random(samples.length)]?.bytes ?? bytes;
      const mutated = usable[random(usable.length)]?.(bytes, random, other) ?? bytes;
      const file = random(2) === 0 ? forge(mutated) : mutated;
      const { model, asked } = countingModel(codec);
      try {
        assertTokenFrames(await readModelledEcdc(file, "r", model));
        outcomes.read++;
      } catch (error) {
        if (!isCodecError(error)) throw error;
        outcomes.refused++;
      }
      expect(asked.numCodes).toBeLessThanOrEqual(CODES_PER_BYTE * file.length + 1000);
    }
    expect(outcomes.refused).toBeGreaterThan(NUM_FILES / 2);
    // Packed files without checksum: most changes of their codes are files, too.
    expect(outcomes.read).toBeGreaterThan(NUM_FILES / 50);
  });
});

describe("a file that claims to be huge", () => {
  it.each(["encodec_24khz", "encodec_48khz"])(
    "of %s is refused after as much work as its bytes are worth",
    async (m) => {
      const header = `{"m": "${m}", "al": 9007199254740991, "nc": 16, "lm": true}`;
      const file = Buffer.concat([
        Buffer.from("ECDC\0\0\0\0"),
        Buffer.of(header.length),
        Buffer.from(header),
        Buffer.alloc(50),
      ]);
      const { model, asked } = countingModel(m.replace("_", "-"));
      await expect(readModelledEcdc(file, "r", model)).rejects.toMatchObject({ name: "ContainerError" });
      expect(asked.numCodes).toBeLessThanOrEqual(CODES_PER_BYTE * 50 + 1000);
      expect(readEcdcInfo(file, "r").numSamples).toBe(9007199254740991);
      expect(readEcdcHeader(file).header.coding).toEqual({ kind: "float" });
    },
  );
});

describe("reading", () => {
  it("stops when its signal does", async () => {
    const { bytes } = samples[3] ?? { bytes: new Uint8Array(0) };
    const { model, asked } = countingModel("encodec-24khz");
    const reading = readModelledEcdc(bytes, "r", model, { signal: AbortSignal.abort(new Error("enough")) });
    await expect(reading).rejects.toThrow("enough");
    expect(asked.numCodes).toBe(0);
  });
});
