/** Trained weights by name, whatever file they came from. */
import { ModelError } from "../errors";

/** One tensor, as float32 whatever it was stored as. */
export interface WeightTensor {
  readonly dtype: "F32";
  readonly shape: readonly number[];
  /** Row-major. A file's tensors are converted each time this is read: keep the result, do not index it in a loop. */
  readonly data: Float32Array;
}

export type StateDict = ReadonlyMap<string, WeightTensor>;

const nextStep = "give the weights file that belongs to the config";

/**
 * Takes a tensor that must be there with the shape that the config says.
 *
 * @throws {ModelError} `missing-weights` or `weights-shape`
 */
export function requireTensor(weights: StateDict, name: string, shape: readonly number[]): WeightTensor {
  const tensor = weights.get(name);
  if (tensor === undefined) {
    throw new ModelError(
      "missing-weights",
      `the weights have no tensor "${name}" of the shape [${shape.join(", ")}], ${describe(weights)}; ${nextStep}`,
      { tensor: name },
    );
  }
  if (tensor.shape.length !== shape.length || tensor.shape.some((size, axis) => size !== shape[axis])) {
    throw new ModelError(
      "weights-shape",
      `"${name}" expected the shape [${shape.join(", ")}], got [${tensor.shape.join(", ")}]; ${nextStep}`,
      { tensor: name },
    );
  }
  return tensor;
}

/** What a file has in place of what was expected, for people to see whose it is. */
function describe(weights: StateDict): string {
  const names = [...weights.keys()];
  if (names.length === 0) return "nor any other";
  return `but ${names.length} others, such as ${names.slice(0, 2).join(" and ")}`;
}
