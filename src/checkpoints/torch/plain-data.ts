/** The values of a checkpoint that are no tensors -> objects, lists, numbers and texts, for reading configurations. */
import { PickleGlobal, PickleObject } from "./pickle";
import { TorchTensor } from "./torch-objects";

/**
 * Makes plain data of everything beside the tensors.
 *
 * Dicts become objects without a prototype, tensors and entries whose key is no text or number are left out. What is
 * shared stays shared and cycles stay cycles, so the work is bounded by the number of values, not of paths to them.
 *
 * Memory   result is a fresh copy
 */
export function plainData(root: unknown): unknown {
  const made = new Map<unknown, unknown>();
  const pending: (() => void)[] = [];
  const convert = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null) return value;
    if (value instanceof PickleGlobal) return value.name;
    if (made.has(value)) return made.get(value);
    const target = Array.isArray(value) || value instanceof Set ? [] : Object.create(null);
    made.set(value, value instanceof Uint8Array ? value : target);
    pending.push(() => fill(target, value, convert));
    return made.get(value);
  };
  const result = convert(root);
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) next();
  return result;
}

function fill(target: unknown, value: object, convert: (value: unknown) => unknown): void {
  if (Array.isArray(target)) {
    for (const item of value as Iterable<unknown>) target.push(item instanceof TorchTensor ? null : convert(item));
    return;
  }
  const record = target as Record<string, unknown>;
  if (value instanceof Map) {
    for (const [key, item] of value) {
      if ((typeof key === "string" || typeof key === "number") && !(item instanceof TorchTensor)) {
        record[key] = convert(item);
      }
    }
  } else if (value instanceof PickleObject) {
    record.className = value.className;
    record.args = convert(value.args);
    record.state = convert(value.state);
    record.entries = convert(value.entries);
    record.items = convert(value.items);
  }
}
