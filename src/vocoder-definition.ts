/** How a vocoder of `codecs/` presents itself: the same as a codec does, but for what comes out. */
import type { CodecDefinition, CodecSource, LoadOptions } from "./codec-definition";
import type { VocoderEngine } from "./vocoder/neural-vocoder";

/** One vocoder that this package can run. */
export interface VocoderDefinition extends Omit<CodecDefinition, "assemble" | "vocoders"> {
  /**
   * Opens the weights and puts the engine together; no network is built before it is needed.
   *
   * @throws {ModelError} when the config is malformed or the weights do not fit it
   * @throws {CheckpointError} when the weights cannot be had or read
   */
  assemble(source: CodecSource, options: Omit<LoadOptions, "weights">): Promise<VocoderEngine>;
}
