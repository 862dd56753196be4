/**
 * Running a network that looks to both sides over a signal of any length, in windows.
 *
 *     frames     ... | back |      core      | ahead | ...
 *     results               |      core      |
 *
 * A network whose results depend on no more than `back` frames before and `ahead` frames after their own gives for the
 * core what it gives for the whole signal. At the signal's own ends the windows end with it, so that what the network
 * puts beyond them is the same too. The cost is that context is computed again; the memory is that of one window.
 */
import { concatFloats } from "../kernels/concat";
import type { FeatureStream } from "./neural-vocoder";

export interface WindowSizes {
  /** Values of one frame. */
  readonly featureDim: number;
  /** Frames before its own that a result depends on. */
  readonly back: number;
  /** Frames after its own that a result depends on. */
  readonly ahead: number;
  /** Frames that wait for each other before a window is run, so that context does not cost more than its core. */
  readonly minFrames: number;
  /** Most frames of a core: bounds the memory of a long chunk. */
  readonly maxFrames: number;
}

/** A stretch of frames with what its results depend on around it. */
export interface FrameWindow {
  /** [numBefore + numFrames + behind, featureDim] */
  readonly features: Float32Array;
  /** Frames of context in front. */
  readonly numBefore: number;
  /** Frames of the core. */
  readonly numFrames: number;
}

/** Cuts one signal into windows, as its frames come. */
export class FrameWindows {
  readonly #sizes: WindowSizes;
  /** The context in front of the next core, and all that came behind it. */
  #frames = new Float32Array(0);
  #numBefore = 0;

  constructor(sizes: WindowSizes) {
    this.#sizes = sizes;
  }

  /**
   * Takes frames and gives the windows that can be run now.
   *
   * Shapes   features [F, featureDim]
   * Memory   keeps a copy; the windows are views of it
   */
  push(features: Float32Array): FrameWindow[] {
    const { ahead, minFrames } = this.#sizes;
    this.#frames = concatFloats([this.#frames, features]);
    const ready = this.#numWaiting - ahead;
    return ready < minFrames ? [] : this.#cut(ready);
  }

  /** Gives the windows of the frames that are left. */
  flush(): FrameWindow[] {
    return this.#cut(this.#numWaiting);
  }

  get #numWaiting(): number {
    return this.#frames.length / this.#sizes.featureDim - this.#numBefore;
  }

  #cut(count: number): FrameWindow[] {
    const { featureDim, back, ahead, maxFrames } = this.#sizes;
    const windows: FrameWindow[] = [];
    // Equal parts: a small last window would be mostly context.
    const numWindows = Math.ceil(count / maxFrames);
    for (let index = 0; index < numWindows; index++) {
      const numFrames = Math.ceil((count * (index + 1)) / numWindows) - Math.ceil((count * index) / numWindows);
      const numBefore = this.#numBefore;
      const end = numBefore + numFrames;
      windows.push({ features: this.#frames.subarray(0, (end + ahead) * featureDim), numBefore, numFrames });
      const kept = Math.max(0, end - back);
      this.#frames = this.#frames.subarray(kept * featureDim);
      this.#numBefore = end - kept;
    }
    // What waits is little, and would otherwise hold on to all that was pushed.
    if (numWindows > 0) this.#frames = this.#frames.slice();
    return windows;
  }
}

/** Runs windows of one signal and joins their cores. */
export class WindowedStream implements FeatureStream {
  readonly #featureDim: number;
  readonly #windows: FrameWindows;
  readonly #run: (features: Float32Array) => Promise<Float32Array>;
  readonly #signal: AbortSignal | undefined;

  /**
   * @param run  the network: features [F, featureDim] to results of F frames, all of one width
   * @param signal  stops the work between two windows
   */
  constructor(sizes: WindowSizes, run: (features: Float32Array) => Promise<Float32Array>, signal?: AbortSignal) {
    this.#featureDim = sizes.featureDim;
    this.#windows = new FrameWindows(sizes);
    this.#run = run;
    this.#signal = signal;
  }

  push(features: Float32Array): Promise<Float32Array> {
    return this.#runAll(this.#windows.push(features));
  }

  flush(): Promise<Float32Array> {
    return this.#runAll(this.#windows.flush());
  }

  async #runAll(windows: readonly FrameWindow[]): Promise<Float32Array> {
    const cores: Float32Array[] = [];
    for (const { features, numBefore, numFrames } of windows) {
      this.#signal?.throwIfAborted();
      const results = await this.#run(features);
      const width = (results.length * this.#featureDim) / features.length;
      cores.push(results.subarray(numBefore * width, (numBefore + numFrames) * width));
    }
    return concatFloats(cores);
  }
}
