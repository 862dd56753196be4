/** Layers of the SEANet networks with their weights: names and shapes in the state dict, in one place. */
import { requireTensor, type StateDict } from "../../src/checkpoints/state-dict";
import { type ConvWeights, causalConv, transposedConv } from "../../src/graph/blocks/causal-conv";
import { film } from "../../src/graph/blocks/film";
import { residualUnit } from "../../src/graph/blocks/residual-unit";
import type { Operand } from "../../src/graph/graph-builder";
import { add } from "../../src/graph/ops/elementwise";
import type { SoundstreamConfig } from "./config";

/** Adds layers to a network, taking their weights by path. */
export class SeanetLayers {
  readonly #config: SoundstreamConfig;
  readonly #weights: StateDict;

  constructor(config: SoundstreamConfig, weights: StateDict) {
    this.#config = config;
    this.#weights = weights;
  }

  /** [B, F * stride, I] -> [B, F, O]. */
  conv(x: Operand, path: string, sizes: { channels: number; kernelSize: number; stride?: number }): Operand {
    const { channels, kernelSize, stride = 1 } = sizes;
    const weights = this.#convWeights(path, [channels, widthOf(x), kernelSize], channels);
    return x.graph.scope(path, () => causalConv(x, weights, { stride }));
  }

  /** [B, F, I] -> [B, F * stride, O]; the kernel spans two strides. */
  upsample(x: Operand, path: string, { channels, stride }: { channels: number; stride: number }): Operand {
    const { weight, bias } = this.#convWeights(path, [widthOf(x), channels, 2 * stride], channels);
    return x.graph.scope(path, () => {
      const samples = transposedConv(x, weight, stride);
      return add(samples, x.graph.constant("bias", bias.shape, bias.data));
    });
  }

  /** Residual units `<path>.0`, `<path>.1` ..., one for each dilation. */
  residualUnits(x: Operand, path: string): Operand {
    const channels = widthOf(x);
    return this.#config.dilations.reduce((input, dilation, index) => {
      const unit = `${path}.${index}`;
      const weights = {
        conv: this.#convWeights(`${unit}.conv`, [channels, channels, this.#config.residualKernelSize], channels),
        pointwise: this.#convWeights(`${unit}.pointwise`, [channels, channels, 1], channels),
      };
      return x.graph.scope(unit, () => residualUnit(input, weights, dilation));
    }, x);
  }

  /** Modulates `x` by the switch for denoising, one-hot [B, F, 2]: off, on. */
  denoising(x: Operand, path: string, mode: Operand): Operand {
    const width = 2 * widthOf(x);
    const weights = {
      weight: requireTensor(this.#weights, `${path}.weight`, [width, 2]),
      bias: requireTensor(this.#weights, `${path}.bias`, [width]),
    };
    return x.graph.scope(path, () => film(x, mode, weights));
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
