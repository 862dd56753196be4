/** The golden vocoders of Vocos's kind: PyPI vocos's numbers on random weights, signal by signal. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseVocosConfig, type VocosConfig } from "../../codecs/vocos/config";
import { openCheckpoint } from "../../src/checkpoints/open-checkpoint";
import { readSafetensors } from "../../src/checkpoints/safetensors";
import type { StateDict } from "../../src/checkpoints/state-dict";
import { requireVector } from "./golden";

/** One signal at every stage. */
export interface VocosVectors {
  readonly numFrames: number;
  /** What a mel was taken from [T]. */
  readonly samples: Float32Array | undefined;
  /** [F, K], for features of EnCodec. */
  readonly tokens: Float32Array | undefined;
  /** [F, D] */
  readonly features: Float32Array;
  /** [F, fftLength + 2] */
  readonly spectrum: Float32Array;
  readonly audio: Float32Array;
}

export interface VocosGolden {
  readonly config: VocosConfig;
  readonly weights: StateDict;
  readonly signals: readonly VocosVectors[];
}

export type VocosKind = "mel" | "encodec";

export const vocosTinyFolder = join(import.meta.dirname, "..", "golden", "vocos-tiny");

/** Reads one model of a folder that scripts/vocos/make_vectors.py wrote. */
export async function readVocosGolden(kind: VocosKind, folder = vocosTinyFolder): Promise<VocosGolden> {
  const read = (name: string) => readFileSync(join(folder, name));
  const vectors = readSafetensors(read("vectors.safetensors")).tensors;
  const manifest = JSON.parse(read("manifest.json").toString());
  const signals = manifest.signals as { kind: VocosKind; index: number; frames: number }[];
  const vector = (name: string) => requireVector(vectors, name).data;
  return {
    config: parseVocosConfig(JSON.parse(read(`${kind}.json`).toString())),
    weights: (await openCheckpoint(read(`${kind}.bin`))).tensors,
    signals: signals
      .filter((signal) => signal.kind === kind)
      .map(({ index, frames }) => ({
        numFrames: frames,
        samples: vectors.get(`${kind}.${index}.samples`)?.data,
        tokens: vectors.get(`${kind}.${index}.tokens`)?.data,
        features: vector(`${kind}.${index}.features`),
        spectrum: vector(`${kind}.${index}.spectrum`),
        audio: vector(`${kind}.${index}.audio`),
      })),
  };
}

/** The rate of a golden signal of EnCodec's features: each is at the next lower one. */
export function goldenRate({ encodec }: VocosConfig, index: number): number | undefined {
  return encodec?.bitsPerSecond.at(-1 - index);
}
