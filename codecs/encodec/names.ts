/**
 * Names of EnCodec's tensors, from whichever published checkpoint: the original's and those of Hugging Face's port become
 * one, `encoder.layers.<n>.conv.weight`, which is the port's.
 */
import type { StateDict } from "../../src/checkpoints/state-dict";

/** Parts of the original's names and what they are here. */
const originalNames: readonly (readonly [RegExp, string])[] = [
  [/^(encoder|decoder)\.model\./, "$1.layers."],
  [/\.conv\.conv\./, ".conv."],
  [/\.convtr\.convtr\./, ".conv."],
  [/\.(conv|convtr)\.norm\./, ".norm."],
  [/^quantizer\.vq\.layers\.(\d+)\._codebook\./, "quantizer.layers.$1.codebook."],
];

/** The name here of a tensor of either checkpoint. */
export function tensorName(published: string): string {
  return originalNames.reduce((name, [pattern, replacement]) => name.replace(pattern, replacement), published);
}

/**
 * The same tensors under their names here.
 *
 * Memory   views of `weights`; nothing is read
 */
export function renameTensors(weights: StateDict): StateDict {
  return new Map([...weights].map(([name, tensor]) => [tensorName(name), tensor]));
}
