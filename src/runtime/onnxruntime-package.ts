/** Finds and loads the package onnxruntime-node: nothing else in the library imports it. */
import { createRequire } from "node:module";
import { BackendError } from "../errors";

export type OnnxRuntime = typeof import("onnxruntime-node");

/** Path of the package's entry file. @throws {BackendError} `backend-unavailable` when it is not installed */
export function resolveOnnxRuntime(): string {
  try {
    return createRequire(import.meta.url).resolve("onnxruntime-node");
  } catch (cause) {
    throw unavailable("is not installed", cause);
  }
}

/**
 * Loads the package when a network is first needed: its shared library has tens of megabytes.
 *
 * @throws {BackendError} `backend-unavailable` when it is not installed or does not run on this machine
 */
export async function loadOnnxRuntime(): Promise<OnnxRuntime> {
  resolveOnnxRuntime();
  try {
    return await import("onnxruntime-node");
  } catch (cause) {
    throw unavailable("cannot be loaded on this machine", cause);
  }
}

/** What the package says went wrong, without the place in its own source that its messages begin with. */
export function reasonOf(failure: unknown): string {
  const message = failure instanceof Error ? failure.message : String(failure);
  const [firstLine = ""] = message.trim().split("\n");
  return (firstLine.split(" was false. ").at(-1) ?? "").replace(/\.$/, "");
}

function unavailable(problem: string, cause: unknown): BackendError {
  const message = `onnxruntime-node ${problem}; run: npm install onnxruntime-node`;
  return new BackendError("backend-unavailable", message, { backend: "onnxruntime-node", cause });
}
