/** Checking parsed config files: every field of the kind that it must be, before anything is built from it. */
import { ModelError } from "../src/errors";

/** `number` is one of at least 0, `signed` any. */
type Scalar = "text" | "count" | "number" | "signed" | "flag";

/** A kind of value in a config, or the fields of a section. `[kind]` is a list of at least one. */
export type Schema = Scalar | readonly [Schema] | { readonly [key: string]: Schema };

/**
 * Checks that parsed JSON has the fields of a schema; others are let be.
 *
 * @throws {ModelError} `bad-config`, naming the field
 */
export function checkSchema(value: unknown, kind: Schema, path = "config"): void {
  if (typeof kind === "string") {
    checkScalar(value, kind, path);
  } else if (isList(kind)) {
    if (!Array.isArray(value) || value.length === 0) throw badConfig(path, "a list that is not empty", value);
    for (const [index, item] of value.entries()) checkSchema(item, kind[0], `${path}[${index}]`);
  } else {
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw badConfig(path, "an object", value);
    for (const [key, fieldKind] of Object.entries(kind)) {
      checkSchema((value as Record<string, unknown>)[key], fieldKind, path === "config" ? key : `${path}.${key}`);
    }
  }
}

/** @throws {ModelError} `bad-config` when a field is at odds with the others, from which `expected` was worked out */
export function expectEqual(path: string, actual: number, expected: number): void {
  if (actual !== expected) throw badConfig(path, `${expected}, from the other fields`, actual);
}

/** The error for a field that is not what it must be. */
export function badConfig(path: string, expected: string, actual: unknown): ModelError {
  const shown = JSON.stringify(actual) ?? "nothing";
  return new ModelError("bad-config", `"${path}" expected ${expected}, got ${shown}; correct the config`);
}

function checkScalar(value: unknown, kind: Scalar, path: string): void {
  if (kind === "text") {
    if (typeof value !== "string" || value === "") throw badConfig(path, "a text that is not empty", value);
  } else if (kind === "flag") {
    if (typeof value !== "boolean") throw badConfig(path, "true or false", value);
  } else if (kind === "signed") {
    if (typeof value !== "number" || !Number.isFinite(value)) throw badConfig(path, "a number", value);
  } else if (typeof value !== "number" || !Number.isFinite(value) || value < 0) {
    throw badConfig(path, "a number of at least 0", value);
  } else if (kind === "count" && (!Number.isSafeInteger(value) || value === 0)) {
    throw badConfig(path, "a whole number of at least 1", value);
  }
}

function isList(kind: Schema): kind is readonly [Schema] {
  return Array.isArray(kind);
}
