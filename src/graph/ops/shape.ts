/** Ops that move numbers without changing them. */
import {
  addDimensions,
  type Dimension,
  formatShape,
  isSameDimension,
  isSameShape,
  type Shape,
  shiftDimension,
} from "../dimension";
import type { Operand } from "../graph-builder";

/** "To the end" for a slice: ONNX clamps it to the axis. */
const sliceToEnd = Number.MAX_SAFE_INTEGER;

/** One operand behind the other along an axis; the other axes must be equal. */
export function concat(operands: readonly [Operand, ...Operand[]], axis: number): Operand {
  const [first, ...others] = operands;
  let total = first.shape[axis];
  for (const operand of others) {
    const size = operand.shape[axis];
    const sum = total === undefined || size === undefined ? undefined : addDimensions(total, size);
    if (sum === undefined || !isSameShape(without(first.shape, axis), without(operand.shape, axis))) {
      throw first.graph.error(
        "shape-mismatch",
        `Concat on axis ${axis} expected shapes that differ there only, got ${formatShape(first.shape)} and ${formatShape(operand.shape)}`,
      );
    }
    total = sum;
  }
  if (total === undefined)
    throw first.graph.error("shape-mismatch", `Concat: ${formatShape(first.shape)} has no axis ${axis}`);
  return others.length === 0
    ? first
    : first.graph.node("Concat", operands, withSize(first.shape, axis, total), { axis });
}

/** Part of an axis: `skipStart` entries are dropped at its start and `skipEnd` at its end. */
export function trim(x: Operand, axis: number, skipStart: number, skipEnd: number): Operand {
  const size = x.shape[axis];
  if (size === undefined || skipStart < 0 || skipEnd < 0 || (typeof size === "number" && skipStart + skipEnd >= size)) {
    throw x.graph.error(
      "shape-mismatch",
      `Slice expected more than ${skipStart} + ${skipEnd} entries on axis ${axis}, got ${formatShape(x.shape)}`,
    );
  }
  if (skipStart === 0 && skipEnd === 0) return x;
  return slice(x, axis, skipStart, skipEnd === 0 ? sliceToEnd : -skipEnd, shiftDimension(size, -skipStart - skipEnd));
}

/** The last `length` entries of an axis. */
export function last(x: Operand, axis: number, length: number): Operand {
  const size = x.shape[axis];
  if (size === undefined || length < 1 || (typeof size === "number" && length > size)) {
    throw x.graph.error(
      "shape-mismatch",
      `Slice expected at least ${length} entries on axis ${axis}, got ${formatShape(x.shape)}`,
    );
  }
  return slice(x, axis, -length, sliceToEnd, length);
}

/** Zeros in front of an axis. */
export function padStart(x: Operand, axis: number, length: number): Operand {
  return pad(x, axis, length, 0);
}

/** Zeros in front of an axis and behind it. */
export function pad(x: Operand, axis: number, start: number, end: number): Operand {
  const size = x.shape[axis];
  if (size === undefined || start < 0 || end < 0) {
    const lengths = end === 0 ? start : `${start} and ${end}`;
    throw x.graph.error(
      "shape-mismatch",
      `Pad expected an axis ${axis} and a length >= 0, got ${formatShape(x.shape)} and ${lengths}`,
    );
  }
  if (start === 0 && end === 0) return x;
  const rank = x.shape.length;
  const pads = Array.from({ length: 2 * rank }, (_, index) => {
    if (index % rank !== axis) return 0;
    return index < rank ? start : end;
  });
  return x.graph.node("Pad", [x, x.graph.integers(pads)], withSize(x.shape, axis, shiftDimension(size, start + end)));
}

/** The entries of an axis in the opposite order. */
export function reverse(x: Operand, axis: number): Operand {
  const { graph } = x;
  if (x.shape[axis] === undefined) {
    throw graph.error("shape-mismatch", `Slice expected an axis ${axis}, got ${formatShape(x.shape)}`);
  }
  const bounds = [[-1], [-sliceToEnd], [axis], [-1]].map((values) => graph.integers(values));
  return graph.node("Slice", [x, ...bounds], x.shape);
}

/**
 * The same numbers in row-major order under another shape.
 * At most one size may be symbolic without standing at the same axis of `x`: it is the one that the runtime works out.
 */
export function reshape(x: Operand, shape: Shape): Operand {
  if (!hasSameVolume(x.shape, shape)) {
    throw x.graph.error(
      "shape-mismatch",
      `Reshape expected the volume of ${formatShape(x.shape)}, got ${formatShape(shape)}`,
    );
  }
  const target = shape.map((dimension, axis) => {
    if (typeof dimension === "number") return dimension;
    const before = x.shape[axis];
    return before !== undefined && isSameDimension(before, dimension) ? 0 : -1;
  });
  if (target.filter((size) => size === -1).length > 1) {
    throw x.graph.error(
      "unsupported-op",
      `Reshape from ${formatShape(x.shape)} to ${formatShape(shape)} leaves two sizes open`,
    );
  }
  return x.graph.node("Reshape", [x, x.graph.integers(target)], shape);
}

/** The axes in another order: axis `order[i]` of `x` becomes axis i. */
export function transpose(x: Operand, order: readonly number[]): Operand {
  const shape = order.map((axis) => x.shape[axis] ?? 0);
  if ([...order].sort((a, b) => a - b).some((axis, index) => axis !== index) || order.length !== x.shape.length) {
    throw x.graph.error(
      "shape-mismatch",
      `Transpose expected an order of all axes of ${formatShape(x.shape)}, got [${order}]`,
    );
  }
  return x.graph.node("Transpose", [x], shape, { perm: order });
}

function slice(x: Operand, axis: number, start: number, end: number, size: Dimension): Operand {
  const bounds = [[start], [end], [axis]].map((values) => x.graph.integers(values));
  return x.graph.node("Slice", [x, ...bounds], withSize(x.shape, axis, size));
}

function without(shape: Shape, axis: number): Shape {
  return shape.filter((_, index) => index !== axis);
}

function withSize(shape: Shape, axis: number, size: Dimension): Shape {
  return shape.map((dimension, index) => (index === axis ? size : dimension));
}

/** Compares products: of plain numbers and what can be factored out of the others, and of what is left of those. */
function hasSameVolume(left: Shape, right: Shape): boolean {
  const volume = (shape: Shape): string => {
    let factor = 1;
    const others: string[] = [];
    for (const size of shape) {
      const content = typeof size === "number" ? size : greatestCommonDivisor(size.factor, Math.abs(size.offset));
      factor *= content;
      if (typeof size === "number") continue;
      others.push(formatShape([{ ...size, factor: size.factor / content, offset: size.offset / content }]));
    }
    return [factor, ...others.sort()].join(" ");
  };
  return volume(left) === volume(right);
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
