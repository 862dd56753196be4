/** `.lyra`: packets of Lyra V2, one behind the other. Files are held whole: their length helps to tell their rate. */
import { readLyra, writeLyra } from "../../container/lyra/index";
import { lyraStagesAt } from "../../container/lyra/packet";
import { concatBytes } from "../../kernels/concat";
import { sliceTokens } from "../../streaming/slices";
import { hopLengthOf } from "../../tokens/token-frames";
import { UsageError } from "../exit-codes";
import type { TokenFileKind } from "./token-file";

export const lyraFile: TokenFileKind = {
  ending: ".lyra",
  magic: new Uint8Array(0),
  async *write(pieces) {
    for await (const piece of pieces) yield writeLyra(piece);
  },
  async open(bytes, { bitsPerSecond }) {
    if (bitsPerSecond !== undefined && lyraStagesAt(bitsPerSecond) === undefined) {
      throw new UsageError(`"--bitrate" expected 3.2, 6 or 9.2 kbit/s for Lyra's packets, got ${bitsPerSecond / 1000}`);
    }
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
