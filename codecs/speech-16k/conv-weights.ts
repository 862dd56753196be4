/** Names and shapes of the convolutions in the state dict of a speech codec. */
import { requireTensor, type StateDict } from "../../src/checkpoints/state-dict";
import type { ConvWeights } from "../../src/graph/blocks/causal-conv";
import { type ResidualUnitWeights, residualUnit } from "../../src/graph/blocks/residual-unit";
import type { Operand } from "../../src/graph/graph-builder";

/** The tensors `<path>.weight` [O, I, k] and `<path>.bias` [O]. */
export function convWeights(
  weights: StateDict,
  path: string,
  shape: readonly [number, number, number],
): Required<ConvWeights> {
  return {
    weight: requireTensor(weights, `${path}.weight`, shape),
    bias: requireTensor(weights, `${path}.bias`, [shape[0]]),
  };
}

/** A run of residual units `<path>.0`, `<path>.1` ..., one for each dilation. */
export function residualUnits(
  x: Operand,
  weights: StateDict,
  path: string,
  sizes: { channels: number; kernelSize: number; dilations: readonly number[] },
): Operand {
  const { channels, kernelSize, dilations } = sizes;
  // The block path in the graph is the tensor's path in the state dict: one name for a layer, wherever it is met.
  return dilations.reduce((input, dilation, index) => {
    const unitPath = `${path}.${index}`;
    const unit: ResidualUnitWeights = {
      conv: convWeights(weights, `${unitPath}.conv`, [channels, channels, kernelSize]),
      pointwise: convWeights(weights, `${unitPath}.pointwise`, [channels, channels, 1]),
      gain: requireTensor(weights, `${unitPath}.gain`, [channels]),
    };
    return x.graph.scope(unitPath, () => residualUnit(input, unit, dilation));
  }, x);
}
