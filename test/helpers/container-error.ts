/** Catching the errors of container readers in tests. */
import { ContainerError } from "../../src/errors";

/** The `ContainerError` that `read` raises; anything else that happens is raised on. */
export function containerErrorOf(read: () => unknown): ContainerError {
  try {
    read();
  } catch (error) {
    if (error instanceof ContainerError) return error;
    throw error;
  }
  throw new Error("expected a ContainerError, got a result");
}
