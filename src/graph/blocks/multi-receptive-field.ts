/**
 * Multi-receptive-field fusion: residual blocks with kernels of several sizes side by side, and their sum.
 *
 * Source   Kong et al. 2020 (HiFi-GAN), section 2.2 and appendix A.1
 */
import { divideDimension } from "../dimension";
import type { Operand } from "../graph-builder";
import { leakyRelu } from "../ops/activation";
import { add } from "../ops/elementwise";
import { blockedLeakyRelu } from "./blocked-layout";
import type { ConvWeights } from "./causal-conv";
import { addHalves, fastConv, fastReach, type Halves, isHalvable, joinHalves, splitInHalves } from "./fast-conv";
import { planarConv, planarReach, type Reach } from "./planar-conv";

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
  const inBlock = <Signal>(block: ResidualBlock, build: () => Signal): Signal =>
    graph.scope(`blocks.${blocks.indexOf(block)}`, build);
  const isEven = phases === 1 && divideDimension(x.shape[3] ?? 1, 2) !== undefined;
  const isLong = (block: ResidualBlock): block is PairedBlock => paysInHalves(sizesOf(block, isEven));
  const long = blocks.filter(isLong);
  const short = blocks.filter((block) => !isLong(block));
  const activated = blockedLeakyRelu(x, residualSlope);
  const outputs = short.map((block) => inBlock(block, () => residualBlock(x, activated, block, phases)));
  if (long.length > 0) {
    const halves = splitInHalves(x);
    outputs.push(joinHalves(long.map((block) => inBlock(block, () => halvedBlock(halves, block))).reduce(addHalves)));
  }
  return outputs.reduce((sum, output) => add(sum, output));
}

/** A block of kind 1. */
type PairedBlock = readonly Required<ResidualStep>[];

/** What decides how a residual block is computed, and what its output depends on. */
export interface BlockSizes {
  readonly channels: number;
  readonly kernelSize: number;
  readonly dilations: readonly number[];
  /** 1: two convolutions a step; 2: one. */
  readonly kind: 1 | 2;
  /** Whether it runs over single samples, and over an even number of them, however long the signal is. */
  readonly isEven: boolean;
}

function sizesOf(block: ResidualBlock, isEven: boolean): BlockSizes {
  const [, channels = 0, kernelSize = 0] = block[0]?.conv.weight.shape ?? [];
  const kind = block.every(({ second }) => second !== undefined) ? 1 : 2;
  return { channels, kernelSize, dilations: block.map(({ dilation }) => dilation), kind, isEven };
}

/** Widths and kernels from which on fewer multiplications are worth more passes over the planes. */
const fewestChannels = 64;
const shortestKernel = 7;

function paysInHalves({ channels, kernelSize, dilations, kind, isEven }: BlockSizes): boolean {
  const isWorthIt = channels >= fewestChannels && kernelSize >= shortestKernel;
  return isEven && kind === 1 && isWorthIt && dilations.every((d) => isHalvable(channels, kernelSize, d));
}

/** A residual block with fast convolutions. */
function halvedBlock(x: Halves, steps: PairedBlock): Halves {
  const { graph } = x.even;
  return steps.reduce((input, { dilation, conv, second }, index) => {
    const hidden = graph.scope(`steps.${index}`, () => fastConv(input, conv, { dilation, slope: residualSlope }));
    const branch = graph.scope(`steps.${index}.second`, () => fastConv(hidden, second, { slope: residualSlope }));
    return addHalves(branch, input);
  }, x);
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

/** Samples before and behind its own that a block's output depends on, down to the last bit. */
export function residualReach(sizes: BlockSizes): Reach {
  const { kernelSize, dilations, kind } = sizes;
  const spread = dilations.reduce((sum, dilation) => sum + dilation + (kind === 1 ? 1 : 0), 0);
  const reach = paysInHalves(sizes) ? fastReach(kernelSize) : planarReach(kernelSize);
  return { back: reach.back * spread, ahead: reach.ahead * spread };
}
