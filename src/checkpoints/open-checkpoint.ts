/**
 * A file of weights, whatever its kind -> tensors by name.
 *
 * The kind is told by the bytes and not by the name: `.bin`, `.pt`, `.th` and `.ckpt` mean several things.
 */
import { CheckpointError } from "../errors";
import type { ByteSource } from "./byte-source";
import type { DownloadOptions } from "./download/fetch-weights";
import { readOnnxWeights } from "./onnx-weights";
import { readSafetensors } from "./safetensors";
import type { StateDict } from "./state-dict";
import { readTflite, tfliteWeights } from "./tflite/tflite-model";
import { chooseWeights } from "./torch/choose-weights";
import { plainData } from "./torch/plain-data";
import { readTorchLegacy, readTorchZip, type TorchFile } from "./torch/torch-file";
import { openTensors } from "./torch/torch-tensor";
import { foldWeightNorm } from "./weight-norm";
import { openWeightsSource, type WeightsSource } from "./weights-source";

/** The kinds of files that are read. */
export type CheckpointFormat = "safetensors" | "torch-zip" | "torch-legacy" | "onnx" | "tflite";

/** How to read a file. */
export interface CheckpointOptions {
  /** Keys that lead to the dict of tensors, such as `["best_state"]`; needed where a file has several. */
  readonly select?: readonly string[];
  /** Whether pairs of weight normalization become the weights that they stand for. By default they do. */
  readonly foldWeightNorm?: boolean;
  /** How to get a file that is not on this machine. */
  readonly download?: DownloadOptions;
}

/** An open file. Tensors are read when their `data` is, so close it after that. */
export interface Checkpoint extends Disposable {
  readonly format: CheckpointFormat;
  readonly tensors: StateDict;
  /** What is in the file beside tensors: texts of a safetensors header, or the dicts and numbers of a pickle. */
  readonly metadata: Readonly<Record<string, unknown>>;
  close(): void;
}

type Opened = Pick<Checkpoint, "tensors" | "metadata">;

/**
 * Opens a file of weights.
 *
 * Memory   of a file on disk only its directory is read, and then each tensor when its `data` is asked for; bytes are
 *          kept and viewed; a Blob is read whole
 * @param weights  a path, an http(s) URL, `hf:owner/model[@revision][/file]`, `owner/model`, or the bytes
 * @throws {CheckpointError} when the file is not there, damaged, hostile, of no known kind or has no weights
 * @throws {TypeError} when `weights` is nothing of the kind
 */
export async function openCheckpoint(weights: WeightsSource, options: CheckpointOptions = {}): Promise<Checkpoint> {
  const source = await openWeightsSource(weights, options.download);
  const close = (): void => source.close();
  try {
    const format = detectFormat(source);
    const opened = readers[format](source, options);
    const tensors = (options.foldWeightNorm ?? true) ? foldWeightNorm(opened.tensors) : opened.tensors;
    return {
      format,
      tensors,
      get metadata() {
        return opened.metadata;
      },
      close,
      [Symbol.dispose]: close,
    };
  } catch (error) {
    close();
    throw nameCached(error, source);
  }
}

/** A page of a server in place of the file, such as a login, is in the cache then and would stay there. */
function nameCached(error: unknown, { cachedPath }: ByteSource): unknown {
  if (cachedPath === undefined || !(error instanceof CheckpointError)) return error;
  const { code, tensor, message } = error;
  const next = `it was downloaded to ${cachedPath}: delete it to download it again`;
  return new CheckpointError(code, `${message}; ${next}`, { ...(tensor !== undefined && { tensor }), cause: error });
}

const readers: Readonly<Record<CheckpointFormat, (source: ByteSource, options: CheckpointOptions) => Opened>> = {
  safetensors: (source) => readSafetensors(source),
  onnx: readOnnxWeights,
  tflite(source) {
    const model = readTflite(source);
    return { tensors: tfliteWeights(model), metadata: { description: model.description } };
  },
  "torch-zip": (source, options) => openTorch(readTorchZip(source), source, options),
  "torch-legacy": (source, options) => openTorch(readTorchLegacy(source), source, options),
};

function openTorch({ root, storages }: TorchFile, source: ByteSource, { select }: CheckpointOptions): Opened {
  const { tensors } = chooseWeights(root, select);
  return {
    tensors: openTensors(tensors, source, storages),
    get metadata() {
      return root instanceof Map ? (plainData(root) as Record<string, unknown>) : {};
    },
  };
}

/** Beginnings of files by kind; in hexadecimal, with dots where any byte may be. */
const beginnings: readonly (readonly [CheckpointFormat, RegExp])[] = [
  ["torch-zip", /^504b0304/],
  // The pickled magic number of PyTorch, in any protocol from 2 on.
  ["torch-legacy", /^80..(95.{16})?8a0a6cfc9c46f9206aa85019/],
  // A length of less than 16 MiB and an object.
  ["tflite", /^.{8}54464c33/],
  // The IR version, and one of the fields that writers put behind it.
  ["onnx", /^08[01].(0a|12|1a|22|28|32|3a|42)/],
  ["safetensors", /^.{6}(00|01)0{8}7b/],
];
const longestBeginning = 32;

function detectFormat(source: ByteSource): CheckpointFormat {
  const head = source.read(0, Math.min(longestBeginning, source.byteLength));
  const digits = Array.from(head, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const found = beginnings.find(([, beginning]) => beginning.test(digits));
  if (found !== undefined) return found[0];
  const problem = `the file begins with the bytes ${digits.slice(0, 16) || "(none)"}, which is no known kind`;
  const known = "safetensors, files of torch.save, ONNX and TFLite";
  throw new CheckpointError("unsupported-format", `${problem}; ${known} are read, check what was downloaded`);
}
