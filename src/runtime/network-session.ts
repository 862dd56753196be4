/** A network that is loaded on a device, in whichever of its two forms. */
import type { Network } from "../graph/network";
import type { Runtime, Session, Tensor } from "./runtime";

/** Values by name, as a network takes and gives them. */
export type Tensors = Readonly<Record<string, Tensor>>;

/** A network on a device: runs it (offline form) or opens streams on it (streaming form). */
export class NetworkSession implements AsyncDisposable {
  readonly network: Omit<Network, "bytes">;
  readonly #session: Session;

  private constructor(network: Network, session: Session) {
    // The bytes are not kept: the runtime has its own copy, and this one may be as large as the weights.
    const { bytes: _, ...description } = network;
    this.network = description;
    this.#session = session;
  }

  /** @throws {BackendError} `session-failed` when the runtime cannot load the network */
  static async create(runtime: Runtime, network: Network): Promise<NetworkSession> {
    return new NetworkSession(network, await runtime.createSession(network.bytes));
  }

  /** The device that the network runs on. */
  get device(): Session["device"] {
    return this.#session.device;
  }

  /**
   * Runs a network in its offline form on a whole signal.
   *
   * @throws {TypeError} when the network is in its streaming form, or an input is missing or has the wrong shape
   * @throws {BackendError} `run-failed`, or `disposed` after `dispose`
   */
  async run(inputs: Tensors): Promise<Tensors> {
    if (this.network.form === "streaming")
      throw new TypeError(`"${this.network.name}" expected openStream(), as it is in its streaming form`);
    checkInputs(this.network, inputs);
    return this.#session.run(inputs);
  }

  /**
   * Starts a signal on a network in its streaming form. Streams of one session are independent of each other.
   *
   * @param numSignals  signals that run side by side, B of every input and output
   * @throws {TypeError} when the network is in its offline form
   */
  openStream(numSignals = 1): NetworkStream {
    if (this.network.form === "offline")
      throw new TypeError(`"${this.network.name}" expected run(), as it is in its offline form`);
    const states = this.network.states.map(({ input, shape: [, ...rowShape] }) => {
      const shape = [numSignals, ...rowShape];
      return [input, { data: new Float32Array(volumeOf(shape)), shape }] as const;
    });
    return new NetworkStream(this.network, this.#session, Object.fromEntries(states));
  }

  /** Gives the memory back; a call after this throws `disposed`. */
  async dispose(): Promise<void> {
    await this.#session.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}

/** One signal, or several side by side, on their way through a network: keeps the states from call to call. */
export class NetworkStream {
  readonly #network: Omit<Network, "bytes">;
  readonly #session: Session;
  #states: Record<string, Tensor>;
  #isRunning = false;

  /** Made by `NetworkSession.openStream`. */
  constructor(network: Omit<Network, "bytes">, session: Session, states: Record<string, Tensor>) {
    this.#network = network;
    this.#session = session;
    this.#states = states;
  }

  /**
   * Takes the next frames of the signal, any number from one.
   *
   * Memory   keeps no reference to `inputs`; results are fresh
   * @throws {TypeError} when an input is missing or has the wrong shape, or the call before has not ended
   * @throws {BackendError} `run-failed`, or `disposed` once the session is; the states stay as they were before the call
   */
  async run(inputs: Tensors): Promise<Tensors> {
    // Two calls at once would both start from the same past.
    if (this.#isRunning)
      throw new TypeError(`"${this.#network.name}" expected one call at a time, got a second one; await the first`);
    checkInputs(this.#network, inputs);
    this.#isRunning = true;
    try {
      const results = await this.#session.run({ ...inputs, ...this.#states });
      for (const { input, output } of this.#network.states) {
        this.#states[input] = results[output] as Tensor;
        delete results[output];
      }
      return results;
    } finally {
      this.#isRunning = false;
    }
  }

  /**
   * A stream that goes on with some of the signals, in the order given. This one is not changed.
   *
   * @param signals  their places in the batch
   */
  select(signals: readonly number[]): NetworkStream {
    const selected = Object.entries(this.#states).map(([input, { data, shape }]) => {
      const [, ...rowShape] = shape;
      const length = volumeOf(rowShape);
      const rows = new Float32Array(signals.length * length);
      for (const [row, at] of signals.entries()) rows.set(data.subarray(at * length, (at + 1) * length), row * length);
      return [input, { data: rows, shape: [signals.length, ...rowShape] }] as const;
    });
    return new NetworkStream(this.#network, this.#session, Object.fromEntries(selected));
  }

  /** Begins a new signal: what was before is forgotten. */
  reset(): void {
    for (const [input, { data, shape }] of Object.entries(this.#states)) {
      this.#states[input] = { data: new Float32Array(data.length), shape };
    }
  }
}

function volumeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Checks what the caller feeds: the runtime's own messages name neither the network nor what it expected. */
function checkInputs(network: Omit<Network, "bytes">, inputs: Tensors): void {
  for (const { name, shape } of network.inputs) {
    const tensor = inputs[name];
    const isFit =
      tensor !== undefined &&
      tensor.shape.length === shape.length &&
      shape.every((size, axis) => isSize(tensor.shape[axis] ?? 0, size)) &&
      tensor.data.length === volumeOf(tensor.shape);
    if (!isFit) {
      const got = tensor === undefined ? "nothing" : `[${tensor.shape.join(", ")}] with ${tensor.data.length} numbers`;
      throw new TypeError(`"${name}" of ${network.name} expected [${shape.join(", ")}], got ${got}`);
    }
  }
}

/** Whether a size is the expected number, or a positive multiple of the factor in a text such as `320*F`. */
function isSize(size: number, expected: number | string): boolean {
  if (typeof expected === "number") return size === expected;
  const factor = Number.parseInt(expected, 10) || 1;
  return size > 0 && size % factor === 0;
}
