/** For systems whose weights do not come with the package. */
import type { WeightsSource } from "../src/checkpoints/weights-source";
import { ModelError } from "../src/errors";

/**
 * The weights that the caller brought.
 *
 * @param what  what to bring, as in "give the published checkpoint"
 * @throws {ModelError} `missing-weights` when there are none
 */
export function requireWeights(model: string, weights: WeightsSource | undefined, what: string): WeightsSource {
  if (weights !== undefined) return weights;
  const message = `"${model}" comes without weights; give ${what} as the option "weights"`;
  throw new ModelError("missing-weights", message, { model });
}
