/** The package onnxruntime-node behind the runtime interface. */
import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import type { Device, Runtime, Session, Tensor } from "./runtime";

type OnnxRuntime = typeof import("onnxruntime-node");

export class OnnxNodeRuntime implements Runtime {
  readonly name = "onnxruntime-node";
  readonly device: Device;
  readonly notes: readonly string[];
  readonly #package: OnnxRuntime;
  readonly #numThreads: number;

  private constructor(ort: OnnxRuntime, device: Device, numThreads: number, notes: readonly string[]) {
    this.#package = ort;
    this.device = device;
    this.#numThreads = numThreads;
    this.notes = notes;
  }

  static async open(device: Device, numThreads: number, notes: readonly string[]): Promise<OnnxNodeRuntime> {
    return new OnnxNodeRuntime(await import("onnxruntime-node"), device, numThreads, notes);
  }

  async createSession(model: Uint8Array): Promise<Session> {
    const session = await this.#package.InferenceSession.create(model, {
      executionProviders: [this.device],
      intraOpNumThreads: this.#numThreads,
      interOpNumThreads: 1,
      executionMode: "sequential",
      graphOptimizationLevel: "all",
      logSeverityLevel: 3,
    });
    return new OnnxSession(this.#package, session, this.device);
  }
}

class OnnxSession implements Session {
  readonly device: Device;
  readonly #package: OnnxRuntime;
  readonly #session: InferenceSession;

  constructor(ort: OnnxRuntime, session: InferenceSession, device: Device) {
    this.#package = ort;
    this.#session = session;
    this.device = device;
  }

  async run(feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
    const inputs: Record<string, OrtTensor> = {};
    for (const [name, { data, shape }] of Object.entries(feeds))
      inputs[name] = new this.#package.Tensor("float32", data, shape);
    const outputs = await this.#session.run(inputs);
    const results: Record<string, Tensor> = {};
    for (const [name, value] of Object.entries(outputs)) {
      results[name] = { data: (value as OrtTensor).data as Float32Array, shape: (value as OrtTensor).dims };
    }
    return results;
  }

  async dispose(): Promise<void> {
    await this.#session.release();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}
