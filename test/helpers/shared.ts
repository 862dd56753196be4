/**
 * Finds the folder of recordings and reference models that lies beside some checkouts and is not part of this
 * repository. Tests that need it use `describe.skipIf(!hasShared)`, so that their absence shows as skipped.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";

const root = process.env.QUANTONE_SHARED ?? join(import.meta.dirname, "..", "..", "..", "shared");

/** Whether the recordings are at hand. */
export const hasShared = existsSync(join(root, "audio"));

/** A path inside the shared folder, such as `sharedPath("audio/lyra/sample1_16kHz.wav")`. */
export function sharedPath(relative: string): string {
  return join(root, relative);
}
