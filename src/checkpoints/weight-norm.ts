/**
 * Weight normalization -> plain weights: weight = g v / |v|, with |v| over every axis along which g has one element.
 *
 * PyTorch stores the two factors as `weight_g` and `weight_v` (torch.nn.utils.weight_norm) or as
 * `parametrizations.weight.original0` and `original1` (torch.nn.utils.parametrizations.weight_norm).
 *
 * Source   Salimans and Kingma 2016, equation 2
 */
import { CheckpointError } from "../errors";
import type { StateDict, WeightTensor } from "./state-dict";

const oldMagnitude = /^(.*\.)?(weight\w*)_g$/;
const newMagnitude = /^(.*\.)?parametrizations\.(\w+)\.original0$/;

/** A name of the result, and the two tensors that it is made of where it was normalized. */
type Part = { readonly name: string } | { readonly magnitude: string; readonly direction: string };

/**
 * Replaces each pair of factors by the weight that they stand for, in the place of the first of them.
 *
 * Memory   nothing is computed until a weight's `data` is read, and again at each reading; tensors that were not
 *          normalized are those of `tensors`
 * Numerics the norm and the quotient in double precision, rounded once
 * @throws {CheckpointError} `corrupt` when the shapes of two factors do not belong together
 */
export function foldWeightNorm(tensors: StateDict): StateDict {
  const parts = new Map<string, Part>();
  const folded = new Set<string>();
  for (const name of tensors.keys()) {
    const pair = pairOf(name, tensors);
    if (pair === undefined) continue;
    for (const factor of [pair.magnitude, pair.direction]) folded.add(factor);
  }
  for (const name of tensors.keys()) {
    const pair = pairOf(name, tensors);
    if (pair !== undefined) {
      checkShapes(name, tensors.get(pair.magnitude)?.shape ?? [], tensors.get(pair.direction)?.shape ?? []);
      parts.set(pair.name, pair);
    } else if (!folded.has(name)) parts.set(name, { name });
  }
  return folded.size === 0 ? tensors : new FoldedStateDict(tensors, parts);
}

function pairOf(name: string, tensors: StateDict): { name: string; magnitude: string; direction: string } | undefined {
  const before = oldMagnitude.exec(name);
  const after = newMagnitude.exec(name);
  const [, prefix = "", weight = ""] = before ?? after ?? [];
  const direction = before ? `${prefix}${weight}_v` : `${prefix}parametrizations.${weight}.original1`;
  const isPair = (before !== null || after !== null) && tensors.has(direction);
  return isPair ? { name: prefix + weight, magnitude: name, direction } : undefined;
}

/** Computes folded weights when they are asked for. */
class FoldedStateDict implements StateDict {
  readonly #tensors: StateDict;
  readonly #parts: ReadonlyMap<string, Part>;

  constructor(tensors: StateDict, parts: ReadonlyMap<string, Part>) {
    this.#tensors = tensors;
    this.#parts = parts;
  }

  get size(): number {
    return this.#parts.size;
  }

  has(name: string): boolean {
    return this.#parts.has(name);
  }

  get(name: string): WeightTensor | undefined {
    const part = this.#parts.get(name);
    if (part === undefined) return undefined;
    if (!("magnitude" in part)) return this.#tensors.get(part.name);
    const magnitude = this.#tensors.get(part.magnitude) as WeightTensor;
    const direction = this.#tensors.get(part.direction) as WeightTensor;
    return {
      dtype: "F32",
      shape: direction.shape,
      get data() {
        return scaleToMagnitude(magnitude, direction);
      },
    };
  }

  keys(): MapIterator<string> {
    return this.#parts.keys();
  }

  *values(): MapIterator<WeightTensor> {
    for (const [, tensor] of this.entries()) yield tensor;
  }

  *entries(): MapIterator<[string, WeightTensor]> {
    for (const name of this.#parts.keys()) yield [name, this.get(name) as WeightTensor];
  }

  [Symbol.iterator](): MapIterator<[string, WeightTensor]> {
    return this.entries();
  }

  forEach(visit: (tensor: WeightTensor, name: string, weights: StateDict) => void): void {
    for (const [name, tensor] of this.entries()) visit(tensor, name, this);
  }
}

/**
 * g v / |v|.
 *
 * Shapes   magnitude: the direction's along one axis, with one element along each that the norm runs over, or no axis
 * Memory   result is a fresh copy
 */
function scaleToMagnitude(magnitude: WeightTensor, direction: WeightTensor): Float32Array {
  const gains = magnitude.data;
  const weights = direction.data.slice();
  const axis = magnitude.shape.findIndex((size) => size !== 1);
  // Along the axis one vector follows the other in runs, and after the last the first goes on.
  const runLength = direction.shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  const squares = new Float64Array(gains.length);
  for (let begin = 0, owner = 0; begin < weights.length; begin += runLength, owner = (owner + 1) % gains.length) {
    for (let index = begin; index < begin + runLength; index++) {
      const value = weights[index] as number;
      squares[owner] = (squares[owner] as number) + value * value;
    }
  }
  const scales = squares.map((square, owner) => (gains[owner] as number) / Math.sqrt(square));
  for (let begin = 0, owner = 0; begin < weights.length; begin += runLength, owner = (owner + 1) % gains.length) {
    const scale = scales[owner] as number;
    for (let index = begin; index < begin + runLength; index++) weights[index] = (weights[index] as number) * scale;
  }
  return weights;
}

function checkShapes(name: string, magnitude: readonly number[], direction: readonly number[]): void {
  const fits = magnitude.every((size, axis) => size === 1 || size === direction[axis]);
  const numAxes = magnitude.filter((size) => size !== 1).length;
  if (fits && numAxes <= 1 && (magnitude.length === 0 || magnitude.length === direction.length)) return;
  const problem = `"${name}" of the shape [${magnitude.join(", ")}] scales a weight of [${direction.join(", ")}]`;
  throw new CheckpointError("corrupt", `${problem}; fetch the file again`, { tensor: name });
}
