/**
 * Multi-receptive-field fusion: residual blocks with kernels of several sizes side by side, and their sum.
 *
 * Source   Kong et al. 2020 (HiFi-GAN), section 2.2 and appendix A.1
 */
import type { Operand } from "../graph-builder";
import { leakyRelu } from "../ops/activation";
import { add } from "../ops/elementwise";
import { blockedLeakyRelu } from "./blocked-layout";
import type { ConvWeights } from "./causal-conv";
import { planarConv } from "./planar-conv";

/** Slope of every activation inside. */
export const residualSlope = 0.1;

/** One residual step: a dilated convolution, and in blocks of kind 1 a second one without dilation. */
export interface ResidualStep {
  readonly dilation: number;
  /** [C, C, k] */
  readonly conv: ConvWeights;
  /** [C, C, k] */
  readonly second?: ConvWeights;
}

/** One residual block: its steps follow each other. All its kernels have one size. */
export type ResidualBlock = readonly ResidualStep[];

/**
 * The sum of the blocks. The paper's mean is that sum over their number: multiply by it in what comes next.
 *
 * Shapes   x [B, phases * C, 1, T / phases]; result the same
 * @param phases  samples that lie side by side, as in planar-conv.ts
 */
export function multiReceptiveField(x: Operand, blocks: readonly ResidualBlock[], phases = 1): Operand {
  const { graph } = x;
  const activated = blockedLeakyRelu(x, residualSlope);
  return blocks
    .map((block, index) => graph.scope(`blocks.${index}`, () => residualBlock(x, activated, block, phases)))
    .reduce((sum, output) => add(sum, output));
}

/** @param activated  the first step's activation of `x`, which all blocks share */
function residualBlock(x: Operand, activated: Operand, steps: ResidualBlock, phases: number): Operand {
  const { graph } = x;
  return steps.reduce((input, { dilation, conv, second }, index) => {
    const hidden = graph.scope(`steps.${index}`, () => {
      const signal = index === 0 ? activated : blockedLeakyRelu(input, residualSlope);
      return planarConv(signal, conv, { dilation, phases });
    });
    if (second === undefined) return add(hidden, input);
    const branch = graph.scope(`steps.${index}.second`, () =>
      planarConv(leakyRelu(hidden, residualSlope), second, { phases }),
    );
    return add(branch, input);
  }, x);
}

/** Samples to each side that a block's output depends on. */
export function residualReach(kernelSize: number, dilations: readonly number[], kind: 1 | 2): number {
  const edge = (kernelSize - 1) / 2;
  return dilations.reduce((reach, dilation) => reach + edge * (dilation + (kind === 1 ? 1 : 0)), 0);
}
