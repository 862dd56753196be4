/** How a folder of `codecs/` presents itself: what it is, where its weights are, and how to put it together. */
import type { CodecStages } from "./pipeline";
import type { DeviceRequest } from "./runtime/runtime";
import type { SystemCard } from "./system-card";

/** Where and how the networks run. */
export interface RuntimeOptions {
  /** Default `auto`: the best device that works here. */
  readonly device?: DeviceRequest;
  /** Threads of one network call on the CPU. Default 1: the networks are small, and a second thread slows them. */
  readonly numThreads?: number;
}

/** What `loadCodec` takes beside the codec. */
export interface LoadOptions extends RuntimeOptions {
  /** Weights for a codec that is named: the path of a file, or its bytes. Default: those that come with the package. */
  readonly weights?: string | Uint8Array;
}

/** A config and the weights that belong to it. */
export interface CodecSource {
  /** The parsed config file. */
  readonly config: unknown;
  /** The bytes of a file of weights: safetensors, or for published systems also what their authors published. */
  readonly weights: Uint8Array;
}

/** One system that this package can run. */
export interface CodecDefinition {
  /** The name that `loadCodec` takes. */
  readonly name: string;
  /** One line for lists. */
  readonly summary: string;
  /** Licence of the weights that come with the package; `undefined` when none do, and callers bring their own. */
  readonly weightsLicence: string | undefined;
  /** What the table of systems tells of it. */
  readonly card: SystemCard;
  /**
   * Reads the config that comes with the package and, when none are given, its weights.
   *
   * @throws {ModelError} code `missing-weights` when none are given and none come with the package
   */
  readSource(weights?: Uint8Array): Promise<CodecSource>;
  /**
   * Puts the stages together; no network is built before it is needed.
   *
   * @throws {ModelError} when the config is malformed or the weights do not fit it
   */
  assemble(source: CodecSource, options: RuntimeOptions): Promise<CodecStages>;
}
