/** The golden vocoders of DiffWave's kind: PyPI diffwave's numbers on random weights, signal by signal. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type DiffwaveConfig, parseDiffwaveConfig } from "../../codecs/diffwave/config";
import type { NoiseSources } from "../../codecs/diffwave/sampler";
import { openCheckpoint } from "../../src/checkpoints/open-checkpoint";
import { readSafetensors } from "../../src/checkpoints/safetensors";
import type { StateDict } from "../../src/checkpoints/state-dict";
import { requireVector } from "./golden";

/** One signal at every stage. */
export interface DiffwaveVectors {
  readonly numFrames: number;
  readonly fast: boolean;
  /** [F, M] */
  readonly mel: Float32Array;
  /** [F * hop, M]; absent where no mel goes in. */
  readonly condition: Float32Array | undefined;
  /** What was drawn, in that order: a signal of noise, then what each step but the last adds, [draws, T]. */
  readonly drawn: Float32Array;
  /** The position among the diffusion steps that `noise` is for. */
  readonly step: number;
  /** What the network finds in the first drawing, [T]. */
  readonly noise: Float32Array;
  /** [T] */
  readonly audio: Float32Array;
}

export interface DiffwaveGolden {
  readonly config: DiffwaveConfig;
  readonly weights: StateDict;
  readonly signals: readonly DiffwaveVectors[];
}

/** `trained` is the network that training/ trains, in miniature, as its PyTorch twin runs it. */
export type DiffwaveKind = "mel" | "label" | "none" | "trained";

interface Signal {
  readonly kind: DiffwaveKind;
  readonly index: number;
  readonly frames: number;
  readonly fast: boolean;
  readonly step: number;
}

export const diffwaveTinyFolder = join(import.meta.dirname, "..", "golden", "diffwave-tiny");

/** Reads one model of a folder that scripts/diffwave/make_vectors.py wrote. */
export async function readDiffwaveGolden(kind: DiffwaveKind, folder = diffwaveTinyFolder): Promise<DiffwaveGolden> {
  const read = (name: string) => readFileSync(join(folder, name));
  const vectors = readSafetensors(read("vectors.safetensors")).tensors;
  const { signals } = JSON.parse(read("manifest.json").toString()) as { signals: Signal[] };
  const vector = (name: string) => requireVector(vectors, name).data;
  return {
    config: parseDiffwaveConfig(JSON.parse(read(`${kind}.json`).toString())),
    weights: (await openCheckpoint(read(`${kind}.pt`))).tensors,
    signals: signals
      .filter((signal) => signal.kind === kind)
      .map(({ index, frames, fast, step }) => {
        const named = (name: string) => vector(`${kind}.${index}.${name}`);
        return {
          numFrames: frames,
          fast,
          step,
          mel: named("mel"),
          condition: vectors.get(`${kind}.${index}.condition`)?.data,
          drawn: named("drawn"),
          noise: named("noise"),
          audio: named("audio"),
        };
      }),
  };
}

/** The noise that a signal was made with, as the sampler asks for it. */
export function drawnNoise({ drawn, audio }: DiffwaveVectors): NoiseSources {
  return (index) => {
    let at = index * audio.length;
    return {
      take(length) {
        at += length;
        return drawn.slice(at - length, at);
      },
    };
  };
}
