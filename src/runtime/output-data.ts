/** Reading a network's results by name. */
import { BackendError } from "../errors";
import type { NetworkSession, Tensors } from "./network-session";

/**
 * The numbers of one output.
 *
 * @throws {BackendError} code `run-failed` when the network gives no output of that name
 */
export function outputData(session: NetworkSession, outputs: Tensors, name: string): Float32Array {
  const output = outputs[name];
  if (output === undefined) {
    const message = `the network "${session.network.name}" expected an output "${name}", got ${Object.keys(outputs)}; build it with that output`;
    throw new BackendError("run-failed", message, { backend: session.device });
  }
  return output.data;
}
