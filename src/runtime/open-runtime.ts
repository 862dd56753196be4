/** Device by name, or `auto`, to runtime. */
import { BackendError } from "../errors";
import { chooseDevice, howToGet, missingPiece } from "./devices";
import { openOnnxRuntime } from "./onnxruntime-node";
import { reasonOf } from "./onnxruntime-package";
import { buildProbeNetwork } from "./probe-network";
import type { Device, DeviceRequest, Runtime } from "./runtime";

export interface OpenRuntimeOptions {
  /** Default `auto`: a GPU that is faster here than the CPU, else the CPU; the runtime's `notes` say why. */
  readonly device?: DeviceRequest;
  /** Threads of one call on the CPU, default 1: codecs' networks are small, and many files go better side by side. */
  readonly numThreads?: number;
}

const requests: readonly DeviceRequest[] = ["auto", "cpu", "webgpu", "cuda", "dml", "coreml"];

/**
 * Opens a device for networks.
 *
 * @throws {RangeError} for a device that has no name here, or a number of threads below 1
 * @throws {BackendError} `backend-unavailable` when a device asked for by name is not there: the message tells how to get
 *                        it. `auto` falls back to the CPU instead.
 */
export async function openRuntime(options: OpenRuntimeOptions = {}): Promise<Runtime> {
  const { device = "auto", numThreads = 1 } = options;
  if (!requests.includes(device)) {
    throw new RangeError(`"device" expected one of ${requests.join(", ")}, got ${JSON.stringify(device)}`);
  }
  if (!Number.isSafeInteger(numThreads) || numThreads < 1) {
    throw new RangeError(`"numThreads" expected a whole number of at least 1, got ${numThreads}`);
  }
  if (device === "auto") {
    const choice = await chooseDevice();
    const chosen = await openOnnxRuntime(choice.device, numThreads, choice.notes);
    return choice.device === "cpu" ? chosen : withFallback(chosen, await openOnnxRuntime("cpu", numThreads, []));
  }
  const missing = missingPiece(device);
  if (missing !== undefined) throw unavailable(device, missing);
  const runtime = await openOnnxRuntime(device, numThreads, []);
  if (device !== "cpu") await tryDevice(runtime);
  return runtime;
}

/** A runtime that loads a model elsewhere when its own device cannot, and notes it. For `auto`, which asked for no device. */
export function withFallback(runtime: Runtime, other: Runtime): Runtime {
  const notes = [...runtime.notes];
  return {
    name: runtime.name,
    device: runtime.device,
    notes,
    async createSession(model) {
      try {
        return await runtime.createSession(model);
      } catch (error) {
        notes.push(`${other.device} is taken for a model: ${reasonOf(error)}`);
        return other.createSession(model);
      }
    },
  };
}

/** Loads a small model, as that is when a driver says that there is no device. */
async function tryDevice(runtime: Runtime): Promise<void> {
  try {
    const session = await runtime.createSession(buildProbeNetwork().bytes);
    await session.dispose();
  } catch (cause) {
    throw unavailable(runtime.device, reasonOf(cause instanceof BackendError ? cause.cause : cause), cause);
  }
}

function unavailable(device: Device, reason: string, cause?: unknown): BackendError {
  const message = `${device} is not available: ${reason}; to get it, ${howToGet(device)}; or use device "cpu"`;
  return new BackendError("backend-unavailable", message, { backend: device, cause });
}
