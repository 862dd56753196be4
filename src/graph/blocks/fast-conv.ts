/**
 * Long convolutions with a fifth fewer multiplications: a fast FIR algorithm over planes that are split into even and
 * odd samples, a and b.
 *
 * With the even taps G and the odd taps H of a kernel, the even results are G a + H b', the odd ones G b + H a, where b'
 * is b a place earlier: four convolutions of half the length. G + H over a is in either result:
 *
 *     even = (G + H) a - H (a - b')
 *     odd  = (G + H) a - G (a - b)
 *
 * Three convolutions; what they cost beside multiplications are passes over the planes, which pay where there are many
 * channels and taps (docs/decisions/0101-fast-convolutions.md).
 *
 * Source   Mou and Duhamel 1991, "Short-length FIR filters and their use in fast nonrecursive filtering"
 */
import { formatShape } from "../dimension";
import type { GraphBuilder, Operand } from "../graph-builder";
import { leakyRelu } from "../ops/activation";
import { add } from "../ops/elementwise";
import { concat } from "../ops/shape";
import { blockWidth, movedInBlocks } from "./blocked-layout";
import type { ConvWeights } from "./causal-conv";
import { convolve, fromPlanes, planarReach, type Reach, repeatedBias, toPlanes } from "./planar-conv";

/** A signal's even and odd samples, each [B, C, 1, T / 2 + lag]. */
export interface Halves {
  readonly even: Operand;
  readonly odd: Operand;
  /** So many places before the first of `even` and behind the last of `odd` hold numbers that mean nothing. */
  readonly lag: number;
}

/**
 * [B, C, 1, T] to its halves; they stay in the blocked layout.
 *
 * @throws {GraphError} `shape-mismatch` when T is not even for every length of the signal
 */
export function splitInHalves(x: Operand): Halves {
  const half = (place: number): Operand => movedInBlocks(x, { kernelSize: 2, place, stride: 2 });
  return { even: half(0), odd: half(1), lag: 0 };
}

/** Halves without lag, put together again: [B, C, 1, T]. */
export function joinHalves({ even, odd }: Halves): Operand {
  return toPlanes(fromPlanes(concat([even, odd], 1), 2));
}

/** The sums of two signals without lag. */
export function addHalves(left: Halves, right: Halves): Halves {
  return { even: add(left.even, right.even), odd: add(left.odd, right.odd), lag: 0 };
}

/** Whether `fastConv` takes such a convolution. */
export function isHalvable(channels: number, kernelSize: number, dilation: number): boolean {
  return channels % blockWidth === 0 && kernelSize >= 5 && kernelSize % 2 === 1 && dilation % 2 === 1;
}

export interface FastConvOptions {
  readonly dilation?: number;
  /** Of the leaky ReLU that the signal goes through first. */
  readonly slope: number;
}

/**
 * A leaky ReLU and a convolution with zeros beyond the ends: as many samples come out as go in.
 *
 * An odd dilation d joins even samples with odd ones: result n of `even` is that of sample 2 n, and result n of `odd` that
 * of sample 2 n + d. So `odd` begins (d - 1) / 2 places before the first odd sample, and the result has that lag.
 *
 * Shapes   x [B, I, 1, T / 2 + x.lag] twice, weight [O, I, k]; result [B, O, 1, T / 2 + (d - 1) / 2] twice
 * @throws {GraphError} `unsupported-op` where `isHalvable` says no, and for a dilation over halves with a lag
 */
export function fastConv(x: Halves, weights: ConvWeights, { dilation = 1, slope }: FastConvOptions): Halves {
  const { graph } = x.even;
  // Read once: a file's tensor is converted each time.
  const { shape, data } = weights.weight;
  const [, channels = 0, kernelSize = 0] = shape;
  if (!isHalvable(channels, kernelSize, dilation) || (x.lag > 0 && dilation > 1)) {
    const got = `kernel ${kernelSize} and dilation ${dilation} over ${formatShape(x.even.shape)} with lag ${x.lag}`;
    throw graph.error(
      "unsupported-op",
      `a fast convolution expected odd sizes, blocks of channels, no lag, got ${got}`,
    );
  }
  const lag = (dilation - 1) / 2;
  // Everything that is convolved reaches from `lag` places before the first to `lag + 1` behind the last.
  const kernel = { kernelSize: x.lag + 1 };
  const a = leakyRelu(movedInBlocks(x.even, { ...kernel, place: x.lag, edges: [lag, lag + 1] }), slope);
  const b = leakyRelu(movedInBlocks(x.odd, kernel), slope);
  const difference = (edges: readonly [number, number]): Operand => add(movedInBlocks(b, { edges, scale: -1 }), a);
  const convolved = (input: Operand, taps: Taps, scale: number, bias: Operand[]): Operand => {
    const { weight, before, behind } = writeTaps(graph, { shape, data }, taps, scale);
    return convolve(input, weight, bias, { edges: [before * dilation, behind * dilation - lag - 1], dilation });
  };
  const shared = convolved(a, "all", 1, repeatedBias(a, weights, 1));
  return {
    even: add(convolved(difference([2 * lag + 1, 0]), "odd", -1, []), shared),
    odd: add(convolved(difference([0, 2 * lag + 1]), "even", -1, []), shared),
    lag,
  };
}

/**
 * Reach of a fast convolution without dilation. It adds numbers a sample further on than its kernel reaches and takes
 * them away again, which leaves their last bits.
 */
export function fastReach(kernelSize: number): Reach {
  const { back, ahead } = planarReach(kernelSize);
  return back % 2 === 0 ? { back: back + 1, ahead } : { back, ahead: ahead + 1 };
}

/** Taps counted from the middle one. */
type Taps = "even" | "odd" | "all";

/** Some of a kernel's taps as one of halves, [O, I, 1, places], and its reach; of all, even and odd ones are added up. */
function writeTaps(graph: GraphBuilder, { shape, data }: ConvWeights["weight"], which: Taps, scale: number) {
  const [numOutputs = 0, numInputs = 0, kernelSize = 0] = shape;
  const middle = (kernelSize - 1) / 2;
  const taps = Array.from({ length: kernelSize }, (_, tap) => {
    const isOdd = (tap - middle) % 2 !== 0;
    return { tap, isOdd, place: (tap - middle + Number(isOdd)) / 2 };
  }).filter(({ isOdd }) => which === "all" || isOdd === (which === "odd"));
  const places = taps.map(({ place }) => place);
  const [before, behind] = [-Math.min(...places), Math.max(...places)];
  const numPlaces = before + behind + 1;
  const written = graph.constant(`weight.${which}`, [numOutputs, numInputs, 1, numPlaces], (into) => {
    for (let row = 0; row < numOutputs * numInputs; row++) {
      for (const { tap, place } of taps) {
        const at = row * numPlaces + before + place;
        into[at] = (into[at] ?? 0) + scale * (data[row * kernelSize + tap] as number);
      }
    }
  });
  return { weight: written, before, behind };
}
