/** Layers of the SEANet networks with their weights: names and shapes in the state dict, in one place. */
import { requireTensor, type StateDict } from "../../src/checkpoints/state-dict";
import { type ConvWeights, transposedConv } from "../../src/graph/blocks/causal-conv";
import { type LstmWeights, skipLstm } from "../../src/graph/blocks/lstm";
import { fullTransposedConv, mirroredConv } from "../../src/graph/blocks/mirrored-conv";
import { type PointwiseTerm, pointwiseSum } from "../../src/graph/blocks/pointwise-sum";
import { type ReflectConvOptions, ReflectStart, reflectConv } from "../../src/graph/blocks/reflect-conv";
import type { GraphBuilder, Operand } from "../../src/graph/graph-builder";
import { add, elu } from "../../src/graph/ops/elementwise";
import { signalNorm } from "../../src/graph/ops/normalization";
import { trim } from "../../src/graph/ops/shape";
import type { EncodecConfig } from "./config";

/** Adds layers to a network, taking their weights by path. */
export class SeanetLayers {
  readonly #config: EncodecConfig;
  readonly #weights: StateDict;
  /** Absent where the network is not causal. */
  readonly #start: ReflectStart | undefined;

  constructor(config: EncodecConfig, weights: StateDict, graph: GraphBuilder) {
    this.#config = config;
    this.#weights = weights;
    if (config.isCausal) this.#start = new ReflectStart(graph);
  }

  /** [B, F * stride, I] -> [B, F, O]. */
  conv(x: Operand, path: string, sizes: ReflectConvOptions & { channels: number; kernelSize: number }): Operand {
    const { channels, kernelSize } = sizes;
    const weights = this.#convWeights(path, [channels, widthOf(x), kernelSize], channels);
    return x.graph.scope(path, () => {
      if (this.#start !== undefined) return reflectConv(x, weights, this.#start, sizes);
      return this.#norm(mirroredConv(x, weights, sizes), path);
    });
  }

  /** [B, F, I] -> [B, F * stride, O]; the kernel spans two strides. */
  upsample(x: Operand, path: string, { channels, stride }: { channels: number; stride: number }): Operand {
    const weights = this.#convWeights(path, [widthOf(x), channels, 2 * stride], channels);
    return x.graph.scope(path, () => {
      if (this.#start === undefined) {
        // Normalized with what overlap-add gives beyond the ends, and cut then.
        const full = this.#norm(fullTransposedConv(x, weights, stride), path);
        return trim(full, 1, Math.ceil(stride / 2), Math.floor(stride / 2));
      }
      const { weight, bias } = weights;
      const samples = transposedConv(x, weight, stride);
      return add(samples, x.graph.constant("bias", bias.shape, bias.data));
    });
  }

  /** Residual units `<part>.layers.<first>`, `<first + 1>` ..., in some models each with a convolution beside it. */
  residualUnits(x: Operand, part: string, first: number): Operand {
    const { numResidualUnits, residualKernelSize, dilationBase, compression } = this.#config;
    const channels = widthOf(x);
    let sum = x;
    for (let index = 0; index < numResidualUnits; index++) {
      const path = `${part}.layers.${first + index}`;
      const inner = {
        channels: channels / compression,
        kernelSize: residualKernelSize,
        dilation: dilationBase ** index,
      };
      const hidden = this.conv(elu(sum), `${path}.block.1.conv`, inner);
      sum = this.#rejoin(sum, elu(hidden), path);
    }
    return sum;
  }

  /** [B, F, C] -> [B, F, C]. */
  lstm(x: Operand, path: string): Operand {
    const channels = widthOf(x);
    const layers = Array.from({ length: this.#config.numLstmLayers }, (_, index): LstmWeights => {
      const take = (name: string, shape: readonly number[]) =>
        requireTensor(this.#weights, `${path}.${name}_l${index}`, shape);
      return {
        inputWeight: take("weight_ih", [4 * channels, channels]),
        hiddenWeight: take("weight_hh", [4 * channels, channels]),
        inputBias: take("bias_ih", [4 * channels]),
        hiddenBias: take("bias_hh", [4 * channels]),
      };
    });
    return x.graph.scope(path, () => skipLstm(x, layers));
  }

  /** The end of a residual unit: what went through it, and what went past it. */
  #rejoin(x: Operand, hidden: Operand, unit: string): Operand {
    const { hasShortcutConv, hasSignalNorm } = this.#config;
    const channels = widthOf(x);
    const [branch, shortcut] = [`${unit}.block.3.conv`, `${unit}.shortcut.conv`];
    if (hasShortcutConv && !hasSignalNorm) {
      const term = (operand: Operand, path: string): PointwiseTerm => [
        operand,
        this.#convWeights(path, [channels, widthOf(operand), 1], channels),
      ];
      return x.graph.scope(unit, () => pointwiseSum([term(x, shortcut), term(hidden, branch)]));
    }
    const sizes = { channels, kernelSize: 1 };
    return add(hasShortcutConv ? this.conv(x, shortcut, sizes) : x, this.conv(hidden, branch, sizes));
  }

  #norm(x: Operand, path: string): Operand {
    if (!this.#config.hasSignalNorm) return x;
    const channels = widthOf(x);
    const take = (name: string): Operand => {
      const { data } = requireTensor(this.#weights, `${path.replace(/conv$/, "norm")}.${name}`, [channels]);
      return x.graph.constant(`norm.${name}`, [channels], data);
    };
    return signalNorm(x, take("weight"), take("bias"));
  }

  #convWeights(path: string, shape: readonly [number, number, number], numOutputs: number): Required<ConvWeights> {
    return {
      weight: requireTensor(this.#weights, `${path}.weight`, shape),
      bias: requireTensor(this.#weights, `${path}.bias`, [numOutputs]),
    };
  }
}

function widthOf(x: Operand): number {
  return x.shape[2] as number;
}
