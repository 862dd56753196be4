/** The residual unit of SEANet-like codecs. */
import type { Operand } from "../graph-builder";
import { add, elu } from "../ops/elementwise";
import { type ConvWeights, causalConv } from "./causal-conv";
import type { Weights } from "./conv-matrix";

export interface ResidualUnitWeights {
  /** [C, C, k] */
  readonly conv: ConvWeights;
  /** [C, C, 1] */
  readonly pointwise: ConvWeights;
  /** Scales the branch, per channel [C]. */
  readonly gain?: Weights;
}

/**
 * x + gain * pointwise(ELU(conv(ELU(x)))).
 *
 * Shapes   x [B, F, C]; result [B, F, C]
 * Source   Tagliasacchi et al. 2020 (SEANet); the gain is this project's
 */
export function residualUnit(x: Operand, weights: ResidualUnitWeights, dilation: number): Operand {
  const { graph } = x;
  const { conv, pointwise, gain } = weights;
  const hidden = graph.scope("conv", () => causalConv(elu(x), conv, { dilation }));
  const branch = graph.scope("pointwise", () => causalConv(elu(hidden), pointwise, gain === undefined ? {} : { gain }));
  return add(branch, x);
}
