/** The inverse spline against the spline itself, computed in double precision. */
import { describe, expect, it } from "vitest";
import { inverseSpline } from "../../../src/graph/blocks/rational-quadratic-spline";
import { symbol } from "../../../src/graph/dimension";
import { batch, GraphBuilder } from "../../../src/graph/graph-builder";
import { trim } from "../../../src/graph/ops/shape";
import { runNetwork } from "../../helpers/run-network";
import { noise } from "../../helpers/synth-audio";

const numBins = 10;
const numParameters = 3 * numBins - 1;
const tailBound = 5;

function sizes(logits: readonly number[]): number[] {
  const powers = logits.map(Math.exp);
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => 2 * tailBound * (1e-3 + ((1 - 1e-3 * numBins) * power) / sum));
}

/** The spline forwards, by equation 4 of the paper. */
function spline(x: number, parameters: readonly number[]): number {
  if (Math.abs(x) > tailBound) return x;
  const widths = sizes(parameters.slice(0, numBins));
  const heights = sizes(parameters.slice(numBins, 2 * numBins));
  const slopes = [1, ...parameters.slice(2 * numBins).map((s) => 1e-3 + Math.log1p(Math.exp(s))), 1];
  let [bin, left, bottom] = [0, -tailBound, -tailBound];
  while (bin < numBins - 1 && x >= left + (widths[bin] as number)) {
    left += widths[bin] as number;
    bottom += heights[bin] as number;
    bin++;
  }
  const [width, height, before, after] = [widths[bin], heights[bin], slopes[bin], slopes[bin + 1]] as number[];
  const steepness = (height as number) / (width as number);
  const t = (x - left) / (width as number);
  const bent = steepness + ((before as number) + (after as number) - 2 * steepness) * t * (1 - t);
  return bottom + ((height as number) * (steepness * t * t + (before as number) * t * (1 - t))) / bent;
}

describe("inverseSpline", () => {
  it("finds where the spline takes each value, in the bins and in the tails", async () => {
    const graph = new GraphBuilder({ name: "spline", form: "offline" });
    const rows = graph.input("rows", [batch, symbol("F"), 1 + numParameters]);
    const part = (from: number, length: number) => trim(rows, 2, from, 1 + numParameters - from - length);
    const parameters = {
      widths: part(1, numBins),
      heights: part(1 + numBins, numBins),
      slopes: part(1 + 2 * numBins, numBins - 1),
    };
    const network = graph.build({ x: inverseSpline(part(0, 1), parameters, tailBound) });
    const places = Array.from({ length: 121 }, (_, index) => (index - 60) / 10);
    const values = places.flatMap((x, index) => {
      const drawn = [...noise(numParameters, 100 + index, 1)];
      return [spline(x, drawn), ...drawn];
    });
    const { x: found = new Float32Array() } = await runNetwork(network, Float32Array.from(values), 1 + numParameters);
    // Compared by what the spline makes of the places found: where it is flat, rounding moves a place far.
    const worst = Math.max(
      ...places.map((_, index) => {
        const [y = 0, ...drawn] = values.slice(index * (1 + numParameters), (index + 1) * (1 + numParameters));
        return Math.abs(spline(found[index] ?? Number.NaN, drawn) - y);
      }),
    );
    // Sums of ten numbers up to 5 in float32. The identity is off by more than 1.
    expect(worst).toBeLessThan(1e-5);
    expect(
      Math.max(...places.map((x, index) => Math.abs(x - (values[index * (1 + numParameters)] ?? 0)))),
    ).toBeGreaterThan(1);
  });
});
