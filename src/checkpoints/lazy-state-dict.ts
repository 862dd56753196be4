/** State dicts whose tensors are read from their file, and made float32, when their data is asked for. */
import { CheckpointError } from "../errors";
import { elementFormats } from "./element-formats";
import type { StateDict, WeightTensor } from "./state-dict";

/** A tensor that is still in its file. */
export interface LazyTensor {
  /** How the file stores it. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Reads and converts it; absent where the dtype cannot be converted to float32. */
  readonly load?: () => Float32Array;
}

/** A tensor of a known element type; `read` gives its bytes, row-major and without gaps. */
export function lazyTensor(dtype: string, shape: readonly number[], read: () => Uint8Array): LazyTensor {
  const decode = elementFormats.get(dtype)?.decode;
  return decode === undefined ? { dtype, shape } : { dtype, shape, load: () => decode(read()) };
}

/**
 * Tensors by name. Each reading of a tensor's `data` goes to the file again.
 *
 * Taking a tensor throws `unsupported-dtype` when it cannot be made float32; the others can be taken still.
 */
export class LazyStateDict implements StateDict {
  readonly #tensors: ReadonlyMap<string, LazyTensor>;

  constructor(tensors: ReadonlyMap<string, LazyTensor>) {
    this.#tensors = tensors;
  }

  get size(): number {
    return this.#tensors.size;
  }

  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  get(name: string): WeightTensor | undefined {
    const tensor = this.#tensors.get(name);
    return tensor && weightTensor(name, tensor);
  }

  keys(): MapIterator<string> {
    return this.#tensors.keys();
  }

  *values(): MapIterator<WeightTensor> {
    for (const [, tensor] of this.entries()) yield tensor;
  }

  *entries(): MapIterator<[string, WeightTensor]> {
    for (const [name, tensor] of this.#tensors) yield [name, weightTensor(name, tensor)];
  }

  [Symbol.iterator](): MapIterator<[string, WeightTensor]> {
    return this.entries();
  }

  forEach(visit: (tensor: WeightTensor, name: string, weights: StateDict) => void): void {
    for (const [name, tensor] of this.entries()) visit(tensor, name, this);
  }
}

function weightTensor(name: string, { dtype, shape, load }: LazyTensor): WeightTensor {
  if (load === undefined) {
    const message = `"${name}" has the dtype ${dtype}, which is not converted to float32; convert the file`;
    throw new CheckpointError("unsupported-dtype", message, { tensor: name });
  }
  return {
    dtype: "F32",
    shape,
    get data() {
      return load();
    },
  };
}
