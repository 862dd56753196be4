/**
 * TFLite files with bytes changed at random become a network or a typed error, soon: nothing is allocated by what a shape
 * claims.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readCodebooks } from "../../codecs/lyra-v2/codebooks";
import { parseLyraConfig } from "../../codecs/lyra-v2/config";
import { buildFromTflite } from "../../codecs/lyra-v2/tflite-network";
import { memorySource } from "../../src/checkpoints/byte-source";
import { readTflite } from "../../src/checkpoints/tflite/tflite-model";
import { isCodecError } from "../../src/errors";
import { seededRandom } from "../helpers/synth-audio";

const folder = join(import.meta.dirname, "..", "golden", "lyra-tiny");
const config = parseLyraConfig(JSON.parse(readFileSync(join(folder, "config.json"), "utf8")));
const numFiles = 500;

describe.each(["encoder", "decoder", "quantizer"])("mutated files of the %s", (part) => {
  const whole = readFileSync(join(folder, `${part}.tflite`));
  const read = (bytes: Uint8Array): void => {
    const model = readTflite(memorySource(bytes));
    if (part === "quantizer") readCodebooks(model, config);
    else buildFromTflite(model, { name: part, input: "x", output: "y" }, "streaming");
  };

  it(`are read or refused, ${numFiles} of them`, () => {
    const chance = seededRandom(7);
    const random = (below: number) => Math.floor(chance() * below);
    const outcomes = { read: 0, refused: 0 };
    for (let index = 0; index < numFiles; index++) {
      const bytes = Uint8Array.from(whole);
      for (let change = 0; change <= random(3); change++) bytes[random(bytes.length)] = random(256);
      try {
        read(bytes);
        outcomes.read++;
      } catch (error) {
        if (!isCodecError(error)) throw error;
        outcomes.refused++;
      }
    }
    // Most of a file is weights, of which any are good.
    expect(outcomes.refused).toBeGreaterThan(numFiles / 100);
    expect(outcomes.read).toBeGreaterThan(numFiles / 100);
  });
});

describe("shapes that make no network", () => {
  const model = readTflite(memorySource(readFileSync(join(folder, "encoder.tflite"))));
  const [main, start] = model.subgraphs;

  /** The file with the shape of each tensor changed in turn, and which of them were refused. */
  function refusedWith(change: (shape: readonly number[]) => readonly number[]): number {
    if (main === undefined || start === undefined) throw new Error("the file has no start");
    let numRefused = 0;
    for (const changed of main.tensors.keys()) {
      const tensors = main.tensors.map((tensor, index) =>
        index === changed ? { ...tensor, shape: change(tensor.shape) } : tensor,
      );
      try {
        buildFromTflite(
          { ...model, subgraphs: [{ ...main, tensors }, start] },
          { name: "e", input: "x", output: "y" },
          "streaming",
        );
      } catch (error) {
        if (!isCodecError(error)) throw error;
        numRefused++;
      }
    }
    return numRefused;
  }

  it.each([
    ["no axes", () => []],
    ["no channels", (shape: readonly number[]) => [...shape.slice(0, -1), 0]],
    ["no rows", (shape: readonly number[]) => [shape[0] ?? 1, 0, ...shape.slice(2)]],
    ["a billion rows", (shape: readonly number[]) => [shape[0] ?? 1, 2 ** 30, ...shape.slice(2)]],
    ["sizes that are open", (shape: readonly number[]) => shape.map(() => -1)],
    ["a half more of everything", (shape: readonly number[]) => shape.map((size) => size + (size >> 1))],
  ] as const)("are refused: %s", (_, change) => {
    // Shapes of most values are not asked for: what they are follows from the input and the kernels.
    expect(refusedWith(change)).toBeGreaterThan(10);
  });
});
