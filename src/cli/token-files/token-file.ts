/** What the kinds of token files have in common, whatever their bytes. */
import type { FileBytes } from "../../audio/files/audio-files";
import type { ContainerStreamOptions } from "../../container/container-stream";
import type { ModelledEcdcOptions, TokenLanguageModel } from "../../container/ecdc/index";
import type { TokenFormat, TokenFrames } from "../../tokens/token-frames";

/** A file of tokens that is open. */
export interface TokenFile {
  readonly header: TokenFormat;
  /** What else the file says about itself. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Whether its tokens can be read with a language model only. */
  readonly needsLanguageModel?: boolean;
  /** How long the signal is, of files that say it and whose tokens may need a language model. */
  readonly length?: { readonly numFrames: number; readonly numSamples: number };
  /**
   * The tokens, piece by piece; can be gone through once.
   *
   * @param revision  of the weights that will decode them, for files that do not name any
   */
  tokens(revision: string): AsyncIterable<TokenFrames> | Iterable<TokenFrames>;
}

/** What helps to read a file. */
export interface TokenFileOptions extends ContainerStreamOptions {
  /** The rate of its tokens, for files that do not say it. */
  readonly bitsPerSecond?: number;
  /** Loads the language model of a codec's tokens, for files that were written with one. */
  readonly loadLanguageModel?: (codec: string) => Promise<DisposableLanguageModel>;
  readonly signal?: AbortSignal;
}

export type DisposableLanguageModel = TokenLanguageModel & AsyncDisposable;

/** How to write a file. */
export interface TokenFileWriteOptions extends ModelledEcdcOptions {
  readonly languageModel?: TokenLanguageModel | undefined;
}

/** One kind of file. */
export interface TokenFileKind {
  /** Ending of the name, in lower case with its dot. */
  readonly ending: string;
  /** First bytes of every such file; empty when there are none to know it by. */
  readonly magic: Uint8Array;
  /** Whether a language model can make such files smaller. */
  readonly takesLanguageModel?: true;
  /** Writes pieces of one signal's tokens as the bytes of a file. */
  write(pieces: AsyncIterable<TokenFrames>, options: TokenFileWriteOptions): AsyncGenerator<Uint8Array, void>;
  /** @throws {ContainerError} when the bytes are not of this kind, or damaged */
  open(bytes: FileBytes["bytes"], options: TokenFileOptions): Promise<TokenFile>;
}
