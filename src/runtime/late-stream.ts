/** Frames through a network that looks ahead (`CenteredTime`): pushed as they come, given when the network has them. */
import type { NetworkSession, NetworkStream, Tensors } from "./network-session";

/** Frames by the name of the input that takes them. */
export interface NamedFrames {
  readonly name: string;
  /** Numbers of a frame. */
  readonly width: number;
}

export interface LateStreamConfig {
  /** A network in its streaming form with an input `inside`. */
  readonly session: NetworkSession;
  readonly input: NamedFrames;
  /** Frames that the network looks ahead. */
  readonly lookAhead: number;
  /** Further inputs, the same in every call. */
  readonly fixed: Tensors;
}

/** One signal on its way through such a network. Every frame that goes in comes out once, in order. */
export class LateStream {
  readonly #config: LateStreamConfig;
  readonly #stream: NetworkStream;
  /** 1 for each of the last `lookAhead` frames that belongs to the signal. */
  #inside: Float32Array;
  /** Frames to come that lie before the start of the signal. */
  #numBefore: number;

  constructor(config: LateStreamConfig) {
    this.#config = config;
    this.#stream = config.session.openStream();
    this.#inside = new Float32Array(config.lookAhead);
    this.#numBefore = config.lookAhead;
  }

  /**
   * Takes the next frames and gives those that are `lookAhead` before them, by the names of the network's outputs.
   *
   * Shapes   frames [F, width]; results [F', width'], F' <= F
   * Memory   keeps no reference; results may be views of fresh arrays
   */
  push(frames: Float32Array): Promise<Record<string, Float32Array>> {
    return this.#run(frames, 1);
  }

  /** Gives the last frames. None may follow. */
  flush(): Promise<Record<string, Float32Array>> {
    const { input, lookAhead } = this.#config;
    return this.#run(new Float32Array(lookAhead * input.width), 0);
  }

  async #run(frames: Float32Array, isInside: 0 | 1): Promise<Record<string, Float32Array>> {
    const { session, input, lookAhead, fixed } = this.#config;
    const numFrames = frames.length / input.width;
    if (numFrames === 0)
      return Object.fromEntries(session.network.outputs.map(({ name }) => [name, new Float32Array()]));
    const inside = new Float32Array(lookAhead + numFrames).fill(isInside, lookAhead);
    inside.set(this.#inside);
    const outputs = await this.#stream.run({
      [input.name]: { data: frames, shape: [1, numFrames, input.width] },
      inside: { data: inside, shape: [1, inside.length, 1] },
      ...fixed,
    });
    this.#inside = inside.slice(numFrames);
    const begin = Math.min(this.#numBefore, numFrames);
    this.#numBefore -= begin;
    return Object.fromEntries(
      Object.entries(outputs).map(([name, { data }]) => [name, data.subarray((begin * data.length) / numFrames)]),
    );
  }
}
