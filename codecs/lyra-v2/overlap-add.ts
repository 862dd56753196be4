/** What frames of a transposed convolution add to the frames behind them. */

import { leftContext } from "../../src/graph/blocks/left-context";
import { divideDimension, multiplyDimension } from "../../src/graph/dimension";
import type { Operand } from "../../src/graph/graph-builder";
import { add } from "../../src/graph/ops/elementwise";
import { concat, reshape, trim } from "../../src/graph/ops/shape";

/** How long frames are. */
export interface OverlapSizes {
  /** Rows of one frame, with those that lie on the next frame. */
  readonly frameRows: number;
  /** Rows that lie on the next frame. */
  readonly overlapRows: number;
  /** In every row of every frame once; counts once in the sum [C]. */
  readonly bias: Float32Array;
}

/**
 * Adds the end of each frame to the start of the next; the last frame's waits for the next call.
 *
 * Shapes   x [B, F frameRows, C]; result [B, F (frameRows - overlapRows), C]
 */
export function overlapAdd(x: Operand, { frameRows, overlapRows, bias }: OverlapSizes): Operand {
  const { graph } = x;
  const [batchSize = 1, rows = 1] = x.shape;
  const channels = x.shape[2] as number;
  const frames = divideDimension(rows, frameRows);
  const hopRows = frameRows - overlapRows;
  if (frames === undefined || overlapRows > hopRows) {
    throw graph.error("unsupported-op", `frames of ${frameRows} rows expected an overlap of half, got ${overlapRows}`);
  }
  const framed = reshape(x, [batchSize, frames, frameRows * channels]);
  const overlap = overlapRows * channels;
  const ends = trim(framed, 2, hopRows * channels, 0);
  const offsets = graph.constant("bias", [overlap], (into) => {
    for (let at = 0; at < overlap; at++) into[at] = bias[at % channels] as number;
  });
  const unbiased = graph.node("Sub", [ends, offsets], ends.shape);
  const before = trim(leftContext(unbiased, 1), 1, 0, 1);
  const starts = add(trim(framed, 2, 0, hopRows * channels), before);
  const parts: [Operand, ...Operand[]] = [starts];
  if (hopRows > overlapRows) parts.push(trim(framed, 2, overlap, overlap));
  return reshape(concat(parts, 2), [batchSize, multiplyDimension(frames, hopRows), channels]);
}
