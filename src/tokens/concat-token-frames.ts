/** Joining tokens that came in pieces. */
import { assertSameFormat, type TokenFrames } from "./token-frames";

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
  for (const piece of pieces) assertSameFormat(first, piece);
  const codes = new Uint16Array(pieces.reduce((sum, piece) => sum + piece.codes.length, 0));
  let offset = 0;
  for (const piece of pieces) {
    codes.set(piece.codes, offset);
    offset += piece.codes.length;
  }
  return { ...first, numSamples: pieces.reduce((sum, piece) => sum + piece.numSamples, 0), codes };
}
