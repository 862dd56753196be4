/** Files of features: .npy, as HiFi-GAN's and DiffWave's own scripts save them, and .safetensors that name them. */
import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { type NpyArray, npyHeader, readNpy } from "../checkpoints/npy";
import { openCheckpoint } from "../checkpoints/open-checkpoint";
import { CheckpointError } from "../errors";
import type { NeuralVocoder } from "../vocoder/neural-vocoder";
import type { ByteOutput } from "./byte-streams";
import { InputError, UsageError } from "./exit-codes";

/** Features come to the vocoder in slices of so many frames, so that progress shows. */
const sliceFrames = 512;
/** Long enough for any shape: the header is written again when the number of frames is known. */
const npyHeaderBytes = 128;

/** Features that are in memory. */
export interface StoredFeatures {
  readonly slices: Iterable<Float32Array>;
  readonly numFrames: number;
  /** What the user should know: how it was taken, where the shape does not tell. */
  readonly warning: string | undefined;
}

/** Whether a name is that of a file of features. */
export function isFeatureFile(path: string): boolean {
  return [".npy", ".safetensors"].includes(extname(path).toLowerCase());
}

/**
 * Reads the features of a vocoder's kind.
 *
 * Shapes   [F, M] or [M, F], behind any dimensions of 1; where both fit, .npy is [M, F] and .safetensors [F, M]
 * @throws {InputError} when the file is damaged, has other features, or some that are no finite numbers
 */
export async function readFeatures(path: string, vocoder: NeuralVocoder): Promise<StoredFeatures> {
  const isNpy = extname(path).toLowerCase() === ".npy";
  const [array, name] = await (isNpy ? readArray(path) : readTensor(path, vocoder.features)).catch((error: unknown) => {
    throw error instanceof CheckpointError ? new InputError(`${path}: ${error.message}`, { cause: error }) : error;
  });
  const { featureDim } = vocoder;
  const rows = toFrames(array, featureDim, isNpy);
  if (rows === undefined) {
    const shapes = `[frames, ${featureDim}] or [${featureDim}, frames]`;
    const got = `[${array.shape.join(", ")}]`;
    throw new InputError(`${path}: ${name} expected ${shapes}, got ${got}; give features of this vocoder's kind`);
  }
  if (!rows.every(Number.isFinite)) {
    throw new InputError(`${path}: ${name} expected finite numbers; write the features again`);
  }
  const numFrames = rows.length / featureDim;
  const order = isNpy ? "[bins, frames]" : "[frames, bins]";
  const warning = numFrames === featureDim ? `${path} has as many bins as frames: it is taken as ${order}` : undefined;
  return { slices: slicesOf(rows, sliceFrames * featureDim), numFrames, warning };
}

async function readArray(path: string): Promise<[NpyArray, string]> {
  return [readNpy(await readFile(path)), "the array"];
}

async function readTensor(path: string, name: string): Promise<[NpyArray, string]> {
  using file = await openCheckpoint(path);
  const tensor = file.tensors.get(name);
  if (tensor !== undefined) return [{ ...tensor, data: tensor.data, isFortranOrder: false }, `"${name}"`];
  const names = [...file.tensors.keys()].join(", ");
  throw new InputError(`${path}: expected a tensor "${name}", got ${names}; give features of this vocoder's kind`);
}

/**
 * The array as frames.
 *
 * Shapes   result [F, M] row-major; undefined when the array has another number of bins
 * Memory   result is the data itself where that lies so, else a fresh copy
 * @param isBinsFirst  how to take an array that may be either
 */
function toFrames(array: NpyArray, featureDim: number, isBinsFirst: boolean): Float32Array | undefined {
  const { shape, isFortranOrder, data } = array;
  const [first, second] = shape.slice(-2);
  const isOne = shape.slice(0, -2).every((size) => size === 1);
  if (first === undefined || second === undefined || !isOne) return undefined;
  if (first !== featureDim && second !== featureDim) return undefined;
  const isTurned = first === featureDim && (second !== featureDim || isBinsFirst);
  // Rows of frames lie as columns of bins do: the bins of a frame are neighbours.
  if (isTurned === isFortranOrder) return data;
  const numFrames = isTurned ? second : first;
  const rows = new Float32Array(data.length);
  for (let frame = 0; frame < numFrames; frame++) {
    for (let bin = 0; bin < featureDim; bin++) rows[frame * featureDim + bin] = data[bin * numFrames + frame] as number;
  }
  return rows;
}

function* slicesOf(rows: Float32Array, length: number): Generator<Float32Array> {
  for (let begin = 0; begin < rows.length; begin += length) yield rows.subarray(begin, begin + length);
}

/** @throws {UsageError} when features would be written under a name that is not .npy */
export function assertNpyName(path: string): void {
  if (extname(path).toLowerCase() === ".npy") return;
  throw new UsageError(`"--save-features" expected a name that ends in .npy, got ${path}`);
}

/**
 * Passes frames on and writes them as they come, as an array [M, F] that NumPy reads. The output is left for the caller
 * to commit.
 *
 * Shapes   frames [F, M] row-major, in portions: an array [M, F] in Fortran order has the same bytes
 */
export async function* saveFeatures(
  frames: AsyncIterable<Float32Array> | Iterable<Float32Array>,
  featureDim: number,
  output: ByteOutput,
): AsyncGenerator<Float32Array, void> {
  let numFrames = 0;
  await output.write(npyHeader([featureDim, numFrames], true, npyHeaderBytes));
  for await (const rows of frames) {
    await output.write(new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength));
    numFrames += rows.length / featureDim;
    yield rows;
  }
  await output.writeAtStart(npyHeader([featureDim, numFrames], true, npyHeaderBytes));
}
