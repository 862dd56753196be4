/**
 * The language model's weights as whole numbers, for every machine the same: powers of two times the published numbers,
 * rounded.
 */
import type { Int16Matrix } from "../../../../src/kernels/int16-products";
import { NORM_EPSILON } from "../config";
import type { LanguageModelWeights, LayerWeights, LinearWeights, NormWeights } from "../weights";
import { roundHalfUp } from "./exact-math";
import { ACTIVATION_BITS, clampInt16, GAIN_BITS, type IntegerNorm, normEpsilon } from "./fixed-point";

/** Bits behind the point of a weight; with fewer than two, sums could not be rounded within 32 bits. */
const MAX_WEIGHT_BITS = 20;
const MIN_WEIGHT_BITS = 2;
/**
 * Sums of products must fit 32 bits. By Cauchy and Schwarz they do for inputs of a root mean square up to this: behind a
 * layer normalization it is about 1.
 */
const LARGEST_RMS = 8;
const SUM_BITS = 31;
const INT16_LIMIT = 32767;
/** Embeddings are below 2^12, so that sums of 32 are below 2^17. */
const EMBEDDING_LIMIT = 4096;
const MAX_EMBEDDING_BITS = 24;

/** A linear layer; a sum of its products and its bias has `bits` + 11 bits behind the point. */
export interface IntegerLinear {
  /** Place of the matrix among all. */
  readonly index: number;
  readonly bits: number;
  readonly bias: Int32Array;
}

export interface IntegerLayer {
  readonly query: IntegerLinear;
  readonly key: IntegerLinear;
  readonly value: IntegerLinear;
  readonly output: IntegerLinear;
  readonly attentionNorm: IntegerNorm;
  readonly widen: IntegerLinear;
  readonly narrow: IntegerLinear;
  readonly feedForwardNorm: IntegerNorm;
}

export interface IntegerWeights {
  readonly matrices: readonly Int16Matrix[];
  /** One for each codebook, [N + 1, D]. */
  readonly embeddings: readonly Int16Array[];
  readonly inputNorm: IntegerNorm;
  /** Epsilon of the norm of sums of embeddings, and of all others. */
  readonly inputEpsilon: number;
  readonly epsilon: number;
  readonly layers: readonly IntegerLayer[];
  readonly heads: readonly IntegerLinear[];
}

/** Rounds weights. */
export function toIntegerWeights(weights: LanguageModelWeights): IntegerWeights {
  const matrices: Int16Matrix[] = [];
  const place = (linear: LinearWeights): IntegerLinear => {
    const bits = weightBits(linear);
    const { numOutputs: numRows, numInputs: numColumns } = linear;
    const values = toInt16(linear.weight, bits);
    const bias = Int32Array.from(linear.bias, (value) => roundHalfUp(value * 2 ** (bits + ACTIVATION_BITS)));
    return { index: matrices.push({ numRows, numColumns, values }) - 1, bits, bias };
  };
  const layers = weights.layers.map((layer) => toIntegerLayer(layer, place));
  const heads = weights.heads.map(place);
  const embeddingBits = embeddingBitsOf(weights.embeddings);
  return {
    matrices,
    embeddings: weights.embeddings.map((table) => toInt16(table, embeddingBits)),
    inputNorm: toIntegerNorm(weights.inputNorm),
    inputEpsilon: normEpsilon(NORM_EPSILON, embeddingBits),
    epsilon: normEpsilon(NORM_EPSILON, ACTIVATION_BITS),
    layers,
    heads,
  };
}

function toIntegerLayer(layer: LayerWeights, place: (linear: LinearWeights) => IntegerLinear): IntegerLayer {
  return {
    query: place(layer.query),
    key: place(layer.key),
    value: place(layer.value),
    output: place(layer.output),
    attentionNorm: toIntegerNorm(layer.attentionNorm),
    widen: place(layer.widen),
    narrow: place(layer.narrow),
    feedForwardNorm: toIntegerNorm(layer.feedForwardNorm),
  };
}

/** Bits behind the point that keep every weight within int16 and every sum of products within int32. */
function weightBits({ weight, numInputs }: LinearWeights): number {
  const largest = largestMagnitude(weight);
  let largestSquare = 0;
  for (let begin = 0; begin < weight.length; begin += numInputs) {
    let square = 0;
    for (let at = begin; at < begin + numInputs; at++) square += (weight[at] as number) ** 2;
    largestSquare = Math.max(largestSquare, square);
  }
  // |w| * |x| < 2^31, squared: without a square root, which ECMAScript does not fix to the bit.
  const squareLimit = 4 ** (SUM_BITS - ACTIVATION_BITS) / (LARGEST_RMS * LARGEST_RMS * numInputs);
  let bits = MAX_WEIGHT_BITS;
  while (bits > MIN_WEIGHT_BITS && (largestSquare * 4 ** bits >= squareLimit || largest * 2 ** bits >= INT16_LIMIT))
    bits--;
  return bits;
}

/** A loop, as `Int16Array.from` takes ten times as long for millions of numbers. */
function toInt16(numbers: Float32Array, bits: number): Int16Array {
  const out = new Int16Array(numbers.length);
  const scale = 2 ** bits;
  for (let index = 0; index < out.length; index++) {
    out[index] = clampInt16(roundHalfUp((numbers[index] as number) * scale));
  }
  return out;
}

function embeddingBitsOf(tables: readonly Float32Array[]): number {
  const largest = Math.max(...tables.map(largestMagnitude));
  let bits = MAX_EMBEDDING_BITS;
  while (bits > 0 && largest * 2 ** bits >= EMBEDDING_LIMIT) bits--;
  return bits;
}

function toIntegerNorm({ gain, bias }: NormWeights): IntegerNorm {
  return {
    gain: Int32Array.from(gain, (value) => roundHalfUp(value * 2 ** GAIN_BITS)),
    bias: Float64Array.from(bias, (value) => roundHalfUp(value * 4 ** GAIN_BITS)),
  };
}

function largestMagnitude(values: Float32Array): number {
  let largest = 0;
  for (let index = 0; index < values.length; index++) largest = Math.max(largest, Math.abs(values[index] as number));
  return largest;
}
