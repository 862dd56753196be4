/**
 * Arithmetic of 8-bit networks in float32, number for number as XNNPACK does it.
 *
 * A quantized value is held as the whole number q - zeroPoint. Products of such numbers and their sums stay below 2^24, so
 * float32 holds them exactly in any order, on any device; roundings are written out where the 8-bit kernels round.
 *
 * Source   XNNPACK's scalar kernels qs8-vlrelu, qs8-vadd, qs8-qc8w-gemm and f32-qs8-vcvt
 */
import type { TfliteQuantization } from "../../src/checkpoints/tflite/tflite-model";
import type { Operand } from "../../src/graph/graph-builder";
import { add, floor, multiply } from "../../src/graph/ops/elementwise";

/** A scale and a zero point for a whole value. */
export interface Int8Format {
  readonly scale: number;
  readonly zeroPoint: number;
}

/** The format of a value; weights have a scale for each channel and are not meant here. */
export function int8Format({ scales, zeroPoints }: TfliteQuantization): Int8Format {
  return { scale: scales[0] as number, zeroPoint: zeroPoints[0] as number };
}

/** Real numbers → whole ones, by the reciprocal of the scale, halves to even. */
export function quantize(x: Operand, format: Int8Format): Operand {
  const scaled = multiply(x, x.graph.number(Math.fround(1 / format.scale)));
  return roundEven(clip(scaled, format));
}

/** Whole numbers → real ones. */
export function dequantize(x: Operand, { scale }: Int8Format): Operand {
  return multiply(x, x.graph.number(scale));
}

/**
 * Sums of products of whole numbers → whole numbers of another format, halves to even.
 *
 * @param scales  scale of the input times that of each channel's weights
 */
export function requantize(sums: Operand, scales: readonly number[], to: Int8Format): Operand {
  const factors = Float32Array.from(scales, (scale) => Math.fround(scale) / to.scale);
  return roundEven(clip(multiply(sums, sums.graph.constant("scale", [factors.length], factors)), to));
}

/** max(x, slope x) for 0 < slope < 1, with gains of 8 fractional bits, halves up. */
export function leakyReluInt8(x: Operand, slope: number, from: Int8Format, to: Int8Format): Operand {
  const { graph, shape } = x;
  const gain = Math.fround(from.scale / to.scale);
  const above = multiply(x, graph.number(fractionOf(gain)));
  const below = multiply(x, graph.number(fractionOf(Math.fround(gain * slope))));
  return clip(roundUp(graph.node("Max", [above, below], shape)), to);
}

/** The nearest multiple of 1/256. */
function fractionOf(gain: number): number {
  return roundHalfEven(256 * gain) / 256;
}

/**
 * The sum of two values of different formats, with gains of 21 bits, halves up.
 *
 * The gains are split at 11 bits, because a product with a whole one has more than the 24 bits of float32; the lower
 * part of the sum counts only by what it carries over.
 */
export function addInt8(a: Operand, b: Operand, formats: { a: Int8Format; b: Int8Format; to: Int8Format }): Operand {
  const { graph } = a;
  const gains = [formats.a, formats.b].map(({ scale }) => Math.fround(scale / formats.to.scale));
  const shift = gainBits - Math.floor(Math.log2(Math.max(...gains)));
  const whole = gains.map((gain) => roundHalfEven(gain * 2 ** shift));
  const sumOf = (parts: readonly number[]): Operand =>
    add(multiply(a, graph.number(parts[0] as number)), multiply(b, graph.number(parts[1] as number)));
  const low = sumOf(whole.map((gain) => (gain % lowPart) / lowPart));
  const high = sumOf(whole.map((gain) => Math.floor(gain / lowPart)));
  const sum = add(high, floor(low));
  return clip(roundUp(multiply(sum, graph.number(lowPart / 2 ** shift))), formats.to);
}

const gainBits = 20;
const lowPart = 2 ** 11;

/** What is left of -128 ... 127 when the zero point is taken off. */
function clip(x: Operand, { zeroPoint }: Int8Format): Operand {
  const bounds = [x.graph.number(-128 - zeroPoint), x.graph.number(127 - zeroPoint)];
  return x.graph.node("Clip", [x, ...bounds], x.shape);
}

function roundEven(x: Operand): Operand {
  return x.graph.node("Round", [x], x.shape);
}

function roundUp(x: Operand): Operand {
  return floor(add(x, x.graph.number(0.5)));
}

function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest === 0.5) return below + (below % 2);
  return rest < 0.5 ? below : below + 1;
}
