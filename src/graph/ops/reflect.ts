/**
 * Rows that reflect padding puts at the ends of axis 1, worked out from however many rows there are when the network runs.
 *
 * All follow PyTorch's `reflect` with the rule that EnCodec adds for signals shorter than the padding: what is missing
 * counts as zeros.
 */
import { shiftDimension } from "../dimension";
import type { Operand } from "../graph-builder";

/**
 * Rows `length` ... 1 of `x`: the mirror image of its start, without the first row. Rows that `x` does not have are zeros.
 *
 * Shapes   x [B, F, C]; result [B, length, C]
 */
export function mirroredStart(x: Operand, length: number): Operand {
  const { graph } = x;
  const [batchSize = 1, , channels = 1] = x.shape;
  const [zero, one, top] = [graph.integers([0]), graph.integers([1]), graph.integers([length])];
  // Slices end where the axis ends, so this is shorter for a short `x`: the zeros behind it make up for that.
  const head = graph.node("Slice", [x, zero, graph.integers([length + 1]), one], [batchSize, length + 1, channels]);
  const pads = graph.integers([0, 0, 0, 0, length, 0]);
  const filled = graph.node("Pad", [head, pads], [batchSize, 2 * length + 1, channels]);
  return graph.node("Slice", [filled, top, zero, one, graph.integers([-1])], [batchSize, length, channels]);
}

/**
 * The rows that fill the last block of `stride` rows: the mirror image of the end, without the last row. No rows when
 * `x` is whole blocks, which it is in the symbols of its shape; zeros when `x` is the whole signal and shorter than a
 * block.
 *
 * Shapes   x [B, F, C], past [B, P, C] the rows before `x` with P >= stride; result [B, 0 to stride - 1, C]
 * @param started  1 where rows lie before `x`, 0 where the signal starts with it [B, 1, 1]; 0 when left out
 */
export function mirroredEnd(x: Operand, past: Operand, stride: number, started: Operand | undefined): Operand {
  const { graph } = x;
  const [batchSize = 1, , channels = 1] = x.shape;
  const axis = graph.integers([1]);
  const numRows = graph.node("Shape", [x], [1], { start: 1, end: 2 });
  const numMissing = graph.node("Mod", [graph.node("Neg", [numRows], [1]), graph.integers([stride])], [1]);
  const backwards = graph.integers(Array.from({ length: stride - 1 }, (_, index) => -2 - index));
  const zero = graph.integers([0]);
  const order = graph.node("Slice", [backwards, zero, numMissing, zero], [0]);
  const bounds = [graph.integers([-stride]), graph.integers([Number.MAX_SAFE_INTEGER]), axis];
  const recent = graph.node("Slice", [x, ...bounds], [batchSize, stride, channels]);
  const source = graph.node("Concat", [past, recent], [batchSize, 2 * stride, channels], { axis: 1 });
  const mirrored = graph.node("Gather", [source, order], [batchSize, 0, channels], { axis: 1 });
  return graph.node("Mul", [mirrored, mirrorGain(numRows, stride, started)], [batchSize, 0, channels]);
}

/**
 * `x` between its mirror images, which leave out the rows at the ends: `before` rows in front, `behind` rows behind, and
 * behind those what is missing of the last block of `stride` rows. A signal that is no longer than such an image is first
 * filled up with zeros, which count as rows of it; of what that makes longer the end is cut off.
 *
 * Shapes   x [B, F, C], F whole blocks in the symbols of its shape; result [B, before + F + behind, C]
 */
export function mirroredAround(x: Operand, before: number, behind: number, stride: number): Operand {
  const { graph } = x;
  const [batchSize = 1, frames = 1, channels = 1] = x.shape;
  const shape = [batchSize, shiftDimension(frames, before + behind), channels];
  const number = (value: number): Operand => graph.integers([value]);
  const calculate = (opType: string, ...operands: Operand[]): Operand => graph.node(opType, operands, [1]);
  const padsOf = (first: number, last: Operand): Operand =>
    graph.node("Concat", [graph.integers([0, first, 0, 0]), last, number(0)], [6], { axis: 0 });
  const numRows = graph.node("Shape", [x], [1], { start: 1, end: 2 });
  const numMissing = calculate("Mod", calculate("Neg", numRows), number(stride));
  const numBehind = calculate("Add", numMissing, number(behind));
  const longest = calculate("Max", numBehind, number(before));
  const tooShortBy = calculate("Max", calculate("Sub", calculate("Add", longest, number(1)), numRows), number(0));
  const filled = graph.node("Pad", [x, padsOf(0, tooShortBy)], x.shape);
  const mirrored = graph.node("Pad", [filled, padsOf(before, numBehind)], shape, { mode: { text: "reflect" } });
  const end = calculate("Add", calculate("Add", numRows, numBehind), number(before));
  return graph.node("Slice", [mirrored, number(0), end, number(1)], shape);
}

/** 0 when the whole signal fits in one block, else 1. */
function mirrorGain(numRows: Operand, stride: number, started: Operand | undefined): Operand {
  const { graph } = numRows;
  const surplus = graph.node("Sub", [graph.node("Cast", [numRows], [1], { to: 1 }), graph.number(stride)], [1]);
  const evidence = started === undefined ? surplus : graph.node("Max", [surplus, started], started.shape);
  return graph.node(
    "Min",
    [graph.node("Max", [evidence, graph.number(0)], evidence.shape), graph.number(1)],
    evidence.shape,
  );
}
