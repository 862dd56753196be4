/** The golden codec of EnCodec's kind: PyPI encodec's numbers on random weights, signal by signal. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type EncodecConfig, parseEncodecConfig } from "../../codecs/encodec/config";
import { renameTensors } from "../../codecs/encodec/names";
import { readSafetensors } from "../../src/checkpoints/safetensors";
import type { StateDict } from "../../src/checkpoints/state-dict";
import { foldWeightNorm } from "../../src/checkpoints/weight-norm";
import { requireVector } from "./golden";

/** One signal at every stage. Frames lie as rows, those of segments one segment behind the other. */
export interface EncodecVectors {
  /** [T, C] */
  readonly input: Float32Array;
  /** [F, D] */
  readonly latents: Float32Array;
  /** [F, K] */
  readonly tokens: Float32Array;
  /** [F, D] */
  readonly quantized: Float32Array;
  /** [T', C] of all channels, T' at least the signal's length */
  readonly waveform: Float32Array;
  /** Of each segment [S], for codecs that have those. */
  readonly scales: Float32Array | undefined;
  /** Samples of the first segment at its level [F * hopLength, C], for codecs that have segments. */
  readonly decoded: Float32Array | undefined;
}

export interface EncodecGolden {
  readonly folder: string;
  readonly config: EncodecConfig;
  /** With the names of codecs/encodec/names.ts, weight norm folded. */
  readonly weights: StateDict;
  readonly signals: readonly EncodecVectors[];
}

export const encodecTinyFolder = join(import.meta.dirname, "..", "golden", "encodec-tiny");

/** The tiny models whose networks are not causal. */
export const encodecTinyFolders = {
  "48khz": join(import.meta.dirname, "..", "golden", "encodec-48khz-tiny"),
  "32khz": join(import.meta.dirname, "..", "golden", "encodec-32khz-tiny"),
} as const;

/** The file of weights in a folder of golden vectors, in either of the layouts that are safetensors. */
export function encodecWeightsFile(folder: string): string {
  const native = join(folder, "weights.safetensors");
  return existsSync(native) ? native : join(folder, "model.safetensors");
}

/** Reads a folder that scripts/encodec/make_vectors.py wrote. */
export function readEncodecGolden(folder: string = encodecTinyFolder): EncodecGolden {
  const read = (name: string) => readFileSync(join(folder, name));
  const vectors = readSafetensors(read("vectors.safetensors")).tensors;
  const { lengths } = JSON.parse(read("manifest.json").toString()) as { lengths: number[] };
  const vector = (index: number, name: string) => requireVector(vectors, `${index}.${name}`).data;
  return {
    folder,
    config: parseEncodecConfig(JSON.parse(read("config.json").toString())),
    weights: renameTensors(foldWeightNorm(readSafetensors(readFileSync(encodecWeightsFile(folder))).tensors)),
    signals: lengths.map((_, index) => ({
      input: vector(index, "input"),
      latents: vector(index, "latents"),
      tokens: vector(index, "tokens"),
      quantized: vector(index, "quantized"),
      waveform: vector(index, "waveform"),
      scales: vectors.get(`${index}.scales`)?.data,
      decoded: vectors.get(`${index}.decoded`)?.data,
    })),
  };
}
