/** The golden codec of EnCodec's kind: PyPI encodec's numbers on random weights, signal by signal. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type EncodecConfig, parseEncodecConfig } from "../../codecs/encodec/config";
import { renameTensors } from "../../codecs/encodec/names";
import { readSafetensors } from "../../src/checkpoints/safetensors";
import type { StateDict } from "../../src/checkpoints/state-dict";
import { foldWeightNorm } from "../../src/checkpoints/weight-norm";

/** One signal at every stage. Frames lie as rows. */
export interface EncodecVectors {
  readonly input: Float32Array;
  /** [F, D] */
  readonly latents: Float32Array;
  /** [F, K] */
  readonly tokens: Float32Array;
  /** [F, D] */
  readonly quantized: Float32Array;
  /** [F * hopLength] */
  readonly waveform: Float32Array;
}

export interface EncodecGolden {
  readonly folder: string;
  readonly config: EncodecConfig;
  /** With the names of codecs/encodec/names.ts, weight norm folded. */
  readonly weights: StateDict;
  readonly signals: readonly EncodecVectors[];
}

export const encodecTinyFolder = join(import.meta.dirname, "..", "golden", "encodec-tiny");

/** Reads a folder that scripts/encodec/make_vectors.py wrote. */
export function readEncodecGolden(folder: string = encodecTinyFolder): EncodecGolden {
  const read = (name: string) => readFileSync(join(folder, name));
  const vectors = readSafetensors(read("vectors.safetensors")).tensors;
  const { lengths } = JSON.parse(read("manifest.json").toString()) as { lengths: number[] };
  const vector = (index: number, name: string): Float32Array => {
    const tensor = vectors.get(`${index}.${name}`);
    if (tensor === undefined) throw new Error(`no golden vector "${index}.${name}"`);
    return tensor.data;
  };
  return {
    folder,
    config: parseEncodecConfig(JSON.parse(read("config.json").toString())),
    weights: renameTensors(foldWeightNorm(readSafetensors(read("weights.safetensors")).tensors)),
    signals: lengths.map((_, index) => ({
      input: vector(index, "input"),
      latents: vector(index, "latents"),
      tokens: vector(index, "tokens"),
      quantized: vector(index, "quantized"),
      waveform: vector(index, "waveform"),
    })),
  };
}
