/** How a speech model of `codecs/` presents itself. */
import type { WeightsSource } from "./checkpoints/weights-source";
import type { AssembleOptions } from "./codec-definition";
import type { SpeechEngine } from "./synthesis/speech-model";
import type { SystemCard } from "./system-card";

/** What `loadSpeechModel` takes beside the model's name. */
export interface SpeechLoadOptions extends AssembleOptions {
  /**
   * A published model: the path of its folder or of a file of weights, an http(s) URL of such a file, a hub id such as
   * `facebook/mms-tts-eng`, or bytes. Config and vocabulary are read from beside it.
   */
  readonly weights?: WeightsSource;
  /** The parsed `config.json`, in place of the one beside the weights. */
  readonly config?: unknown;
  /** The parsed `vocab.json`: symbols and their numbers. */
  readonly vocabulary?: unknown;
  /** The parsed `tokenizer_config.json`. */
  readonly tokenizer?: unknown;
  /** Text without punctuation -> phonemes. Default: espeak-ng, from the package phonemizer, which speaks English. */
  readonly phonemize?: (text: string, language: string) => Promise<string>;
  /** What `phonemize` is told. Default `en-us`. */
  readonly phonemeLanguage?: string;
  /** Text in any script -> Latin letters, as uroman does it. Some MMS models need it. */
  readonly romanize?: (text: string) => string | Promise<string>;
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
  /**
   * Reads the model's files and puts the engine together; no network is built before it is needed.
   *
   * @throws {ModelError} when weights are missing, the config is malformed, or the weights do not fit it
   * @throws {CheckpointError} when a file cannot be had or read
   */
  open(options: SpeechLoadOptions): Promise<SpeechEngine>;
}
