/** Golden SoundStreams: the PyTorch twin's numbers on random weights, signal by signal. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseSoundstreamConfig, type SoundstreamConfig } from "../../codecs/soundstream/config";
import { readSafetensors } from "../../src/checkpoints/safetensors";
import type { StateDict } from "../../src/checkpoints/state-dict";
import type { DenoisingSide } from "../../src/encoder/denoising";
import { requireVector } from "./golden";

/** Denoising off throughout, or off and on in turn. */
export type DenoisingCase = "off" | "switched";

/** The values between the stages. Frames lie as rows. */
export interface SoundstreamOutputs {
  /** [F, D] */
  readonly latents: Float32Array;
  /** [F, K] */
  readonly tokens: Float32Array;
  /** [F, D] */
  readonly quantized: Float32Array;
  /** As many samples as went in. */
  readonly waveform: Float32Array;
}

export interface SoundstreamVectors extends Record<DenoisingCase, SoundstreamOutputs> {
  readonly input: Float32Array;
}

export interface SoundstreamGolden {
  readonly folder: string;
  readonly config: SoundstreamConfig;
  readonly weights: StateDict;
  /** After so many frames the switch of the case `switched` is thrown, again and again. */
  readonly switchFrames: number;
  readonly signals: readonly SoundstreamVectors[];
}

/** The folder of the small model that denoises on one side. */
export function soundstreamFolder(side: DenoisingSide): string {
  return join(import.meta.dirname, "..", "golden", `soundstream-${side}`);
}

/** Reads a folder that quantone_training.soundstream.make_vectors wrote. */
export function readSoundstreamGolden(folder: string): SoundstreamGolden {
  const read = (name: string) => readFileSync(join(folder, name));
  const vectors = readSafetensors(read("vectors.safetensors")).tensors;
  const { config, lengths, switchFrames } = JSON.parse(read("manifest.json").toString());
  const parsed = parseSoundstreamConfig(config);
  const vector = (name: string) => requireVector(vectors, name).data;
  const outputs = (index: number, denoising: DenoisingCase): SoundstreamOutputs => ({
    latents: vector(`${index}.${denoising}.latents`),
    tokens: vector(`${index}.${denoising}.tokens`),
    quantized: vector(`${index}.${denoising}.quantized`),
    waveform: vector(`${index}.${denoising}.waveform`),
  });
  return {
    folder,
    config: parsed,
    weights: readSafetensors(read("weights.safetensors")).tensors,
    switchFrames,
    signals: (lengths as number[]).map((_, index) => ({
      input: vector(`${index}.input`),
      off: outputs(index, "off"),
      // Without a switch there is nothing to throw.
      switched: outputs(index, parsed.denoising === undefined ? "off" : "switched"),
    })),
  };
}

/** Whether denoising is on in a frame of a case. */
export function isDenoised({ switchFrames }: SoundstreamGolden, denoising: DenoisingCase, frame: number): boolean {
  return denoising === "switched" && Math.floor(frame / switchFrames) % 2 === 1;
}
