/** Files of tokens by their name: `.ecdc` is PyPI encodec's format, everything else is this package's container. */
import type { FileBytes } from "../audio/files/audio-files";
import { ContainerReader, type ContainerStreamOptions } from "../container/container-stream";
import { writeContainerStream } from "../container/container-writer";
import { readEcdc, writeEcdc } from "../container/ecdc/index";
import { sliceTokens } from "../streaming/slices";
import { concatTokenFrames } from "../tokens/concat-token-frames";
import type { TokenFormat, TokenFrames } from "../tokens/token-frames";

/** A file of tokens that is open. */
export interface TokenFile {
  readonly header: TokenFormat;
  /**
   * The tokens, piece by piece; can be gone through once.
   *
   * @param revision  of the weights that will decode them, for files that do not name any
   */
  tokens(revision: string): AsyncIterable<TokenFrames> | Iterable<TokenFrames>;
}

/**
 * Writes pieces of tokens as bytes of a file. An `.ecdc` file says at its start how long the signal is, so its tokens are
 * held until the last one is there.
 */
export async function* writeTokenFile(
  path: string,
  pieces: AsyncIterable<TokenFrames>,
): AsyncGenerator<Uint8Array, void> {
  if (!isEcdc(path)) return yield* writeContainerStream(pieces);
  const held: TokenFrames[] = [];
  for await (const piece of pieces) held.push(piece);
  yield writeEcdc(concatTokenFrames(held));
}

/**
 * Opens a file of tokens.
 *
 * @throws {ContainerError} when the bytes are not what the name says, or damaged
 */
export async function openTokenFile(
  path: string,
  bytes: FileBytes["bytes"],
  options: ContainerStreamOptions,
): Promise<TokenFile> {
  if (!isEcdc(path)) {
    const reader = await ContainerReader.open(bytes, options);
    return { header: reader.header, tokens: () => reader };
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  const tokens = readEcdc(new Uint8Array(Buffer.concat(chunks)), "not in the file");
  const hopLength = Math.round(tokens.sampleRate / tokens.frameRate);
  return { header: tokens, tokens: (revision) => sliceTokens({ ...tokens, revision }, hopLength) };
}

function isEcdc(path: string): boolean {
  return path.toLowerCase().endsWith(".ecdc");
}
