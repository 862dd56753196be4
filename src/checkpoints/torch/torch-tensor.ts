/**
 * A tensor of a PyTorch file -> something that can be read when its numbers are wanted.
 *
 * A tensor is a window into a storage: an offset, sizes and strides, all in elements. Several may share a storage, as
 * tied weights and slices do. What the pickle claims is compared with the bytes that are there before any are read.
 */
import { CheckpointError } from "../../errors";
import type { ByteSource } from "../byte-source";
import { elementFormats } from "../element-formats";
import { LazyStateDict, type LazyTensor, lazyTensor } from "../lazy-state-dict";
import type { StateDict } from "../state-dict";
import type { TorchTensor } from "./torch-objects";

const maxRank = 16;
/** Strides of zero make a tensor larger than its storage. Up to this many elements that is believed. */
const maxRepeatedElements = 2 ** 24;

/** Where in the file the bytes of a storage are. */
export interface StorageRange {
  readonly offset: number;
  readonly byteLength: number;
}

interface Window {
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

/**
 * Opens tensors of a file.
 *
 * @throws {CheckpointError} `corrupt`, `truncated`, `limit-exceeded`
 */
export function openTensors(
  tensors: ReadonlyMap<string, TorchTensor>,
  source: ByteSource,
  storages: ReadonlyMap<string, StorageRange>,
): StateDict {
  const opened = [...tensors].map(([name, tensor]) => {
    return [name, openTensor(name, tensor, source, storages.get(tensor.storage.key))] as const;
  });
  return new LazyStateDict(new Map(opened));
}

/** Checks a tensor against the storage it looks into; `range` is missing where the file has no such storage. */
function openTensor(
  name: string,
  tensor: TorchTensor,
  source: ByteSource,
  range: StorageRange | undefined,
): LazyTensor {
  const { dtype, storage } = tensor;
  const window = checkWindow(name, tensor);
  const format = elementFormats.get(dtype);
  // Of an unknown type nothing can be checked, but nothing will be read either.
  if (format === undefined) return { dtype, shape: window.shape };
  if (range === undefined) throw damaged("corrupt", name, `its storage "${storage.key}" is not in the file`);
  const { bytesPerElement } = format;
  const last = lastElement(window);
  if ((last + 1) * bytesPerElement > range.byteLength) {
    const problem = `it needs ${(last + 1) * bytesPerElement} bytes of storage, ${range.byteLength} are there`;
    throw damaged("truncated", name, problem);
  }
  const numElements = volume(window.shape);
  if (numElements > Math.max(range.byteLength / bytesPerElement, maxRepeatedElements)) {
    throw damaged("limit-exceeded", name, `${numElements} elements are made of ${range.byteLength} bytes`);
  }
  return lazyTensor(dtype, window.shape, () => {
    if (numElements === 0) return new Uint8Array(0);
    const length = (last + 1 - window.offset) * bytesPerElement;
    const bytes = source.read(range.offset + window.offset * bytesPerElement, length);
    return isContiguous(window) ? bytes : gather(bytes, window, bytesPerElement);
  });
}

function checkWindow(name: string, { storageOffset, shape, strides }: TorchTensor): Window {
  if (!isCounts(shape) || !isCounts(strides) || shape.length !== strides.length) {
    throw damaged("corrupt", name, `sizes and strides expected up to ${maxRank} whole numbers each`);
  }
  if (!isCounts([storageOffset])) throw damaged("corrupt", name, "its offset expected a whole number");
  // Lists of a pickle can still be changed through another name for them: the copies cannot.
  return { offset: storageOffset as number, shape: [...shape], strides: [...strides] };
}

/** The element furthest into the storage, or the one before the offset where there is no element. */
function lastElement({ offset, shape, strides }: Window): number {
  if (volume(shape) === 0) return -1;
  return shape.reduce((last, size, axis) => last + (size - 1) * (strides[axis] as number), offset);
}

/** The strides of axes with one element say nothing. */
function isContiguous({ shape, strides }: Window): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis] as number;
  }
  return true;
}

/**
 * Elements in the order of the axes.
 *
 * Memory   result is a fresh copy
 */
function gather(bytes: Uint8Array, { shape, strides }: Window, bytesPerElement: number): Uint8Array {
  const gathered = new Uint8Array(volume(shape) * bytesPerElement);
  const place = shape.map(() => 0);
  let from = 0;
  for (let to = 0; to < gathered.length; to += bytesPerElement) {
    for (let index = 0; index < bytesPerElement; index++) {
      gathered[to + index] = bytes[from * bytesPerElement + index] as number;
    }
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const size = shape[axis] as number;
      const stride = strides[axis] as number;
      const next = (place[axis] as number) + 1;
      from += stride;
      place[axis] = next;
      if (next < size) break;
      from -= stride * size;
      place[axis] = 0;
    }
  }
  return gathered;
}

function volume(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function isCounts(value: unknown): value is number[] {
  return (
    Array.isArray(value) && value.length <= maxRank && value.every((item) => Number.isSafeInteger(item) && item >= 0)
  );
}

function damaged(code: "corrupt" | "truncated" | "limit-exceeded", name: string, problem: string): CheckpointError {
  return new CheckpointError(code, `"${name}": ${problem}; fetch the file again`, { tensor: name });
}
