/** How a speech model of `codecs/` presents itself. */
import type { WeightsSource } from "./checkpoints/weights-source";
import type { AssembleOptions, CodecSource } from "./codec-definition";
import type { SpeechEngine } from "./synthesis/speech-model";
import type { SystemCard } from "./system-card";

/** How a speech model is put together from its source. */
export interface SpeechAssembleOptions extends AssembleOptions {
  /** The parsed `vocab.json`, symbols and their numbers, or a list of symbols. Default: the one beside the weights. */
  readonly vocabulary?: unknown;
  /** The parsed `tokenizer_config.json`. Default: the one beside the weights. */
  readonly tokenizer?: unknown;
  /** Text without punctuation -> phonemes. Default: espeak-ng, from the package phonemizer, which speaks English. */
  readonly phonemize?: (text: string, language: string) => Promise<string>;
  /** What `phonemize` is told. Default `en-us`. */
  readonly phonemeLanguage?: string;
  /** Text in any script -> Latin letters, as uroman does it. Some MMS models need it. */
  readonly romanize?: (text: string) => string | Promise<string>;
}

/** What `loadSpeechModel` takes beside the model. */
export interface SpeechLoadOptions extends SpeechAssembleOptions {
  /**
   * Weights for a model that is named: the path of its folder or of a file of weights, an http(s) URL of such a file, a
   * hub id such as `facebook/mms-tts-eng`, or bytes. What else belongs to the model is read from beside them.
   */
  readonly weights?: WeightsSource;
}

/** One speech model that this package can run. */
export interface SpeechModelDefinition {
  /** The name that `loadSpeechModel` takes. */
  readonly name: string;
  /** One line for lists. */
  readonly summary: string;
  /** Licence of the weights that come with the package; `undefined` when none do, and callers bring their own. */
  readonly weightsLicence: string | undefined;
  /** What the table of systems tells of it. */
  readonly card: SystemCard;
  /** npm package of weights that `readSource` finds where it is installed. */
  readonly weightsPackage?: string;
  /**
   * Finds the weights when none are given. The config is left open, since it lies beside them.
   *
   * @throws {ModelError} code `missing-weights` when there are none
   */
  readSource(weights?: WeightsSource): Promise<CodecSource>;
  /**
   * Reads the model's files and puts the engine together; no network is built before it is needed.
   *
   * @throws {ModelError} when the config is malformed, or the weights do not fit it
   * @throws {CheckpointError} when a file cannot be had or read
   */
  assemble(source: CodecSource, options: SpeechAssembleOptions): Promise<SpeechEngine>;
}
