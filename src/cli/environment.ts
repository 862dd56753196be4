/** What the commands see of the world, so that tests can put another world around them. */
import type { Writable } from "node:stream";
import type { Codec } from "../codec";
import type { AssembleOptions, CodecDefinition, CodecSource, LoadOptions, RuntimeOptions } from "../codec-definition";
import type { Runtime } from "../runtime/runtime";
import type { SpeechLoadOptions, SpeechModelDefinition } from "../speech-model-definition";
import type { SpeechModel } from "../synthesis/speech-model";
import type { NeuralVocoder } from "../vocoder/neural-vocoder";
import type { VocoderDefinition } from "../vocoder-definition";
import type { DisposableLanguageModel } from "./token-files/token-file";

/** What the commands use of a codec. */
export type CommandCodec = Pick<Codec, "identity" | "encode" | "encodeStream" | "decodeStream"> & AsyncDisposable;

/** A stream that may be a terminal. */
export type TerminalOutput = Writable & { readonly isTTY?: boolean };

/** Streams, codecs, the clock, and whether the user wants to stop. */
export interface CliEnvironment {
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly stdout: TerminalOutput;
  readonly stderr: TerminalOutput;
  /** Aborts when the user stops the program. */
  readonly signal: AbortSignal;
  /** The codecs that there are. */
  readonly codecs: readonly (Pick<CodecDefinition, "name" | "summary" | "weightsLicence"> &
    Partial<Pick<CodecDefinition, "card" | "weightsPackage" | "vocoders">>)[];
  loadCodec(name: string, options: LoadOptions): Promise<CommandCodec>;
  /** The vocoders that there are. */
  readonly vocoders: readonly Pick<VocoderDefinition, "name" | "summary" | "weightsLicence" | "weightsPackage">[];
  loadVocoder(name: string, options: LoadOptions): Promise<NeuralVocoder>;
  /** The speech models that there are. */
  readonly speechModels: readonly Pick<
    SpeechModelDefinition,
    "name" | "summary" | "weightsLicence" | "weightsPackage"
  >[];
  loadSpeechModel(source: string | CodecSource, options: SpeechLoadOptions): Promise<SpeechModel>;
  /** The codecs that have a language model of their tokens. */
  readonly languageModelCodecs: readonly string[];
  /** The language model of a codec's tokens. */
  loadLanguageModel(
    codec: string,
    options: AssembleOptions & { readonly weights: string },
  ): Promise<DisposableLanguageModel>;
  /**
   * The folder of weights that are an npm package; `undefined` where it is not installed.
   *
   * @throws {ModelError} code `weights-checksum` when they are damaged
   */
  findInstalledWeights(packageName: string): Promise<string | undefined>;
  openRuntime(options: RuntimeOptions): Promise<Pick<Runtime, "name" | "device" | "notes">>;
  /** Milliseconds of a clock that only goes forward. */
  now(): number;
}
