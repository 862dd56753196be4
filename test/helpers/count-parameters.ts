/** How many numbers of weights a network takes, asked from its builder. */
import type { StateDict, WeightTensor } from "../../src/checkpoints/state-dict";
import { isCodecError } from "../../src/errors";

/**
 * Builds with no weights, then adds each tensor that is missed, in the shape that the error names, until all are there.
 *
 * @param build  a network's builder, which takes all of its weights by `requireTensor`
 */
export function countParameters(build: (weights: StateDict) => unknown): number {
  const weights = new Map<string, WeightTensor>();
  for (;;) {
    try {
      build(weights);
      return [...weights.values()].reduce((sum, { data }) => sum + data.length, 0);
    } catch (error) {
      if (!isCodecError(error) || !("tensor" in error) || typeof error.tensor !== "string") throw error;
      const [, sizes = ""] = /expected the shape \[([\d, ]+)\]/.exec(error.message) ?? [];
      const shape = sizes === "" ? [] : sizes.split(", ").map(Number);
      if (shape.length === 0 && weights.has(error.tensor)) throw error;
      const length = shape.reduce((product, size) => product * size, 1);
      weights.set(error.tensor, { dtype: "F32", shape, data: new Float32Array(length) });
    }
  }
}
