/** Files of tokens: which kinds there are, and of which kind a file is. */
import type { FileBytes } from "../audio/files/audio-files";
import { ByteReader } from "../audio/files/byte-reader";
import type { TokenFrames } from "../tokens/token-frames";
import { UsageError } from "./exit-codes";
import { ecdcFile } from "./token-files/ecdc-file";
import { lyraFile } from "./token-files/lyra-file";
import { qtnFile } from "./token-files/qtn-file";
import type { TokenFile, TokenFileKind, TokenFileOptions, TokenFileWriteOptions } from "./token-files/token-file";

const READ_BYTES = 1 << 16;

/** All kinds; the first is that of files whose name and bytes say nothing. */
const tokenFileKinds: readonly [TokenFileKind, ...TokenFileKind[]] = [qtnFile, ecdcFile, lyraFile];

/** The endings of all kinds, for messages: `.qtn, .ecdc, or .lyra`. */
export const tokenFileEndings = new Intl.ListFormat("en", { type: "disjunction" }).format(
  tokenFileKinds.map(({ ending }) => ending),
);

/** Writes pieces of tokens as bytes of the kind that the name asks for. */
export function writeTokenFile(
  path: string,
  pieces: AsyncIterable<TokenFrames>,
  options: TokenFileWriteOptions,
): AsyncGenerator<Uint8Array, void> {
  return kindToWrite(path).write(pieces, options);
}

/** @throws {UsageError} when files of the kind that the name asks for take no language model */
export function assertTakesLanguageModel(path: string): void {
  if (kindToWrite(path).takesLanguageModel === true) return;
  throw new UsageError(`"--lm" expected an output that ends in .ecdc, got ${path}; leave it out, or name the file so`);
}

function kindToWrite(path: string): TokenFileKind {
  return kindByName(path) ?? tokenFileKinds[0];
}

/**
 * Opens a file of tokens: of the kind that its first bytes show, or else its name.
 *
 * @throws {ContainerError} when the bytes are not what the name says, or damaged
 */
export async function openTokenFile(
  path: string,
  bytes: FileBytes["bytes"],
  options: TokenFileOptions,
): Promise<TokenFile> {
  const reader = new ByteReader(bytes);
  const longestMagic = Math.max(...tokenFileKinds.map(({ magic }) => magic.length));
  const kind = kindByMagic(await reader.peek(longestMagic)) ?? kindByName(path) ?? tokenFileKinds[0];
  return kind.open(remaining(reader), options);
}

function kindByName(path: string): TokenFileKind | undefined {
  const name = path.toLowerCase();
  return tokenFileKinds.find(({ ending }) => name.endsWith(ending));
}

function kindByMagic(start: Uint8Array): TokenFileKind | undefined {
  return tokenFileKinds.find(({ magic }) => magic.length > 0 && magic.every((byte, at) => start[at] === byte));
}

async function* remaining(reader: ByteReader): AsyncGenerator<Uint8Array, void> {
  try {
    for (;;) {
      const bytes = await reader.readSome(READ_BYTES);
      if (bytes.length === 0) return;
      yield bytes;
    }
  } finally {
    await reader.close();
  }
}
