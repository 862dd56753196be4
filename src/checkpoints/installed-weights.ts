/**
 * Weights that are npm packages of their own: a folder as a hub has it, with `model.safetensors` and what belongs to it.
 *
 * Its package.json has length and SHA-256 of each file under `quantone.files`. Nothing in it is run.
 */
import { ModelError } from "../errors";
import { weightsIn } from "./weights-source";

/** What package.json says of the weights, by the names of the files. */
export interface WeightsManifest {
  readonly quantone?: {
    readonly files?: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
  };
}

/**
 * Finds the weights of an installed package and makes sure that they arrived whole.
 *
 * @returns the folder; `undefined` when the package is not installed, has no weights yet, or this is no Node
 * @throws {ModelError} `weights-checksum` when a file is not the one that was published
 */
export async function findInstalledWeights(packageName: string): Promise<string | undefined> {
  const manifest = await findManifest(packageName);
  if (manifest === undefined) return undefined;
  const { readFile } = await import("node:fs/promises");
  const { dirname } = await import("node:path");
  const { quantone } = JSON.parse(await readFile(manifest, "utf8")) as WeightsManifest;
  const files = Object.entries(quantone?.files ?? {});
  if (files.length === 0) return undefined;
  const folder = dirname(manifest);
  for (const [name, { sha256 }] of files) await checkFile(packageName, weightsIn(folder, name), sha256);
  return folder;
}

/** The package.json, as Node finds it beside this package or from the folder that the program runs in. */
async function findManifest(packageName: string): Promise<string | undefined> {
  if (typeof process === "undefined" || process.versions?.node === undefined) return undefined;
  const { createRequire } = await import("node:module");
  const { join } = await import("node:path");
  // Package managers that link packages let ours see only what it depends on, and the caller's project all that it has.
  for (const from of [import.meta.url, join(process.cwd(), "package.json")]) {
    try {
      return createRequire(from).resolve(`${packageName}/package.json`);
    } catch {
      // Not there: the next place may have it.
    }
  }
  return undefined;
}

async function checkFile(packageName: string, path: string, expected: string): Promise<void> {
  const { hashFile } = await import("./download/weights-cache");
  const actual = await hashFile(path).catch(() => undefined);
  if (actual === expected) return;
  const state = actual === undefined ? "cannot be read" : `has the SHA-256 ${actual}, ${expected} was published`;
  throw new ModelError("weights-checksum", `${path} ${state}; install ${packageName} again`, { model: packageName });
}
