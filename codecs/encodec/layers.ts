/** Layers of the SEANet networks with their weights: names and shapes in the state dict, in one place. */
import { requireTensor, type StateDict } from "../../src/checkpoints/state-dict";
import { type ConvWeights, transposedConv } from "../../src/graph/blocks/causal-conv";
import { type LstmWeights, skipLstm } from "../../src/graph/blocks/lstm";
import { type ReflectConvOptions, type ReflectStart, reflectConv } from "../../src/graph/blocks/reflect-conv";
import type { Operand } from "../../src/graph/graph-builder";
import { add, elu } from "../../src/graph/ops/elementwise";
import type { EncodecConfig } from "./config";

/** Adds layers to a network, taking their weights by path. */
export class SeanetLayers {
  readonly #config: EncodecConfig;
  readonly #weights: StateDict;
  readonly #start: ReflectStart;

  constructor(config: EncodecConfig, weights: StateDict, start: ReflectStart) {
    this.#config = config;
    this.#weights = weights;
    this.#start = start;
  }

  /** [B, F * stride, I] -> [B, F, O]. */
  conv(x: Operand, path: string, sizes: ReflectConvOptions & { channels: number; kernelSize: number }): Operand {
    const { channels, kernelSize } = sizes;
    const weights = this.#convWeights(path, [channels, widthOf(x), kernelSize], channels);
    return x.graph.scope(path, () => reflectConv(x, weights, this.#start, sizes));
  }

  /** [B, F, I] -> [B, F * stride, O]; the kernel spans two strides. */
  upsample(x: Operand, path: string, { channels, stride }: { channels: number; stride: number }): Operand {
    const { weight, bias } = this.#convWeights(path, [widthOf(x), channels, 2 * stride], channels);
    return x.graph.scope(path, () => {
      const samples = transposedConv(x, weight, stride);
      return add(samples, x.graph.constant("bias", bias.shape, bias.data));
    });
  }

  /** Residual units `<part>.layers.<first>`, `<first + 1>` ..., each with a convolution beside it. */
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
      const branch = this.conv(elu(hidden), `${path}.block.3.conv`, { channels, kernelSize: 1 });
      sum = add(this.conv(sum, `${path}.shortcut.conv`, { channels, kernelSize: 1 }), branch);
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
