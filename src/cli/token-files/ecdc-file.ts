/** `.ecdc`: PyPI encodec's format. It says at its start how long the signal is, so files are held whole. */
import { magic } from "../../container/ecdc/header";
import {
  type EcdcCoding,
  readEcdc,
  readEcdcInfo,
  readModelledEcdc,
  writeEcdc,
  writeModelledEcdc,
} from "../../container/ecdc/index";
import { concatBytes } from "../../kernels/concat";
import { sliceTokens } from "../../streaming/slices";
import { concatTokenFrames } from "../../tokens/concat-token-frames";
import { hopLengthOf, type TokenFrames } from "../../tokens/token-frames";
import { UsageError } from "../exit-codes";
import type { TokenFileKind, TokenFileOptions } from "./token-file";

export const ecdcFile: TokenFileKind = {
  ending: ".ecdc",
  magic,
  takesLanguageModel: true,
  async *write(pieces, { languageModel, ...options }) {
    const tokens = concatTokenFrames(await collect(pieces));
    yield languageModel === undefined ? writeEcdc(tokens) : await writeModelledEcdc(tokens, languageModel, options);
  },
  async open(bytes, options) {
    const file = concatBytes(await collect(bytes));
    const { format, numFrames, numSamples, coding } = readEcdcInfo(file, "not in the file");
    return {
      header: format,
      metadata: coding.kind === "packed" ? {} : { model: describeCoding(coding) },
      needsLanguageModel: coding.kind !== "packed",
      length: { numFrames, numSamples },
      async *tokens(revision) {
        const tokens =
          coding.kind === "packed" ? readEcdc(file, revision) : await readWithModel(file, revision, options);
        yield* sliceTokens(tokens, hopLengthOf(tokens));
      },
    };
  },
};

async function readWithModel(
  file: Uint8Array,
  revision: string,
  { loadLanguageModel, signal }: TokenFileOptions,
): Promise<TokenFrames> {
  if (loadLanguageModel === undefined) {
    throw new UsageError("the file was written with a language model; say where that is with --lm");
  }
  await using languageModel = await loadLanguageModel(readEcdcInfo(file, revision).format.codec);
  return await readModelledEcdc(file, revision, languageModel, signal && { signal });
}

function describeCoding(coding: EcdcCoding): string {
  return coding.kind === "integer"
    ? `language model ${coding.modelRevision}, in integers`
    : "language model in floats; damage shows when it is decoded";
}

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}
