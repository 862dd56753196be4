/** Joining tokens that came in pieces. */
import { TokenError } from "../errors";
import type { TokenFrames } from "./token-frames";

const identityFields = [
  "codec",
  "revision",
  "sampleRate",
  "frameRate",
  "numChannels",
  "numCodebooks",
  "codebookSize",
] as const;

/**
 * Joins consecutive pieces of one signal into one.
 *
 * Shapes   `codes` of the result is [ΣF, C, K]
 * @throws {RangeError} when there is no piece
 * @throws {TokenError} code `codec-mismatch` when the pieces are of different codecs or shapes
 */
export function concatTokenFrames(pieces: readonly TokenFrames[]): TokenFrames {
  const first = pieces[0];
  if (first === undefined) throw new RangeError('"pieces" expected at least one, got none');
  for (const piece of pieces) {
    for (const field of identityFields) {
      if (piece[field] !== first[field]) {
        throw new TokenError(
          "codec-mismatch",
          `"${field}" expected ${first[field]} like the first piece, got ${piece[field]}; join pieces of one signal only`,
          { expected: first[field], actual: piece[field] },
        );
      }
    }
  }
  const codes = new Uint16Array(pieces.reduce((sum, piece) => sum + piece.codes.length, 0));
  let offset = 0;
  for (const piece of pieces) {
    codes.set(piece.codes, offset);
    offset += piece.codes.length;
  }
  return { ...first, numSamples: pieces.reduce((sum, piece) => sum + piece.numSamples, 0), codes };
}
