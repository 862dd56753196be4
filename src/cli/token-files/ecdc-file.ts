/** `.ecdc`: PyPI encodec's format. It says at its start how long the signal is, so files are held whole. */
import { concatBytes } from "../../audio/files/byte-reader";
import { magic } from "../../container/ecdc/header";
import { readEcdc, writeEcdc } from "../../container/ecdc/index";
import { sliceTokens } from "../../streaming/slices";
import { concatTokenFrames } from "../../tokens/concat-token-frames";
import type { TokenFileKind } from "./token-file";

export const ecdcFile: TokenFileKind = {
  ending: ".ecdc",
  magic,
  async *write(pieces) {
    yield writeEcdc(concatTokenFrames(await collect(pieces)));
  },
  async open(bytes) {
    const tokens = readEcdc(concatBytes(await collect(bytes)), "not in the file");
    const hopLength = Math.round(tokens.sampleRate / tokens.frameRate);
    const { codes: _, ...header } = tokens;
    return {
      header,
      metadata: {},
      tokens: (revision) => sliceTokens({ ...tokens, revision }, hopLength),
    };
  },
};

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}
