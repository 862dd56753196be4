/** Names of HiFi-GAN's tensors: those of the authors' checkpoints. Hugging Face's port calls one list otherwise. */
import type { StateDict } from "../../src/checkpoints/state-dict";

/**
 * The same tensors under the authors' names.
 *
 * Memory   views of `weights`; nothing is read
 */
export function renameTensors(weights: StateDict): StateDict {
  return new Map([...weights].map(([name, tensor]) => [name.replace(/^upsampler\./, "ups."), tensor]));
}
