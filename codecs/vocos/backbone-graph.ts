/**
 * features [B, F, D] -> spectrum [B, F, fftLength + 2]: a stack of ConvNeXt blocks that works at the frame rate, and a
 * layer that gives magnitude and phase of every bin. The inverse transform comes behind it, outside the network.
 *
 * Source   Siuzdak 2023, "Vocos: Closing the gap between time-domain and Fourier-based neural vocoders", section 3
 */
import { requireTensor, type StateDict } from "../../src/checkpoints/state-dict";
import { affine } from "../../src/graph/blocks/causal-conv";
import { CenteredTime } from "../../src/graph/blocks/centered-time";
import type { Weights } from "../../src/graph/blocks/conv-matrix";
import { depthwiseTaps, stackTaps } from "../../src/graph/blocks/same-conv";
import { symbol } from "../../src/graph/dimension";
import { batch, GraphBuilder, type Operand } from "../../src/graph/graph-builder";
import type { Network, NetworkForm } from "../../src/graph/network";
import { gelu } from "../../src/graph/ops/activation";
import { add, atMost, exponential, multiply } from "../../src/graph/ops/elementwise";
import { matmul } from "../../src/graph/ops/linear";
import { layerNorm } from "../../src/graph/ops/normalization";
import { concat, trim } from "../../src/graph/ops/shape";
import { lookAheadFrames, type VocosConfig } from "./config";

const epsilon = 1e-6;
/** Magnitudes end here, as in the published network: an untrained or unlucky frame must not deafen anybody. */
const largestMagnitude = 100;

/**
 * Builds the network. Inputs are `features` [B, F, D] and, for features of EnCodec, `rate` [numRates]: 1 for the rate that
 * the tokens have and 0 for the others. In the streaming form the spectrum comes late by `lookAheadFrames(config)`, and
 * `inside` tells which frames there are (see `CenteredTime`).
 *
 * @param weights  with the names of the published checkpoint
 * @throws {ModelError} when a tensor is missing or has another shape than the config says
 */
export function buildBackbone(config: VocosConfig, weights: StateDict, form: NetworkForm): Network {
  const { numBlocks, featureDim, encodec } = config;
  const graph = new GraphBuilder({ name: `${config.name}.backbone`, form });
  const features = graph.input("features", [batch, symbol("F"), featureDim]);
  const rate = encodec && graph.input("rate", [encodec.bitsPerSecond.length]);
  const time = new CenteredTime(graph, symbol("F"), lookAheadFrames(config));
  const layers = new BackboneLayers(config, weights, time, rate);
  let x = layers.norm(layers.embed(features), "backbone.norm");
  for (let block = 0; block < numBlocks; block++) x = layers.block(x, `backbone.convnext.${block}`);
  return graph.build({ spectrum: layers.spectrum(layers.finalNorm(x)) });
}

/** Adds layers to the network, taking their weights by path. */
class BackboneLayers {
  readonly #config: VocosConfig;
  readonly #weights: StateDict;
  readonly #time: CenteredTime;
  readonly #rate: Operand | undefined;

  constructor(config: VocosConfig, weights: StateDict, time: CenteredTime, rate: Operand | undefined) {
    this.#config = config;
    this.#weights = weights;
    this.#time = time;
    this.#rate = rate;
  }

  /** [B, F, D] -> [B, F, channels]. */
  embed(x: Operand): Operand {
    const { channels, featureDim, kernelSize } = this.#config;
    const path = "backbone.embed";
    return x.graph.scope(path, () => {
      const rows = stackTaps(this.#time.surround(x, (kernelSize - 1) / 2), kernelSize);
      return affine(rows, this.#kernel(path, [channels, featureDim, kernelSize]), {});
    });
  }

  /** A ConvNeXt block: every channel over time, then every frame through a wider layer, around a connection. */
  block(x: Operand, path: string): Operand {
    const { channels, hiddenChannels, kernelSize } = this.#config;
    const reach = (kernelSize - 1) / 2;
    const joined = x.graph.scope(path, () => this.#time.surround(x, reach));
    const mixed = x.graph.scope(`${path}.dwconv`, () => {
      return depthwiseTaps(joined, this.#kernel(`${path}.dwconv`, [channels, 1, kernelSize]));
    });
    const wide = gelu(this.#linear(this.norm(mixed, `${path}.norm`), `${path}.pwconv1`, hiddenChannels));
    const gain = requireTensor(this.#weights, `${path}.gamma`, [channels]);
    return add(this.#linear(wide, `${path}.pwconv2`, channels, gain), trim(joined, 1, reach, reach));
  }

  /** Layer normalization, whose gain and bias depend on the rate where there are several. */
  norm(x: Operand, path: string): Operand {
    const rate = this.#rate;
    if (rate === undefined) return this.#plainNorm(x, path);
    const { graph } = x;
    const pick = (name: string): Operand => {
      const table = this.#take(`${path}.${name}.weight`, [rate.shape[0] as number, this.#config.channels]);
      return matmul(rate, graph.constant(name, table.shape, table.data));
    };
    return graph.scope(path, () => layerNorm(x, pick("scale"), pick("shift"), epsilon));
  }

  finalNorm(x: Operand): Operand {
    return this.#plainNorm(x, "backbone.final_layer_norm");
  }

  /** [B, F, channels] -> real parts of all bins, then imaginary parts. */
  spectrum(x: Operand): Operand {
    const { graph } = x;
    const numBins = this.#config.fftLength / 2 + 1;
    const both = this.#linear(x, "head.out", 2 * numBins);
    const [logMagnitude, phase] = [trim(both, 2, 0, numBins), trim(both, 2, numBins, 0)];
    const { shape } = phase;
    const magnitude = atMost(exponential(logMagnitude), largestMagnitude);
    const parts = ["Cos", "Sin"].map((op) => multiply(magnitude, graph.node(op, [phase], shape)));
    return concat(parts as [Operand, Operand], 2);
  }

  #plainNorm(x: Operand, path: string): Operand {
    const { channels } = this.#config;
    const { graph } = x;
    const [gain, bias] = ["weight", "bias"].map((name) => this.#take(`${path}.${name}`, [channels])) as [
      Weights,
      Weights,
    ];
    return graph.scope(path, () =>
      layerNorm(
        x,
        graph.constant("gain", [channels], gain.data),
        graph.constant("bias", [channels], bias.data),
        epsilon,
      ),
    );
  }

  #linear(x: Operand, path: string, width: number, gain?: Weights): Operand {
    const numInputs = x.shape[2] as number;
    const weight = this.#take(`${path}.weight`, [width, numInputs]);
    const kernel = {
      shape: [width, numInputs, 1],
      get data() {
        return weight.data;
      },
    };
    const bias = this.#take(`${path}.bias`, [width]);
    return x.graph.scope(path, () => affine(x, { weight: kernel, bias }, { gain }));
  }

  #kernel(path: string, shape: readonly number[]): { weight: Weights; bias: Weights } {
    return { weight: this.#take(`${path}.weight`, shape), bias: this.#take(`${path}.bias`, [shape[0] as number]) };
  }

  #take(name: string, shape: readonly number[]): Weights {
    return requireTensor(this.#weights, name, shape);
  }
}
