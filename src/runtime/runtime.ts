/** What runs networks, whatever package and device is behind it. */

export type Device = "cpu" | "webgpu" | "cuda" | "dml" | "coreml";

/** `auto`: the first device of this machine that gives a session and is worth it. */
export type DeviceRequest = "auto" | Device;

/** Float32 numbers, row-major, with their shape. */
export interface Tensor {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

/** One model on one device. */
export interface Session extends AsyncDisposable {
  readonly device: Device;
  /**
   * Runs the model once.
   *
   * Memory   reads `feeds` and keeps no reference to them; results are fresh
   * @throws {BackendError} `run-failed`, or `disposed` after `dispose`
   */
  run(feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>>;
  /** Gives the model's memory back. A second call does nothing. */
  dispose(): Promise<void>;
}

/** A device that is ready for models. */
export interface Runtime {
  /** Package and version, such as `onnxruntime-node 1.30.0`. */
  readonly name: string;
  readonly device: Device;
  /** What was tried on the way to this device and why it was not taken. Empty for a device asked for by name. */
  readonly notes: readonly string[];
  /**
   * Loads a model. The same bytes (the same buffer, or equal content) share one model in memory; it is freed when the
   * last of its sessions is disposed.
   *
   * @throws {BackendError} `session-failed`
   */
  createSession(model: Uint8Array): Promise<Session>;
}
