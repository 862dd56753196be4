/**
 * The inverse of a monotonic spline of rational quadratic pieces, with parameters for every number.
 *
 * Source   Durkan, Bekasov, Murray and Papamakarios 2019, "Neural Spline Flows", section 3.1; equations 6 to 8 for the
 *          inverse, with the identity as tails
 */
import type { Operand } from "../graph-builder";
import { softmax, softplus } from "../ops/activation";
import { add, multiply } from "../ops/elementwise";
import { matmul } from "../ops/linear";
import { pad, trim } from "../ops/shape";

export interface SplineParameters {
  /** Before softmax [..., bins]. */
  readonly widths: Operand;
  /** Before softmax [..., bins]. */
  readonly heights: Operand;
  /** Slopes between bins, before softplus [..., bins - 1]; at the ends the slope is that of the tails. */
  readonly slopes: Operand;
}

/** No bin is narrower or lower than this part of the whole, no slope smaller. */
const minPart = 1e-3;
const minSlope = 1e-3;

/**
 * The x for which the spline gives `y`.
 *
 * Shapes   y [..., 1]; result [..., 1]
 * Numerics bins are found by comparison, so `y` on an edge belongs to the bin above it
 * @param tailBound  the spline maps [-tailBound, tailBound] to itself; beyond it is the identity
 */
export function inverseSpline(y: Operand, parameters: SplineParameters, tailBound: number): Operand {
  const { graph } = y;
  const bounded = binary("Min", binary("Max", y, graph.number(-tailBound)), graph.number(tailBound));
  const widths = binSizes(parameters.widths, tailBound);
  const heights = binSizes(parameters.heights, tailBound);
  const lefts = binEdges(widths, "lefts", tailBound);
  const bottoms = binEdges(heights, "bottoms", tailBound);
  const slopes = binary("Add", softplus(parameters.slopes), graph.number(minSlope));
  const { first, last, ones } = binConstants(widths);
  const chosen = chooseBin(bounded, bottoms, first);
  const pick = (values: Operand): Operand => matmul(multiply(chosen, values), ones);
  const [width, height] = [pick(widths), pick(heights)];
  const [left, bottom] = [pick(lefts), pick(bottoms)];
  const slopeBefore = pick(add(pad(slopes, axisOf(slopes), 1, 0), first));
  const slopeAfter = pick(add(pad(slopes, axisOf(slopes), 0, 1), last));
  const steepness = binary("Div", height, width);
  const rise = binary("Sub", bounded, bottom);
  const curvature = binary("Sub", add(slopeBefore, slopeAfter), binary("Mul", steepness, graph.number(2)));
  const bent = multiply(rise, curvature);
  const a = add(multiply(height, binary("Sub", steepness, slopeBefore)), bent);
  const b = binary("Sub", multiply(height, slopeBefore), bent);
  const c = binary("Mul", multiply(steepness, rise), graph.number(-1));
  const discriminant = binary("Sub", multiply(b, b), binary("Mul", multiply(a, c), graph.number(4)));
  // Rounding may take it below zero where the piece is a straight line.
  const root = graph.node("Sqrt", [binary("Max", discriminant, graph.number(0))], y.shape);
  const place = binary("Div", binary("Mul", c, graph.number(-2)), add(b, root));
  const inside = add(multiply(place, width), left);
  const isInside = graph.node("Equal", [bounded, y], y.shape);
  return graph.node("Where", [isInside, inside, y], y.shape);
}

/** Sizes of the bins, which fill the interval. */
function binSizes(logits: Operand, tailBound: number): Operand {
  const { graph } = logits;
  const numBins = logits.shape.at(-1) as number;
  const parts = softmax(logits, axisOf(logits));
  const kept = binary("Mul", parts, graph.number(2 * tailBound * (1 - minPart * numBins)));
  return binary("Add", kept, graph.number(2 * tailBound * minPart));
}

/** The lower edge of each bin: the sum of the bins before it, from -tailBound on. */
function binEdges(sizes: Operand, name: string, tailBound: number): Operand {
  const { graph } = sizes;
  const numBins = sizes.shape.at(-1) as number;
  const sums = graph.constant(name, [numBins, numBins], (into) => {
    for (let bin = 0; bin < numBins; bin++) into.fill(1, bin * numBins + bin + 1, (bin + 1) * numBins);
  });
  return binary("Sub", matmul(sizes, sums), graph.number(tailBound));
}

/** 1 for the bin that `y` lies in and 0 for the others. [..., 1] -> [..., bins]. */
function chooseBin(y: Operand, bottoms: Operand, first: Operand): Operand {
  const { graph } = y;
  const axis = axisOf(bottoms);
  const inner = trim(bottoms, axis, 1, 0);
  const isReached = graph.node("GreaterOrEqual", [y, inner], inner.shape);
  const reached = graph.node("Cast", [isReached], inner.shape, { to: 1 });
  return binary("Sub", add(pad(reached, axis, 1, 0), first), pad(reached, axis, 0, 1));
}

/** Rows with a 1 for the first bin and for the last one, and a column of ones. */
function binConstants({ graph, shape }: Operand): { first: Operand; last: Operand; ones: Operand } {
  const numBins = shape.at(-1) as number;
  return {
    first: graph.constant("first", [numBins], (into) => into.fill(1, 0, 1)),
    last: graph.constant("last", [numBins], (into) => into.fill(1, numBins - 1)),
    ones: graph.constant("ones", [numBins, 1], (into) => into.fill(1)),
  };
}

/** An op on numbers at the same places, or on each number and a single one. */
function binary(opType: string, left: Operand, right: Operand): Operand {
  return left.graph.node(opType, [left, right], left.shape);
}

function axisOf(x: Operand): number {
  return x.shape.length - 1;
}
