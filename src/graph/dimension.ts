/**
 * Sizes of operands: plain numbers, or linear expressions of one symbol such as `16*F+2`.
 *
 * A network takes any number of frames, so its shapes are known only up to F (and B). Everything that a causal network
 * does to its frame axis is linear in F: context adds rows, strides divide, upsampling multiplies. That is all this
 * algebra knows, which is why a mistake shows while the network is built and not when it runs.
 */

/** `factor * symbol + offset`, with factor >= 1. */
export interface SymbolicDimension {
  readonly symbol: string;
  readonly factor: number;
  readonly offset: number;
}

export type Dimension = number | SymbolicDimension;
export type Shape = readonly Dimension[];

/** A size known only when the network runs, or a multiple of one: `symbol("F", 320)` is `320*F`. */
export function symbol(name: string, factor = 1): SymbolicDimension {
  return { symbol: name, factor, offset: 0 };
}

/** The size plus a whole number, which may be negative. */
export function shiftDimension(dimension: Dimension, offset: number): Dimension {
  return typeof dimension === "number" ? dimension + offset : { ...dimension, offset: dimension.offset + offset };
}

/** The sum of two sizes; `undefined` when they are of different symbols. */
export function addDimensions(left: Dimension, right: Dimension): Dimension | undefined {
  if (typeof right === "number") return shiftDimension(left, right);
  if (typeof left === "number") return shiftDimension(right, left);
  if (left.symbol !== right.symbol) return undefined;
  return { symbol: left.symbol, factor: left.factor + right.factor, offset: left.offset + right.offset };
}

/** The size times a positive whole number. */
export function multiplyDimension(dimension: Dimension, factor: number): Dimension {
  if (typeof dimension === "number") return dimension * factor;
  return { symbol: dimension.symbol, factor: dimension.factor * factor, offset: dimension.offset * factor };
}

/** The size divided by a positive whole number; `undefined` when that does not come out even for every F. */
export function divideDimension(dimension: Dimension, divisor: number): Dimension | undefined {
  if (typeof dimension === "number") return dimension % divisor === 0 ? dimension / divisor : undefined;
  const { symbol: name, factor, offset } = dimension;
  if (factor % divisor !== 0 || offset % divisor !== 0) return undefined;
  return { symbol: name, factor: factor / divisor, offset: offset / divisor };
}

/** Whether two sizes are equal for every value of their symbols. */
export function isSameDimension(left: Dimension, right: Dimension): boolean {
  if (typeof left === "number" || typeof right === "number") return left === right;
  return left.symbol === right.symbol && left.factor === right.factor && left.offset === right.offset;
}

/** Whether two shapes are equal for every value of their symbols. */
export function isSameShape(left: Shape, right: Shape): boolean {
  return (
    left.length === right.length &&
    left.every((dimension, axis) => {
      const other = right[axis];
      return other !== undefined && isSameDimension(dimension, other);
    })
  );
}

/** The size as it is written into a model: a number, or text such as `16*F+2`. */
export function dimensionLabel(dimension: Dimension): number | string {
  if (typeof dimension === "number") return dimension;
  const { symbol: name, factor, offset } = dimension;
  const multiple = factor === 1 ? name : `${factor}*${name}`;
  if (offset === 0) return multiple;
  return offset > 0 ? `${multiple}+${offset}` : `${multiple}${offset}`;
}

/** A shape for messages: `[B, 16*F, 64]`. */
export function formatShape(shape: Shape): string {
  return `[${shape.map(dimensionLabel).join(", ")}]`;
}
