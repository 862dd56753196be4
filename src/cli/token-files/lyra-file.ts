/** `.lyra`: packets of Lyra V2, one behind the other. Files are held whole: their length helps to tell their rate. */
import { concatBytes } from "../../audio/files/byte-reader";
import { readLyra, writeLyra } from "../../container/lyra/index";
import { sliceTokens } from "../../streaming/slices";
import { hopLengthOf } from "../../tokens/token-frames";
import type { TokenFileKind } from "./token-file";

export const lyraFile: TokenFileKind = {
  ending: ".lyra",
  magic: new Uint8Array(0),
  async *write(pieces) {
    for await (const piece of pieces) yield writeLyra(piece);
  },
  async open(bytes, { bitsPerSecond }) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of bytes) chunks.push(chunk);
    const tokens = readLyra(concatBytes(chunks), { revision: "not in the file", bitsPerSecond });
    const { codes: _, ...header } = tokens;
    return {
      header,
      metadata: {},
      tokens: (revision) => sliceTokens({ ...tokens, revision }, hopLengthOf(tokens)),
    };
  },
};
