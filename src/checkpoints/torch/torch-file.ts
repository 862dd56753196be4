/**
 * A file of torch.save -> the values in it, with its tensors still on disk.
 *
 *     zip form (since 1.6)   NAME/data.pkl, NAME/data/KEY for each storage, NAME/byteorder, NAME/version
 *     legacy form            pickles: magic number, protocol, system, values, list of keys; then for each key its
 *                            number of elements (u64) and its bytes
 *
 * Source   torch/serialization.py (PyTorch 2.13)
 */
import { CheckpointError } from "../../errors";
import type { ByteSource } from "../byte-source";
import { elementFormats } from "../element-formats";
import { ByteCursor } from "./byte-cursor";
import { readPickle } from "./pickle";
import { createTorchHost, type TorchStorage } from "./torch-objects";
import type { StorageRange } from "./torch-tensor";
import { type StoredEntry, ZipArchive } from "./zip-archive";

const maxPickleBytes = 64 * 2 ** 20;
const legacyMagic = 0x1950a86a20f9469cfc6cn;
const legacyProtocol = 1001;

/** What torch.save was given, and where its storages are. */
export interface TorchFile {
  readonly root: unknown;
  readonly storages: ReadonlyMap<string, StorageRange>;
}

/**
 * Reads the zip form.
 *
 * @throws {CheckpointError} `truncated`, `corrupt`, `limit-exceeded`, `unsupported-format` or `refused-call`
 */
export function readTorchZip(source: ByteSource): TorchFile {
  const archive = new ZipArchive(source);
  const pickleName = findPickle(archive);
  const folder = pickleName.slice(0, -"data.pkl".length);
  if (archive.names().includes(`${folder}constants.pkl`)) {
    const problem = "the file is a TorchScript program";
    throw new CheckpointError("unsupported-format", `${problem}; save its state_dict with torch.save`);
  }
  checkByteOrder(source, archive.get(`${folder}byteorder`));
  const pickle = archive.get(pickleName) as StoredEntry;
  const root = readPickle(
    new ByteCursor(source, pickle.offset, pickle.offset + limited(pickle.byteLength)),
    createTorchHost(),
  );
  const prefix = `${folder}data/`;
  const storages = new Map<string, StorageRange>();
  for (const name of archive.names()) {
    if (!name.startsWith(prefix)) continue;
    const range = archive.get(name);
    if (range !== undefined) storages.set(name.slice(prefix.length), range);
  }
  return { root, storages };
}

/**
 * Reads the legacy form.
 *
 * @throws {CheckpointError} `truncated`, `corrupt`, `limit-exceeded`, `unsupported-format` or `refused-call`
 */
export function readTorchLegacy(source: ByteSource): TorchFile {
  const cursor = new ByteCursor(source, 0, maxPickleBytes);
  const host = createTorchHost();
  if (readPickle(cursor, host) !== legacyMagic || readPickle(cursor, host) !== legacyProtocol) {
    throw new CheckpointError("unsupported-format", "the pickle is no checkpoint of PyTorch; check the file");
  }
  const system = readPickle(cursor, host);
  if (system instanceof Map && system.get("little_endian") === false) throw bigEndian();
  const dtypes = new Map<string, string>();
  const root = readPickle(cursor, {
    ...host,
    persistentLoad(id) {
      const storage = host.persistentLoad(id) as TorchStorage;
      if ((dtypes.get(storage.key) ?? storage.dtype) !== storage.dtype) {
        throw corrupt(`the storage "${storage.key}" has two types`);
      }
      dtypes.set(storage.key, storage.dtype);
      return storage;
    },
  });
  const keys = readPickle(cursor, host);
  return { root, storages: locateStorages(source, cursor.offset, keys, dtypes) };
}

function findPickle(archive: ZipArchive): string {
  const names = archive.names().filter((name) => /^([^/]+\/)?data\.pkl$/.test(name));
  if (names.length === 1) return names[0] as string;
  const problem = `the archive has ${names.length} files "data.pkl", a checkpoint of PyTorch has one`;
  throw new CheckpointError("unsupported-format", `${problem}; check the file`);
}

function checkByteOrder(source: ByteSource, entry: StoredEntry | undefined): void {
  if (entry === undefined || entry.byteLength > 16) return;
  const order = new TextDecoder().decode(source.read(entry.offset, entry.byteLength));
  if (order === "big") throw bigEndian();
}

function locateStorages(
  source: ByteSource,
  firstOffset: number,
  keys: unknown,
  dtypes: ReadonlyMap<string, string>,
): Map<string, StorageRange> {
  if (!Array.isArray(keys)) throw corrupt("the list of storages is no list");
  const storages = new Map<string, StorageRange>();
  let next = firstOffset;
  for (const key of keys) {
    const format = elementFormats.get(dtypes.get(key) ?? "");
    // Without its element size the next storage cannot be found.
    if (typeof key !== "string" || format === undefined) {
      throw new CheckpointError(
        "unsupported-dtype",
        `the storage "${String(key)}" is of no known type; convert the file`,
      );
    }
    if (storages.has(key)) throw corrupt(`the storage "${key}" is there twice`);
    const count = source.read(next, 8);
    const numElements = new DataView(count.buffer, count.byteOffset).getBigUint64(0, true);
    const byteLength = Number(numElements) * format.bytesPerElement;
    const offset = next + 8;
    if (byteLength > source.byteLength - offset) {
      const problem = `the storage "${key}" claims ${byteLength} bytes, ${source.byteLength - offset} are left`;
      throw new CheckpointError("truncated", `${problem}; fetch the file again`);
    }
    storages.set(key, { offset, byteLength });
    next = offset + byteLength;
  }
  return storages;
}

function limited(byteLength: number): number {
  if (byteLength <= maxPickleBytes) return byteLength;
  const problem = `the pickle has ${byteLength} bytes, at most ${maxPickleBytes} are read`;
  throw new CheckpointError("limit-exceeded", `${problem}; save the weights alone`);
}

function bigEndian(): CheckpointError {
  const problem = "the numbers are stored with the highest byte first";
  return new CheckpointError("unsupported-format", `${problem}; load and save the file on an ordinary machine`);
}

function corrupt(problem: string): CheckpointError {
  return new CheckpointError("corrupt", `${problem}; fetch the file again`);
}
