/** Golden vectors that training/ writes: a config, weights, and what PyTorch computes from them, stage by stage. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseSpeechConfig, type SpeechConfig } from "../../codecs/speech-16k/config";
import { readSafetensors } from "../../src/checkpoints/safetensors";
import type { StateDict, WeightTensor } from "../../src/checkpoints/state-dict";

export interface Golden {
  readonly config: SpeechConfig;
  readonly weights: StateDict;
  /** Largest difference that counts as equal, by the name of the vector. */
  readonly tolerance: Readonly<Record<string, number>>;
  /** A vector as PyTorch holds it. */
  readonly vector: (name: string) => Float32Array;
  /** A vector [1, C, F] as [F, C], which is how frames lie in memory here. */
  readonly frames: (name: string) => Float32Array;
}

const root = join(import.meta.dirname, "..", "..");

/** Where each golden codec keeps its parts: the tiny one beside its vectors, the embedded one in codecs/. */
const folders = {
  "speech-16k-tiny": { model: "test/golden/speech-16k-tiny", weights: "weights.safetensors" },
  "speech-16k": { model: "codecs/speech-16k", weights: "weights/speech-16k.safetensors" },
} as const;

export type GoldenName = keyof typeof folders;

/** Reads one golden codec. */
export function readGolden(name: GoldenName): Golden {
  const { model, weights } = folders[name];
  const vectors = readSafetensors(readFileSync(join(root, "test/golden", name, "vectors.safetensors"))).tensors;
  const vector = (key: string) => requireVector(vectors, key);
  return {
    config: parseSpeechConfig(JSON.parse(readFileSync(join(root, model, "config.json"), "utf8"))),
    weights: readSafetensors(readFileSync(join(root, model, weights))).tensors,
    tolerance: JSON.parse(readFileSync(join(root, "test/golden", name, "manifest.json"), "utf8")).tolerance,
    vector: (key) => vector(key).data,
    frames: (key) => {
      const [, channels = 1, frames = 1] = vector(key).shape;
      const { data } = vector(key);
      return Float32Array.from(
        { length: data.length },
        (_, i) => data[(i % channels) * frames + Math.floor(i / channels)] ?? 0,
      );
    },
  };
}

/** A tensor of a file of golden vectors. */
export function requireVector(vectors: StateDict, name: string): WeightTensor {
  const tensor = vectors.get(name);
  if (tensor === undefined) throw new Error(`no golden vector "${name}"`);
  return tensor;
}

/** The weights with one number of a tensor off by a half: a network that is told so must be noticed. */
export function withChange(weights: StateDict, name: string, at: number): StateDict {
  const tensor = requireVector(weights, name);
  const data = tensor.data.slice();
  data[at] = (data[at] ?? 0) + 0.5;
  return new Map([...weights, [name, { ...tensor, data }]]);
}

/** The largest difference between two signals; infinite when their lengths differ or one is not a number. */
export function maxDifference(actual: Float32Array, expected: Float32Array): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  return actual.reduce((worst, value, index) => {
    const difference = Math.abs(value - (expected[index] ?? Number.NaN));
    return Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(worst, difference);
  }, 0);
}
