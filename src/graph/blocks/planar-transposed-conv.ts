/** Transposed convolutions over planes [B, C, 1, T], as plain convolutions whose results are laid out afterwards. */
import type { Operand } from "../graph-builder";
import { trim } from "../ops/shape";
import { keptInBlocks } from "./blocked-layout";
import type { ConvWeights } from "./causal-conv";
import { checkPlanes, convolve, fromPlanes, type Reach, repeatedBias, toPlanes } from "./planar-conv";

export interface PlanarTransposedConvOptions {
  readonly stride: number;
  /** Samples cut off at each end of the overlap-added result. */
  readonly padding: number;
  /** Multiplies the weights, and not the bias: what the input would have been multiplied by. Default 1. */
  readonly inputScale?: number;
  /** Samples of the result that lie side by side; they divide the stride. Default 1. */
  readonly phases?: number;
}

/**
 * Transposed convolution, `stride` samples for each that goes in.
 *
 * Each output sample is a sum over few input samples; the samples of one block of `stride` are channels of an ordinary
 * convolution. A block begins where a kernel begins, before the place's own samples: then every sample of it meets the
 * same input samples, and nothing is multiplied by zeros. What lies before the first and behind the last sample is cut.
 *
 * Shapes   x [B, I, 1, T], weight [I, O, k] with k - 2 * padding = stride; result [B, phases * O, 1, T * stride / phases]
 * @throws {GraphError} `unsupported-op` when kernel, stride and padding give another number of samples;
 *   `shape-mismatch`
 */
export function planarTransposedConv(x: Operand, weights: ConvWeights, options: PlanarTransposedConvOptions): Operand {
  const { stride, padding, inputScale = 1, phases = 1 } = options;
  const { graph } = x;
  const [numInputs = 0, numOutputs = 0, kernelSize = 0] = weights.weight.shape;
  checkPlanes(x, numInputs);
  if (kernelSize - 2 * padding !== stride) {
    const got = `kernel ${kernelSize} and padding ${padding}`;
    throw graph.error("unsupported-op", `stride ${stride} expected a kernel of stride + 2 * padding, got ${got}`);
  }
  // Whole places are cut off, so a block begins a multiple of the phases earlier.
  const earlier = phases * Math.floor((padding % stride) / phases);
  const blockOf = (place: number): number => Math.floor((place - padding + earlier) / stride);
  const [back, ahead] = [blockOf(kernelSize - 1), -blockOf(0)];
  const numTaps = back + 1 + ahead;
  const { data } = weights.weight;
  const weight = graph.constant("weight", [stride * numOutputs, numInputs, 1, numTaps], (into) => {
    for (let input = 0, at = 0; input < numInputs; input++) {
      for (let output = 0; output < numOutputs; output++) {
        for (let place = 0; place < kernelSize; place++, at++) {
          const block = blockOf(place);
          const row = (place - padding + earlier - block * stride) * numOutputs + output;
          into[(row * numInputs + input) * numTaps + back - block] = inputScale * (data[at] as number);
        }
      }
    }
  });
  const edges = [back, earlier === 0 ? ahead : ahead + 1] as const;
  const blocks = convolve(x, weight, repeatedBias(x, weights, stride), { edges });
  if (earlier === 0 && phases === stride) return blocks;
  const rows = fromPlanes(blocks, stride / phases);
  return keptInBlocks(toPlanes(earlier === 0 ? rows : trim(rows, 1, earlier / phases, (stride - earlier) / phases)));
}

/**
 * Reach through a transposed convolution with kernel = stride + 2 * padding.
 *
 * @param reach  of what stands behind it, in samples of its result
 * @returns reach in samples that go in, from the one that a block of `stride` results belongs to
 */
export function transposedReach(kernelSize: number, stride: number, reach: Reach): Reach {
  const padding = (kernelSize - stride) / 2;
  return {
    back: Math.floor((reach.back + kernelSize - 1 - padding) / stride),
    ahead: Math.floor((reach.ahead + stride - 1 + padding) / stride),
  };
}
