/**
 * What a pickle of PyTorch may build beside plain data: storages, and tensors that are windows into them.
 *
 * This is the whole list of calls that are followed. Anything else that a pickle calls is refused by its name: in
 * Python it would run. Objects of other classes that only carry data (optimizers, `argparse.Namespace`) are not calls.
 *
 * Source   torch/_utils.py, torch/serialization.py (PyTorch 2.13)
 */
import { CheckpointError } from "../../errors";
import { PickleGlobal, type PickleHost, PickleObject } from "./pickle";

/** A run of elements of one type, which tensors look into. */
export class TorchStorage {
  /** Its name in the file. */
  readonly key: string;
  readonly dtype: string;

  constructor(key: string, dtype: string) {
    this.key = key;
    this.dtype = dtype;
  }
}

/** A tensor as the pickle describes it: nothing of it is checked yet. */
export class TorchTensor {
  readonly storage: TorchStorage;
  readonly dtype: string;
  /** In elements. */
  readonly storageOffset: unknown;
  readonly shape: unknown;
  readonly strides: unknown;

  constructor(storage: TorchStorage, dtype: string, [storageOffset, shape, strides]: readonly unknown[]) {
    this.storage = storage;
    this.dtype = dtype;
    this.storageOffset = storageOffset;
    this.shape = shape;
    this.strides = strides;
  }
}

/** Element types by the class of their storage. Bytes of any type, which newer tensors name themselves, are untyped. */
const storageTypes: ReadonlyMap<string, string> = new Map([
  ["FloatStorage", "F32"],
  ["HalfStorage", "F16"],
  ["BFloat16Storage", "BF16"],
  ["DoubleStorage", "F64"],
  ["LongStorage", "I64"],
  ["IntStorage", "I32"],
  ["ShortStorage", "I16"],
  ["CharStorage", "I8"],
  ["ByteStorage", "U8"],
  ["BoolStorage", "BOOL"],
  ["ComplexFloatStorage", "C64"],
  ["ComplexDoubleStorage", "C128"],
]);
const untyped = "untyped";

/** Element types by the name of the dtype, for tensors whose storage has no class of its own. */
const dtypes: ReadonlyMap<string, string> = new Map([
  ["torch.float32", "F32"],
  ["torch.float16", "F16"],
  ["torch.bfloat16", "BF16"],
  ["torch.float64", "F64"],
  ["torch.int64", "I64"],
  ["torch.uint64", "U64"],
  ["torch.int32", "I32"],
  ["torch.uint32", "U32"],
  ["torch.int16", "I16"],
  ["torch.uint16", "U16"],
  ["torch.int8", "I8"],
  ["torch.uint8", "U8"],
  ["torch.bool", "BOOL"],
  ["torch.float8_e4m3fn", "F8_E4M3"],
  ["torch.float8_e5m2", "F8_E5M2"],
]);

type Constructor = (args: readonly unknown[], name: string) => unknown;

/** Data that means nothing here, such as numpy's numbers in the state of a random generator: kept as what it is. */
const keep: Constructor = (args, name) => new PickleObject(name, args);

const constructors: ReadonlyMap<string, Constructor> = new Map<string, Constructor>([
  ["collections.OrderedDict", makeDict],
  ["collections.Counter", makeDict],
  ["collections.defaultdict", () => new Map()],
  ["torch.Size", ([sizes]) => (Array.isArray(sizes) ? sizes : [])],
  ["torch._utils._rebuild_tensor", rebuildTensor],
  ["torch._utils._rebuild_tensor_v2", rebuildTensor],
  [
    "torch._utils._rebuild_tensor_v3",
    ([storage, offset, size, strides, , , dtype]) => {
      const type = dtype instanceof PickleGlobal ? (dtypes.get(dtype.name) ?? dtype.name) : "unknown";
      return new TorchTensor(requireStorage(storage), type, [offset, size, strides]);
    },
  ],
  ["torch._utils._rebuild_parameter", ([data]) => data],
  ["torch._utils._rebuild_parameter_with_state", ([data]) => data],
  ...[
    "torch.device",
    "torch.serialization._get_layout",
    "torch.storage._load_from_bytes",
    "__builtin__.set",
    "__builtin__.frozenset",
    "__builtin__.bytearray",
    "__builtin__.slice",
    "__builtin__.complex",
    "builtins.set",
    "builtins.frozenset",
    "builtins.bytearray",
    "builtins.slice",
    "builtins.complex",
    "_codecs.encode",
    "datetime.datetime",
    "datetime.timedelta",
    "pathlib.Path",
    "pathlib.PosixPath",
    "pathlib.WindowsPath",
    "pathlib.PurePosixPath",
    "uuid.UUID",
    "numpy.dtype",
    "numpy.ndarray",
    "numpy.core.multiarray.scalar",
    "numpy.core.multiarray._reconstruct",
    "numpy._core.multiarray.scalar",
    "numpy._core.multiarray._reconstruct",
  ].map((name) => [name, keep] as const),
]);

/** For one file: a list that is named again and again is copied each time that it makes a dict. */
const maxPairs = 1_000_000;

/** The host for the pickles of one file. */
export function createTorchHost(): PickleHost {
  let numPairs = 0;
  return {
    construct(name, args) {
      const construct = constructors.get(name);
      if (construct === undefined) {
        const problem = `the checkpoint calls "${name}", which is not followed because it could do anything`;
        throw new CheckpointError("refused-call", `${problem}; save a plain state_dict with torch.save`);
      }
      const made = construct(args, name);
      if (made instanceof Map) numPairs += made.size;
      if (numPairs > maxPairs) {
        const problem = `the pickle has more than ${maxPairs} entries in ordered dicts`;
        throw new CheckpointError("limit-exceeded", `${problem}; save the weights alone`);
      }
      return made;
    },
    persistentLoad: readStorage,
  };
}

/** ("storage", class of the storage, key, device, number of elements), and for the oldest files a window into it. */
function readStorage(id: unknown): TorchStorage {
  const [kind, type, key, , numElements, view] = Array.isArray(id) ? id : [];
  if (kind !== "storage" || !(type instanceof PickleGlobal) || typeof key !== "string" || !isCount(numElements)) {
    throw new CheckpointError("corrupt", "the pickle names a storage in no known way; fetch the file again");
  }
  if (view !== undefined && view !== null) {
    const problem = "the file is of a PyTorch before 0.4, whose storages are windows into others";
    throw new CheckpointError("unsupported-format", `${problem}; load and save it with a newer PyTorch`);
  }
  const className = type.name.slice(type.name.lastIndexOf(".") + 1);
  const dtype = className === "UntypedStorage" ? untyped : (storageTypes.get(className) ?? type.name);
  return new TorchStorage(key, dtype);
}

function rebuildTensor([storage, offset, shape, strides]: readonly unknown[]): TorchTensor {
  const checked = requireStorage(storage);
  return new TorchTensor(checked, checked.dtype, [offset, shape, strides]);
}

function requireStorage(value: unknown): TorchStorage {
  if (value instanceof TorchStorage) return value;
  throw new CheckpointError(
    "corrupt",
    "the pickle makes a tensor of something that is no storage; fetch the file again",
  );
}

/** A dict, empty or of pairs. */
function makeDict([pairs = []]: readonly unknown[]): Map<unknown, unknown> {
  if (pairs instanceof Map) return new Map(pairs);
  const isPairs = Array.isArray(pairs) && pairs.every((pair) => Array.isArray(pair) && pair.length === 2);
  if (!isPairs) throw new CheckpointError("corrupt", "the pickle makes a dict of no pairs; fetch the file again");
  return new Map(pairs as [unknown, unknown][]);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
