/**
 * The language model in whole numbers: the codes of a frame -> the ranges of the codes in the next, the same to the bit on
 * every machine.
 */

import { RANGE_SCALE } from "../../../../src/container/ecdc/arithmetic-coder";
import type { CodePredictor } from "../../../../src/container/ecdc/modelled-file";
import type { Int16Products } from "../../../../src/kernels/int16-products";
import type { LanguageModelConfig } from "../config";
import { divideDown } from "./exact-math";
import { ACTIVATION_BITS, clampInt16, exponentialsInto, gelu, normalizeInto, shiftDown } from "./fixed-point";
import { IntegerAttention } from "./integer-attention";
import type { IntegerLayer, IntegerLinear, IntegerWeights } from "./integer-weights";
import { PositionWaves } from "./position-waves";

/** No range is narrower: the least that the arithmetic coder takes. */
const MIN_RANGE = 2;

/** One segment on its way through the model. */
export class IntegerPredictor implements CodePredictor {
  readonly #config: LanguageModelConfig;
  readonly #weights: IntegerWeights;
  readonly #products: Int16Products;
  readonly #waves: PositionWaves;
  readonly #attentions: readonly IntegerAttention[];
  readonly #ends: Uint32Array;
  /** Scratch: what a frame is while it goes through the layers, and sums that are to be normalized. */
  readonly #x: Int16Array;
  readonly #sums: Int32Array;
  readonly #exponentials: Float64Array;

  /** @param products  of the weights' matrices; may be shared by any number of segments */
  constructor(config: LanguageModelConfig, weights: IntegerWeights, products: Int16Products) {
    const { dim, codebookSize } = config;
    this.#config = config;
    this.#weights = weights;
    this.#products = products;
    this.#waves = new PositionWaves(dim);
    this.#attentions = weights.layers.map(() => new IntegerAttention(config, products.variant));
    this.#ends = new Uint32Array(weights.heads.length * codebookSize);
    this.#x = new Int16Array(dim);
    this.#sums = new Int32Array(dim);
    this.#exponentials = new Float64Array(codebookSize);
  }

  next(previous: Uint16Array | undefined): Uint32Array {
    this.#embed(previous);
    for (const [index, layer] of this.#weights.layers.entries()) {
      this.#addAndNormalize(this.#attend(layer, this.#attentions[index] as IntegerAttention), layer.attentionNorm);
      this.#addAndNormalize(this.#feedForward(layer), layer.feedForwardNorm);
    }
    for (const [stage, head] of this.#weights.heads.entries()) this.#writeRanges(stage, head);
    return this.#ends;
  }

  /** Sums of embeddings, normalized, plus the place in the segment. */
  #embed(previous: Uint16Array | undefined): void {
    const { dim } = this.#config;
    const { embeddings, inputNorm, inputEpsilon } = this.#weights;
    this.#sums.fill(0);
    for (const [stage, table] of embeddings.entries()) {
      const row = previous === undefined ? 0 : (previous[stage] as number) + 1;
      for (let d = 0; d < dim; d++) this.#sums[d] = (this.#sums[d] as number) + (table[row * dim + d] as number);
    }
    normalizeInto(this.#x, this.#sums, inputNorm, inputEpsilon);
    this.#waves.addNextTo(this.#x);
  }

  #attend({ query, key, value, output }: IntegerLayer, attention: IntegerAttention): Int16Array {
    const project = (linear: IntegerLinear) => this.#linear(linear, this.#x);
    return this.#linear(output, attention.next(project(query), project(key), project(value)));
  }

  #feedForward({ widen, narrow }: IntegerLayer): Int16Array {
    return this.#linear(narrow, this.#linear(widen, this.#x).map(gelu));
  }

  #addAndNormalize(branch: Int16Array, norm: IntegerLayer["attentionNorm"]): void {
    for (const [d, value] of branch.entries()) this.#sums[d] = (this.#x[d] as number) + value;
    normalizeInto(this.#x, this.#sums, norm, this.#weights.epsilon);
  }

  /** A linear layer, from activations to activations. */
  #linear({ index, bits, bias }: IntegerLinear, x: Int16Array): Int16Array {
    const sums = this.#products.multiply(index, x);
    const out = new Int16Array(sums.length);
    for (let row = 0; row < out.length; row++) {
      out[row] = clampInt16(shiftDown(((sums[row] as number) + (bias[row] as number)) | 0, bits));
    }
    return out;
  }

  /** One codebook's softmax, as ends of ranges. */
  #writeRanges(stage: number, { index, bits, bias }: IntegerLinear): void {
    const { codebookSize } = this.#config;
    const logits = this.#products.multiply(index, this.#x);
    for (let code = 0; code < codebookSize; code++) {
      logits[code] = ((logits[code] as number) + (bias[code] as number)) | 0;
    }
    const total = exponentialsInto(this.#exponentials, logits, codebookSize, bits + ACTIVATION_BITS);
    const shared = RANGE_SCALE - MIN_RANGE * codebookSize;
    let end = 0;
    for (let code = 0; code < codebookSize; code++) {
      end += MIN_RANGE + divideDown((this.#exponentials[code] as number) * shared, total);
      this.#ends[stage * codebookSize + code] = end;
    }
  }
}
