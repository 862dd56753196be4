/** Ops that bring numbers to a common mean and variance. */
import { formatShape, multiplyDimension } from "../dimension";
import type { Operand } from "../graph-builder";
import { add, multiply } from "./elementwise";
import { reshape } from "./shape";

/**
 * Each row of the last axis with mean 0 and variance 1, then scaled and shifted.
 *
 * Shapes   x [..., C], gain [C], bias [C]; result [..., C]
 * Source   Ba, Kiros and Hinton 2016
 */
export function layerNorm(x: Operand, gain: Operand, bias: Operand, epsilon: number): Operand {
  const width = x.shape.at(-1);
  for (const { shape } of [gain, bias]) {
    if (shape.length === 1 && shape[0] === width) continue;
    throw x.graph.error(
      "shape-mismatch",
      `LayerNormalization expected gain and bias for ${formatShape(x.shape)}, got ${formatShape(shape)}`,
    );
  }
  const attributes = { axis: -1, epsilon: { float: epsilon } };
  return x.graph.node("LayerNormalization", [x, gain, bias], x.shape, attributes);
}

/**
 * Each signal of a batch with mean 0 and variance 1 over all its frames and channels, then each channel scaled and
 * shifted: group normalization with one group.
 *
 * Shapes   x [B, F, C], gain [C], bias [C]; result [B, F, C]
 * Numerics the variance is raised by 1e-5
 * Source   Wu and He 2018
 */
export function signalNorm(x: Operand, gain: Operand, bias: Operand): Operand {
  const [batchSize = 1, frames = 1, channels = 1] = x.shape;
  const { graph } = x;
  if (typeof channels !== "number") {
    throw graph.error("shape-mismatch", `normalization expected [B, F, C] with known C, got ${formatShape(x.shape)}`);
  }
  const whole = reshape(x, [batchSize, 1, multiplyDimension(frames, channels)]);
  const [one, zero] = [graph.constant("one", [1], Float32Array.of(1)), graph.constant("zero", [1], Float32Array.of(0))];
  // One channel of its own: the runtime normalizes it in one pass, and its default adds 1e-5.
  const normalized = graph.node("InstanceNormalization", [whole, one, zero], whole.shape);
  return add(multiply(reshape(normalized, x.shape), gain), bias);
}
