/** Layers of VITS's networks with their weights: names and shapes in the state dict, in one place. */
import { requireTensor, type StateDict } from "../../src/checkpoints/state-dict";
import type { ConvWeights } from "../../src/graph/blocks/causal-conv";
import type { LinearWeights } from "../../src/graph/blocks/linear";
import { linear } from "../../src/graph/blocks/linear";
import { depthwiseSameConv, sameConv } from "../../src/graph/blocks/same-conv";
import type { WaveNetLayerWeights } from "../../src/graph/blocks/wavenet";
import type { Operand } from "../../src/graph/graph-builder";
import { gelu } from "../../src/graph/ops/activation";
import { add } from "../../src/graph/ops/elementwise";
import { layerNorm } from "../../src/graph/ops/normalization";
import type { VitsConfig } from "./config";

/** Of the layers whose normalization has no setting in any config. */
const plainEpsilon = 1e-5;

/** Sizes of a convolution, as PyTorch's layout of its weights has them. */
export interface ConvSizes {
  readonly channels: number;
  readonly kernelSize?: number;
}

/** Adds layers to networks, taking their weights by path. */
export class VitsLayers {
  readonly config: VitsConfig;
  readonly #weights: StateDict;

  constructor(config: VitsConfig, weights: StateDict) {
    this.config = config;
    this.#weights = weights;
  }

  /** A tensor that must be there. */
  tensor(name: string, shape: readonly number[]) {
    return requireTensor(this.#weights, name, shape);
  }

  convWeights(path: string, shape: readonly [number, number, number]): Required<ConvWeights> {
    const [channels] = shape;
    return { weight: this.tensor(`${path}.weight`, shape), bias: this.tensor(`${path}.bias`, [channels]) };
  }

  linearWeights(path: string, shape: readonly [number, number]): Required<LinearWeights> {
    return { weight: this.tensor(`${path}.weight`, shape), bias: this.tensor(`${path}.bias`, [shape[0]]) };
  }

  /** [B, F, I] -> [B, F, O], looking to both sides. */
  conv(x: Operand, path: string, { channels, kernelSize = 1 }: ConvSizes): Operand {
    const weights = this.convWeights(path, [channels, widthOf(x), kernelSize]);
    return x.graph.scope(path, () => sameConv(x, weights));
  }

  /** Each row with mean 0 and variance 1, scaled and shifted. */
  norm(x: Operand, path: string, epsilon = plainEpsilon): Operand {
    const { graph } = x;
    const shape = [widthOf(x)];
    return graph.scope(path, () => {
      const gain = graph.constant("weight", shape, this.tensor(`${path}.weight`, shape).data);
      return layerNorm(x, gain, graph.constant("bias", shape, this.tensor(`${path}.bias`, shape).data), epsilon);
    });
  }

  /** Residual layers of dilated depthwise convolutions. [B, S, H] -> [B, S, H]. */
  separableConvs(x: Operand, path: string): Operand {
    const { durationKernelSize: kernelSize, numSeparableLayers } = this.config;
    const channels = widthOf(x);
    let sum = x;
    for (let layer = 0; layer < numSeparableLayers; layer++) {
      const wide = `${path}.convs_dilated.${layer}`;
      const weights = this.convWeights(wide, [channels, 1, kernelSize]);
      const input = sum;
      const seen = x.graph.scope(wide, () => depthwiseSameConv(input, weights, { dilation: kernelSize ** layer }));
      const mixed = this.conv(gelu(this.norm(seen, `${path}.norms_1.${layer}`)), `${path}.convs_pointwise.${layer}`, {
        channels,
      });
      sum = add(input, gelu(this.norm(mixed, `${path}.norms_2.${layer}`)));
    }
    return sum;
  }

  /** Weights of a WaveNet's layers, of width H. */
  waveNetLayers(path: string, numLayers: number): WaveNetLayerWeights[] {
    const { hiddenDim, waveNetKernelSize: kernelSize, waveNetDilationBase } = this.config;
    return Array.from({ length: numLayers }, (_, layer) => ({
      gated: this.convWeights(`${path}.in_layers.${layer}`, [2 * hiddenDim, hiddenDim, kernelSize]),
      outward: this.convWeights(`${path}.res_skip_layers.${layer}`, [
        layer === numLayers - 1 ? hiddenDim : 2 * hiddenDim,
        hiddenDim,
        1,
      ]),
      dilation: waveNetDilationBase ** layer,
    }));
  }

  /** What a speaker's embedding [G] adds to every row: [channels]. Weights [channels, G, 1]. */
  speakerOffset(speaker: Operand, path: string, channels: number): Operand {
    const { speakerDim } = this.config;
    const { weight, bias } = this.convWeights(path, [channels, speakerDim, 1]);
    const matrix = { shape: [channels, speakerDim], data: weight.data };
    return speaker.graph.scope(path, () => linear(speaker, { weight: matrix, bias }));
  }
}

/** Channels of [B, F, C]. */
export function widthOf(x: Operand): number {
  return x.shape[2] as number;
}
