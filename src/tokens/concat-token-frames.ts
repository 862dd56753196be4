/** Joining tokens that came in pieces. */
import { TokenError } from "../errors";
import { segmentStride } from "./segmentation";
import { assertSameFormat, hopLengthOf, numFrames, type TokenFrames } from "./token-frames";

/**
 * Joins consecutive pieces of one signal into one.
 *
 * Shapes   `codes` of the result is [ΣF, C, K], `scales` [ΣS, C]
 * @throws {RangeError} when there is no piece
 * @throws {TokenError} code `codec-mismatch` when the pieces are of different codecs or shapes, code `shape-mismatch` when
 *   frames follow a piece whose last frame was cut short: those are two signals
 */
export function concatTokenFrames(pieces: readonly TokenFrames[]): TokenFrames {
  const first = pieces[0];
  if (first === undefined) throw new RangeError('"pieces" expected at least one, got none');
  for (const piece of pieces) assertSameFormat(first, piece);
  assertOnlyLastCutShort(pieces);
  const codes = new Uint16Array(pieces.reduce((sum, piece) => sum + piece.codes.length, 0));
  let offset = 0;
  for (const piece of pieces) {
    codes.set(piece.codes, offset);
    offset += piece.codes.length;
  }
  const scales = first.segmentation && Float32Array.from(pieces.flatMap((piece) => [...(piece.scales ?? [])]));
  const numSamples = pieces.reduce((sum, piece) => sum + piece.numSamples, 0);
  const lostFrames = pieces.some((piece) => piece.lostFrames !== undefined)
    ? Uint8Array.from(pieces.flatMap((piece) => [...(piece.lostFrames ?? new Uint8Array(numFrames(piece)))]))
    : undefined;
  return { ...first, numSamples, codes, ...(scales && { scales }), ...(lostFrames && { lostFrames }) };
}

function assertOnlyLastCutShort(pieces: readonly TokenFrames[]): void {
  const withFrames = pieces.filter((piece) => piece.codes.length > 0);
  for (const piece of withFrames.slice(0, -1)) {
    const { segmentation, scales, numChannels } = piece;
    const expected =
      segmentation === undefined
        ? numFrames(piece) * hopLengthOf(piece)
        : ((scales?.length ?? 0) / numChannels) * segmentStride(segmentation);
    if (piece.numSamples !== expected) {
      throw new TokenError(
        "shape-mismatch",
        `"numSamples" expected ${expected} of a piece before the last, got ${piece.numSamples}; join pieces of one signal, in order`,
        { expected, actual: piece.numSamples },
      );
    }
  }
}
