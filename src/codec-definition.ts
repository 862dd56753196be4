/** How a folder of `codecs/` presents itself: what it is, where its weights are, and how to put it together. */
import type { DownloadOptions } from "./checkpoints/download/fetch-weights";
import type { WeightsSource } from "./checkpoints/weights-source";
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

/** How a codec is put together from its source. */
export interface AssembleOptions extends RuntimeOptions {
  /** For weights that are not on this machine: progress, cancelling, cache, SHA-256, token, no network. */
  readonly download?: DownloadOptions;
}

/** What `loadCodec` takes beside the codec. */
export interface LoadOptions extends AssembleOptions {
  /**
   * Weights for a codec that is named: the path of a file or folder, an http(s) URL, a hub id such as
   * `facebook/encodec_24khz`, or bytes. Default: those that come with this package, or with one that is installed.
   */
  readonly weights?: WeightsSource;
}

/** A config and the weights that belong to it. */
export interface CodecSource {
  /** The parsed config file. */
  readonly config: unknown;
  /** Safetensors, or for published systems also what their authors published: where it is, or its bytes. */
  readonly weights: WeightsSource;
}

/** One system that this package can run. */
export interface CodecDefinition {
  /** The name that `loadCodec` takes. */
  readonly name: string;
  /** One line for lists. */
  readonly summary: string;
  /** Licence of the weights that come with the package; `undefined` when none do, and callers bring their own. */
  readonly weightsLicence: string | undefined;
  /** npm package of weights that `readSource` finds where it is installed. */
  readonly weightsPackage?: string;
  /** What the table of systems tells of it. */
  readonly card: SystemCard;
  /** Short names of vocoders that were made for its features, and what `loadVocoder` calls them. */
  readonly vocoders?: Readonly<Record<string, string>>;
  /**
   * Finds the config that comes with the package and, when none are given, its weights. Weights that are given pass
   * through unopened.
   *
   * @throws {ModelError} code `missing-weights` when none are given and none are installed
   */
  readSource(weights?: WeightsSource): Promise<CodecSource>;
  /**
   * Opens the weights and puts the stages together; no network is built before it is needed.
   *
   * @throws {ModelError} when the config is malformed or the weights do not fit it
   * @throws {CheckpointError} when the weights cannot be had or read
   */
  assemble(source: CodecSource, options: AssembleOptions): Promise<CodecStages>;
}
