/** Where a system's weights come from, and who closes them. */
import { findInstalledWeights } from "../src/checkpoints/installed-weights";
import { type Checkpoint, openCheckpoint } from "../src/checkpoints/open-checkpoint";
import type { WeightsSource } from "../src/checkpoints/weights-source";
import type { AssembleOptions } from "../src/codec-definition";
import { ModelError } from "../src/errors";

/** Whose weights they are. */
interface WeightsOwner {
  readonly name: string;
  readonly weightsPackage?: string;
}

/**
 * The weights that the caller brought, or those of the package that has them.
 *
 * @param what  what to bring, as in "load it with the published checkpoint"
 * @throws {ModelError} `missing-weights` when there are none, `weights-checksum` when those installed are damaged
 */
export async function requireWeights(
  { name, weightsPackage }: WeightsOwner,
  weights: WeightsSource | undefined,
  what: string,
): Promise<WeightsSource> {
  if (weights !== undefined) return weights;
  const installed = weightsPackage === undefined ? undefined : await findInstalledWeights(weightsPackage);
  if (installed !== undefined) return installed;
  const install = weightsPackage === undefined ? "" : `npm install ${weightsPackage}, or `;
  const message = `"${name}" comes without weights; ${install}load it with ${what} as the option "weights"`;
  throw new ModelError("missing-weights", message, { model: name });
}

/**
 * Opens weights for whoever keeps them open, and closes them when that fails.
 *
 * @throws {CheckpointError} when they cannot be had or read
 */
export async function withCheckpoint<T>(
  weights: WeightsSource,
  options: AssembleOptions,
  use: (checkpoint: Checkpoint) => T,
): Promise<T> {
  const checkpoint = await openCheckpoint(weights, options);
  try {
    return use(checkpoint);
  } catch (error) {
    checkpoint.close();
    throw error;
  }
}
