/**
 * Rows that reflect padding puts at the ends of axis 1, worked out from however many rows there are when the network runs.
 *
 * Both follow PyTorch's `reflect` with the rule that EnCodec adds for signals shorter than the padding: what is missing
 * counts as zeros.
 */
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
