/** The golden vocoders of HiFi-GAN's kind: PyTorch's numbers on random weights, made by scripts/hifi-gan. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type HifiganConfig, parseHifiganConfig } from "../../codecs/hifi-gan/config";
import { renameTensors } from "../../codecs/hifi-gan/names";
import { openCheckpoint } from "../../src/checkpoints/open-checkpoint";
import { readSafetensors } from "../../src/checkpoints/safetensors";
import type { StateDict } from "../../src/checkpoints/state-dict";
import { requireVector } from "./golden";

export interface HifiganGolden {
  /** The config file as parsed JSON. */
  readonly source: unknown;
  readonly config: HifiganConfig;
  /** Where the checkpoint is, as its authors would have saved it. */
  readonly weightsPath: string;
  /** With the names of codecs/hifi-gan/names.ts, weight norm folded. */
  readonly weights: StateDict;
  /** [F, M] */
  readonly logMel: Float32Array;
  /** [F * hopLength] */
  readonly waveform: Float32Array;
}

export const hifiganFolder = join(import.meta.dirname, "..", "golden", "hifi-gan");

/** Reads a folder that scripts/hifi-gan/make_vectors.py wrote, such as `kind-1`. */
export async function readHifiganGolden(name: string, folder = hifiganFolder): Promise<HifiganGolden> {
  const read = (file: string) => readFileSync(join(folder, name, file));
  const source: unknown = JSON.parse(read("config.json").toString());
  const vectors = readSafetensors(read("vectors.safetensors")).tensors;
  const vector = (key: string) => requireVector(vectors, key).data;
  const isPorted = (source as { system: string }).system === "hifigan-speecht5";
  const weightsPath = join(folder, name, isPorted ? "model.safetensors" : "generator");
  return {
    source,
    config: parseHifiganConfig(source),
    weightsPath,
    weights: renameTensors((await openCheckpoint(weightsPath)).tensors),
    logMel: vector("log_mel"),
    waveform: vector("waveform"),
  };
}
