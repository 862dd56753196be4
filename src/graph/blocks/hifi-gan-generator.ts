/**
 * The generator of HiFi-GAN: features or latents [B, F, I] -> samples [B, F * hop].
 *
 * A convolution, then for each rate a transposed convolution to half the channels and multi-receptive-field fusion, and a
 * convolution to samples. HiFi-GAN's vocoders and the decoder of VITS are this network.
 *
 * Source   Kong et al. 2020, "HiFi-GAN", section 2.2; layers named as in the published checkpoints
 */
import type { Operand } from "../graph-builder";
import { tanh } from "../ops/activation";
import { reshape } from "../ops/shape";
import { blockedLeakyRelu, blockWidth } from "./blocked-layout";
import type { ConvWeights } from "./causal-conv";
import { multiReceptiveField, type ResidualBlock, residualReach, residualSlope } from "./multi-receptive-field";
import { fromPlanes, planarConv, type Reach, toPlanes } from "./planar-conv";
import { planarTransposedConv, transposedReach } from "./planar-transposed-conv";

/** Everything that fixes the shapes of the layers. */
export interface GeneratorSizes {
  /** Width of what goes in: mel bins, or latents. */
  readonly inputChannels: number;
  /** Channels of the first convolution; every stage halves them. */
  readonly initialChannels: number;
  readonly upsampleRates: readonly number[];
  readonly upsampleKernelSizes: readonly number[];
  /** 1: two convolutions a step (V1, V2); 2: one (V3). */
  readonly residualKind: 1 | 2;
  readonly residualKernelSizes: readonly number[];
  /** For each kernel size the dilations of its steps. */
  readonly residualDilations: readonly (readonly number[])[];
}

/** Slope of the last activation, which the published code leaves at PyTorch's default. */
const lastSlope = 0.01;
const outerKernelSize = 7;

/**
 * Where the weights of a layer are found. Paths are those of the published checkpoints: `conv_pre`, `ups.<i>`,
 * `resblocks.<i>.convs1.<j>` and `convs2.<j>` (kind 1) or `convs.<j>` (kind 2), `conv_post`.
 */
export type LayerSource = (path: string, shape: readonly number[]) => ConvWeights;

/**
 * Builds the generator behind `x`.
 *
 * Shapes   x [B, F, I], condition [B, 1, initialChannels], added behind the first convolution; result [B, F * hop]
 */
export function hifiGanGenerator(x: Operand, sizes: GeneratorSizes, layer: LayerSource, condition?: Operand): Operand {
  const { graph } = x;
  const { inputChannels, initialChannels, upsampleRates, upsampleKernelSizes, residualKernelSizes } = sizes;
  const at = (path: string, shape: readonly number[], build: (weights: ConvWeights) => Operand): Operand =>
    graph.scope(path, () => build(layer(path, shape)));
  let planes = at("conv_pre", [initialChannels, inputChannels, outerKernelSize], (weights) =>
    planarConv(toPlanes(x), weights),
  );
  if (condition !== undefined) planes = graph.node("Add", [planes, toPlanes(condition)], planes.shape);
  let channels = initialChannels;
  // Behind a fusion stands the sum; its mean is taken by the weights of the convolution that comes next.
  let inputScale = 1;
  const lastPhases = phasesFilling(initialChannels / 2 ** upsampleRates.length, upsampleRates.at(-1) ?? 1);
  for (const [stage, stride] of upsampleRates.entries()) {
    const kernelSize = upsampleKernelSizes[stage] ?? 0;
    const phases = stage === upsampleRates.length - 1 ? lastPhases : 1;
    const [input, scale] = [planes, inputScale];
    const upsampled = at(`ups.${stage}`, [channels, channels / 2, kernelSize], (weights) => {
      const options = { stride, padding: (kernelSize - stride) / 2, inputScale: scale, phases };
      return planarTransposedConv(blockedLeakyRelu(input, residualSlope), weights, options);
    });
    channels /= 2;
    const blocks = residualBlocks(sizes, stage, channels, layer);
    planes = graph.scope(`stages.${stage}`, () => multiReceptiveField(upsampled, blocks, phases));
    inputScale = 1 / residualKernelSizes.length;
  }
  const hop = upsampleRates.reduce((product, rate) => product * rate, 1);
  const resultPhases = phasesFilling(1, hop, lastPhases);
  const samples = at("conv_post", [1, channels, outerKernelSize], (weights) =>
    tanh(planarConv(blockedLeakyRelu(planes, lastSlope), weights, { inputScale, phases: lastPhases, resultPhases })),
  );
  const rows = fromPlanes(samples, resultPhases);
  return reshape(rows, rows.shape.slice(0, 2));
}

/**
 * How many samples lie side by side so that few channels fill a block: the 8 of V2's last stage would leave half of it
 * empty, and the samples themselves nearly all. They divide `length` and are a multiple of `multiple`.
 */
function phasesFilling(channels: number, length: number, multiple = 1): number {
  let phases = Math.max(multiple, Math.floor(blockWidth / channels));
  while (phases > multiple && (length % phases !== 0 || phases % multiple !== 0)) phases--;
  return phases;
}

function residualBlocks(sizes: GeneratorSizes, stage: number, channels: number, layer: LayerSource): ResidualBlock[] {
  const { residualKernelSizes, residualDilations, residualKind } = sizes;
  return residualKernelSizes.map((kernelSize, index): ResidualBlock => {
    const path = `resblocks.${stage * residualKernelSizes.length + index}`;
    const shape = [channels, channels, kernelSize];
    return (residualDilations[index] ?? []).map((dilation, step) =>
      residualKind === 1
        ? {
            dilation,
            conv: layer(`${path}.convs1.${step}`, shape),
            second: layer(`${path}.convs2.${step}`, shape),
          }
        : { dilation, conv: layer(`${path}.convs.${step}`, shape) },
    );
  });
}

/**
 * Frames before and after its own that a frame's samples depend on: a stretch of frames with so many around it gives
 * the samples that the whole signal gives.
 */
export function generatorReach(sizes: GeneratorSizes): Reach {
  const { upsampleRates, upsampleKernelSizes } = sizes;
  const edge = (outerKernelSize - 1) / 2;
  // From the samples back to the frames, in units of each stage's own rate.
  let reach: Reach = { back: edge, ahead: edge };
  for (const [stage, stride] of [...upsampleRates.entries()].reverse()) {
    const widest = stageReach(sizes, stage);
    const behind = { back: reach.back + widest.back, ahead: reach.ahead + widest.ahead };
    reach = transposedReach(upsampleKernelSizes[stage] ?? 0, stride, behind);
  }
  return { back: reach.back + edge, ahead: reach.ahead + edge };
}

/** The widest reach of a stage's blocks. */
function stageReach(sizes: GeneratorSizes, stage: number): Reach {
  const { initialChannels, upsampleRates, residualKernelSizes, residualDilations, residualKind: kind } = sizes;
  const channels = initialChannels / 2 ** (stage + 1);
  const isEven = upsampleRates.slice(0, stage + 1).some((rate) => rate % 2 === 0);
  const reaches = residualKernelSizes.map((kernelSize, index) =>
    residualReach({ channels, kernelSize, dilations: residualDilations[index] ?? [], kind, isEven }),
  );
  return {
    back: Math.max(...reaches.map(({ back }) => back)),
    ahead: Math.max(...reaches.map(({ ahead }) => ahead)),
  };
}
