/** The package onnxruntime-node behind the runtime interface. */
import { createHash } from "node:crypto";
import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { BackendError } from "../errors";
import { loadOnnxRuntime, type OnnxRuntime, reasonOf } from "./onnxruntime-package";
import type { Device, Runtime, Session, Tensor } from "./runtime";

/** Only what is fatal goes to the console: what goes wrong comes as an error anyway. */
const logSeverityLevel = 4;

/** One loaded model and how many sessions use it. */
interface LoadedModel {
  readonly session: Promise<InferenceSession>;
  numUsers: number;
}

/** The models that are loaded in this process, by device, threads and content. */
const loadedModels = new Map<string, LoadedModel>();

/**
 * Opens a device.
 *
 * @param notes  how the choice fell on it
 * @throws {BackendError} `backend-unavailable` when onnxruntime-node cannot be loaded
 */
export async function openOnnxRuntime(device: Device, numThreads: number, notes: readonly string[]): Promise<Runtime> {
  const ort = await loadOnnxRuntime();
  return {
    name: `onnxruntime-node ${ort.env.versions.node ?? ""}`.trim(),
    device,
    notes,
    async createSession(model) {
      // A model's identity is its content: whoever builds the same network again gets the one that is loaded.
      const key = `${device}/${numThreads}/${createHash("sha256").update(model).digest("hex")}`;
      const loaded = loadedModels.get(key) ?? { session: load(ort, model, device, numThreads), numUsers: 0 };
      loadedModels.set(key, loaded);
      loaded.numUsers++;
      try {
        return new OnnxSession(ort, device, await loaded.session, () => leave(key, loaded));
      } catch (cause) {
        await leave(key, loaded);
        const message = `the model could not be loaded on ${device}: ${reasonOf(cause)}; choose another device, such as cpu`;
        throw new BackendError("session-failed", message, { backend: device, cause });
      }
    },
  };
}

function load(ort: OnnxRuntime, model: Uint8Array, device: Device, numThreads: number): Promise<InferenceSession> {
  return ort.InferenceSession.create(model, {
    executionProviders: [device],
    executionMode: "sequential",
    intraOpNumThreads: numThreads,
    interOpNumThreads: 1,
    logSeverityLevel,
  });
}

async function leave(key: string, loaded: LoadedModel): Promise<void> {
  loaded.numUsers--;
  if (loaded.numUsers > 0) return;
  loadedModels.delete(key);
  const session = await loaded.session.catch(() => undefined);
  await session?.release();
}

class OnnxSession implements Session {
  readonly device: Device;
  readonly #ort: OnnxRuntime;
  readonly #session: InferenceSession;
  readonly #release: () => Promise<void>;
  readonly #running = new Set<Promise<unknown>>();
  #disposal: Promise<void> | undefined;

  constructor(ort: OnnxRuntime, device: Device, session: InferenceSession, release: () => Promise<void>) {
    this.#ort = ort;
    this.device = device;
    this.#session = session;
    this.#release = release;
  }

  async run(feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
    if (this.#disposal !== undefined) {
      throw new BackendError("disposed", "the session was disposed; load the model again", { backend: this.device });
    }
    const inputs: Record<string, OrtTensor> = {};
    for (const [name, { data, shape }] of Object.entries(feeds)) {
      inputs[name] = new this.#ort.Tensor("float32", data, shape);
    }
    const call = this.#session.run(inputs);
    this.#running.add(call);
    try {
      return plainTensors(await call);
    } catch (cause) {
      const message = `the network failed on ${this.device}: ${reasonOf(cause)}; try another device`;
      throw new BackendError("run-failed", message, { backend: this.device, cause });
    } finally {
      this.#running.delete(call);
    }
  }

  dispose(): Promise<void> {
    // The runtime must not free what a call still works on.
    this.#disposal ??= Promise.allSettled(this.#running).then(() => this.#release());
    return this.#disposal;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}

function plainTensors(outputs: InferenceSession.OnnxValueMapType): Record<string, Tensor> {
  const results: Record<string, Tensor> = {};
  for (const [name, value] of Object.entries(outputs)) {
    const { data, dims } = value as OrtTensor;
    results[name] = { data: data as Float32Array, shape: dims };
  }
  return results;
}
