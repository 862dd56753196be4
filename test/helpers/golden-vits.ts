/** Golden models of VITS's kind: transformers' numbers on random weights and given noise, stage by stage. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseVitsConfig, type VitsConfig } from "../../codecs/vits/config";
import { renameTensors } from "../../codecs/vits/names";
import { readSafetensors } from "../../src/checkpoints/safetensors";
import type { StateDict } from "../../src/checkpoints/state-dict";
import { foldWeightNorm } from "../../src/checkpoints/weight-norm";
import type { Network } from "../../src/graph/network";
import { NetworkSession, type Tensors } from "../../src/runtime/network-session";
import { openRuntime } from "../../src/runtime/open-runtime";
import { requireVector } from "./golden";

export type VitsGoldenName = "vits-tiny" | "vits-tiny-speakers" | "vits-tiny-predicted";

export interface VitsGolden {
  readonly folder: string;
  readonly config: VitsConfig;
  readonly weights: StateDict;
  /** The speaker of each text. */
  readonly speakers: readonly number[];
  /** A vector, such as `0.means` of the first text; frames lie as rows. */
  readonly vector: (name: string) => Float32Array;
  readonly has: (name: string) => boolean;
  /** The embedding of a speaker [G], as a tensor for networks that take one. */
  readonly speakerFeed: (speaker: number) => Tensors;
}

/** Reads a folder that scripts/vits/make_vectors.py wrote: by its name in test/golden, or by its path. */
export function readVitsGolden(name: VitsGoldenName | string): VitsGolden {
  const folder = name.includes("/") ? name : join(import.meta.dirname, "..", "golden", name);
  const read = (file: string) => readFileSync(join(folder, file));
  const vectors = readSafetensors(read("vectors.safetensors")).tensors;
  const weights = renameTensors(foldWeightNorm(readSafetensors(read("model.safetensors")).tensors));
  const config = parseVitsConfig(JSON.parse(read("config.json").toString()));
  const { speakerDim } = config;
  return {
    folder,
    config,
    weights,
    speakers: JSON.parse(read("manifest.json").toString()).speakers,
    vector: (key) => requireVector(vectors, key).data,
    has: (key) => vectors.has(key),
    speakerFeed(speaker) {
      if (speakerDim === 0) return {};
      const embeddings = weights.get("embed_speaker.weight")?.data ?? new Float32Array();
      const data = embeddings.slice(speaker * speakerDim, (speaker + 1) * speakerDim);
      return { speaker: { data, shape: [speakerDim] } };
    },
  };
}

/** The embeddings of symbols [S, H], scaled as the text encoder takes them. */
export function embedSymbols({ config, weights }: VitsGolden, tokens: Float32Array): Float32Array {
  const { hiddenDim } = config;
  const table = weights.get("text_encoder.embed_tokens.weight")?.data ?? new Float32Array();
  const rows = Float32Array.from({ length: tokens.length * hiddenDim }, (_, at) => {
    return table[(tokens[Math.floor(at / hiddenDim)] ?? 0) * hiddenDim + (at % hiddenDim)] ?? Number.NaN;
  });
  return rows.map((value) => value * Math.sqrt(hiddenDim));
}

/** Runs a network in its offline form, once. */
export async function runOnce(network: Network, feeds: Tensors): Promise<Record<string, Float32Array>> {
  await using session = await NetworkSession.create(await openRuntime({ device: "cpu" }), network);
  return Object.fromEntries(Object.entries(await session.run(feeds)).map(([name, { data }]) => [name, data]));
}

/** Frames [F, width] as a tensor. */
export function frames(data: Float32Array, width: number) {
  return { data, shape: [1, data.length / width, width] };
}
