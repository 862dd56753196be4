/** The language model in float32, as upstream runs it: a network call for each frame. */
import type { CodePredictor } from "../../../src/container/ecdc/modelled-file";
import { rangesOfProbabilities } from "../../../src/container/ecdc/probability-ranges";
import type { NetworkSession, NetworkStream } from "../../../src/runtime/network-session";
import { type LanguageModelConfig, MAX_PERIOD } from "./config";
import type { LanguageModelWeights } from "./weights";

/** One segment on its way through the network. */
export class FloatPredictor implements CodePredictor {
  readonly #config: LanguageModelConfig;
  readonly #embeddings: readonly Float32Array[];
  readonly #stream: NetworkStream;
  #position = 0;

  /** @param session  of `buildLanguageModel` with the same config and weights */
  constructor(config: LanguageModelConfig, weights: LanguageModelWeights, session: NetworkSession) {
    this.#config = config;
    this.#embeddings = weights.embeddings;
    this.#stream = session.openStream();
  }

  async next(previous: Uint16Array | undefined): Promise<Uint32Array> {
    return rangesOfProbabilities(await this.probabilities(previous), this.#config.codebookSize);
  }

  /**
   * Goes on by a frame; how likely each code is there.
   *
   * Shapes   previous [K]; result [K, N]
   */
  async probabilities(previous: Uint16Array | undefined): Promise<Float32Array> {
    const { dim, contextFrames } = this.#config;
    const { probabilities } = await this.#stream.run({
      embedded: { data: this.#embed(previous), shape: [1, 1, dim] },
      position: { data: embedPosition(this.#position, dim), shape: [dim] },
      mask: { data: this.#mask(), shape: [contextFrames + 1] },
    });
    this.#position++;
    return (probabilities as { data: Float32Array }).data;
  }

  /** The sum of the codes' embeddings, in the order of the codebooks. */
  #embed(previous: Uint16Array | undefined): Float32Array {
    const { dim } = this.#config;
    const sum = new Float32Array(dim);
    for (const [stage, table] of this.#embeddings.entries()) {
      const row = previous === undefined ? 0 : (previous[stage] as number) + 1;
      for (let d = 0; d < dim; d++) sum[d] = (sum[d] as number) + (table[row * dim + d] as number);
    }
    return sum;
  }

  /** Open for the frames that there were, for upstream's row of zeros before the first of them, and for the current one. */
  #mask(): Float32Array {
    const { contextFrames } = this.#config;
    const numPast = Math.min(this.#position + 1, contextFrames);
    return new Float32Array(contextFrames + 1).fill(Number.NEGATIVE_INFINITY, 0, contextFrames - numPast);
  }
}

/**
 * Cosines and sines of a frame's place in its segment, [D].
 *
 * Numerics phases are rounded to float32 on every step, as upstream's are: at a thousand frames that moves them by 1e-4
 */
function embedPosition(position: number, dim: number): Float32Array {
  const half = dim / 2;
  const embedding = new Float32Array(dim);
  for (let index = 0; index < half; index++) {
    const period = Math.fround(MAX_PERIOD ** Math.fround(index / (half - 1)));
    const phase = Math.fround(position / period);
    embedding[index] = Math.cos(phase);
    embedding[half + index] = Math.sin(phase);
  }
  return embedding;
}
