/**
 * AssemblyScript: screening the codewords of a stage in WebAssembly SIMD, and choosing the nearest, for ./rvq.ts.
 *
 * ../rvq.wasm.ts lays out the memory that is read here and proves the error bound. Nothing is checked and nothing is
 * allocated.
 *
 * The ladder, frames per second at 8 × 1024 × 128, one frame a call │ many; best of interleaved rounds, one thread of a
 * busy AMD EPYC (Zen 5, 2 cores), Node 20.20, 2026-11-21. Compare within a line, the machine was not the same twice.
 *
 *   float32, tile 1 × 16 │ 4 × 8     14,400 │ 17,300   all codewords, no screening: 2 instructions for 4 products
 *   int8, the same tiles             25,500 │ 32,900   `dot_i16x8_s`: 2 instructions for 8; kept
 *   int16 codewords                  26,200 │ 33,400   twice the memory for 2 %
 *   one step for a whole codebook    27,000 │ 34,000   but 3,100 at the trained 12 × 1024 × 64: norms differ a
 *                                                      hundredfold and 150 to 740 candidates were left a search
 *   a step for each codeword         26,000 │ 34,000   30,000 there, 1.4 candidates; kept
 *
 * Tiles, dot products alone, on a quieter moment: 1 × 16 by two rows 31,500, by four rows 25,100, 1 × 32 22,300;
 * 4 × 8 by one row 42,400, by two rows 33,800, 6 × 8 30,600, 3 × 12 35,700, 2 × 16 33,200. Whatever holds more than 15
 * vectors at once spills.
 *
 * One stage of one frame goes through four steps:
 *
 *   packQuery       residual, float32 ──► int16 words and a scale
 *   screen…         int16 × int8 products ──► a lower and an upper bound of ½|c|² − x·c for every codeword
 *   chooseCodeword  codewords whose lower bound reaches the lowest upper one; several: float64 distances decide
 *   finishFrame     (./rvq.ts) residual −= codeword, float32
 *
 * A tile of packed codewords: 16 codewords c0…c15, a row of 32 bytes for each pair of dimensions. `dot_i16x8_s` adds
 * the two products of a pair into one int32 lane, so a lane is a codeword and no sum across lanes is ever needed.
 *
 *   row 0   c0d0 c0d1 c1d0 c1d1 c2d0 c2d1 c3d0 c3d1 │ c4d0 … │ c8d0 … │ c12d0 … c15d1
 *   row 1   c0d2 c0d3 c1d2 c1d3 …
 *
 * What the bounds need of four codewords fills a cache line, float32:
 *
 *   low ×4 │ high ×4 │ step ×4 │ slack ×4       ½|c|² rounded down, and up; one step of int8; error for |x| = 1
 */

/** What one stage has in memory; ../rvq.wasm.ts writes it. */
@unmanaged
export class Stage {
  /** int8 tiles as pictured above. */
  packed: usize;
  /** Lines of bound terms as pictured above, in scaled units; halves are infinite in the padding of the last tile. */
  terms: usize;
  /** The codewords as they came, float32 [N, D], rows padded with zeros. */
  codewords: usize;
  /** Power of two that brings the largest component of the stage to about 1: what is scaled by it, is in scaled units. */
  scale: f32;
}

/** What is known of one packed query, in scaled units. */
@unmanaged
export class Query {
  /** Multiplies integers into scaled units. */
  unit: f32;
  /** At least the norm of the residual. */
  norm: f32;
  /** What the deciding distances may be wrong by, for both of two codewords. */
  slack: f32;
  /** Lowest upper bound so far, in four lanes from here on. */
  lowest: v128;
}

export const QUERIES_PER_TILE: i32 = 4;
const CODEWORDS_PER_TILE: i32 = 16;
/** Bytes of a tile row: 16 codewords, two int8 each. */
const ROW: usize = 32;
/** Bytes of the bound terms of four codewords. */
const LINE: usize = 64;
/** Bytes from the words of one query to those of the next: a constant, so that the four addresses of a tile cost nothing. */
const WORDS: usize = 4160;
/** More than denormal float32 can lose anywhere, next to nothing in units that make a codebook about 1. */
const TINY: f32 = 1e-35;

export let numCodewords: i32 = 0;
let numTiles: i32 = 0;
export let rowBytes: usize = 0;
export let boundBytes: usize = 0;
let queryLevels: f32 = 0;
/** What float64 rounding can do to a deciding distance, relative to the square of the query. */
export let distanceRounding: f32 = 0;
let stages: usize = 0;
export let residuals: usize = 0;
let words: usize = 0;
let queries: usize = 0;
export let bounds: usize = 0;
export let tokens: usize = 0;

/**
 * Tells the sizes and where everything lies.
 *
 * @param paddedDim  codebookDim rounded up to a multiple of 8; what was added is zero everywhere
 * @param levels  integer that the largest component of a query becomes, low enough that no dot product overflows
 */
export function configure(
  codebookSize: i32,
  paddedDim: i32,
  levels: f32,
  stagesAt: usize,
  residualsAt: usize,
  wordsAt: usize,
  queriesAt: usize,
  boundsAt: usize,
  tokensAt: usize,
): void {
  numCodewords = codebookSize;
  numTiles = (codebookSize + CODEWORDS_PER_TILE - 1) / CODEWORDS_PER_TILE;
  rowBytes = (<usize>paddedDim) << 2;
  boundBytes = (<usize>(numTiles * CODEWORDS_PER_TILE)) << 2;
  queryLevels = levels;
  distanceRounding = <f32>(paddedDim + 8) * <f32>2.220446049250313e-16;
  stages = stagesAt;
  residuals = residualsAt;
  words = wordsAt;
  queries = queriesAt;
  bounds = boundsAt;
  tokens = tokensAt;
}

export function stageAt(q: i32): Stage {
  return changetype<Stage>(stages + <usize>q * offsetof<Stage>());
}

export function queryAt(i: i32): Query {
  return changetype<Query>(queries + <usize>i * offsetof<Query>());
}

/**
 * Rounds a residual to int16, two dimensions to a 32-bit word.
 *
 * A residual too small or too large for this arithmetic needs no branch: its scale, norm or slack comes out infinite or
 * not a number, the limit in `chooseCodeword` with it, and float64 distances decide among all codewords.
 */
export function packQuery(residual: usize, i: i32, stage: Stage): void {
  const largest = largestMagnitude(residual);
  const toLevels: f32 = largest > 0 ? queryLevels / largest : 0;
  const sumOfSquares = packWords(residual, words + <usize>i * WORDS, toLevels);
  const query = queryAt(i);
  query.unit = (largest * stage.scale) / queryLevels;
  // A thousandth more, for the rounding of this sum and of the bounds made from it.
  query.norm = query.unit * Mathf.sqrt(sumOfSquares) * 1.001;
  query.slack = distanceRounding * query.norm * query.norm + TINY;
  query.lowest = f32x4.splat(Infinity);
}

function largestMagnitude(vector: usize): f32 {
  let largest = f32x4.splat(0);
  for (let at = vector, end = vector + rowBytes; at < end; at += 16) {
    largest = f32x4.pmax(largest, f32x4.abs(v128.load(at)));
  }
  largest = f32x4.pmax(largest, swapHalves(largest));
  return max(f32x4.extract_lane(largest, 0), f32x4.extract_lane(largest, 1));
}

/** Writes vector × toLevels as int16 and returns the sum of its squares. */
function packWords(vector: usize, out: usize, toLevels: f32): f32 {
  const factor = f32x4.splat(toLevels);
  // Adding 1.5 × 2^23 leaves the rounded integer in the low bits: three instructions for what trunc_sat does in eight.
  const magic = f32x4.splat(12582912);
  let squares = f32x4.splat(0);
  for (let at = vector, end = vector + rowBytes; at < end; at += 32) {
    const a = f32x4.mul(v128.load(at), factor);
    const b = f32x4.mul(v128.load(at, 16), factor);
    squares = f32x4.add(squares, f32x4.add(f32x4.mul(a, a), f32x4.mul(b, b)));
    v128.store(out, i16x8.narrow_i32x4_s(i32x4.sub(f32x4.add(a, magic), magic), i32x4.sub(f32x4.add(b, magic), magic)));
    out += 16;
  }
  return (
    f32x4.extract_lane(squares, 0) +
    f32x4.extract_lane(squares, 1) +
    (f32x4.extract_lane(squares, 2) + f32x4.extract_lane(squares, 3))
  );
}

/** Bounds for one query: tiles of 1 × 16, two rows at a time (more would spill registers). */
export function screenOne(stage: Stage): void {
  const query = queryAt(0);
  const unit = f32x4.splat(query.unit);
  const norm = f32x4.splat(query.norm);
  let lowest = f32x4.splat(Infinity);
  const wordsEnd = words + (rowBytes >> 1);
  let row = stage.packed;
  let terms = stage.terms;
  let out = bounds;
  for (let t = 0; t < numTiles; t++) {
    let dot0 = i32x4.splat(0);
    let dot1 = dot0;
    let dot2 = dot0;
    let dot3 = dot0;
    for (let word = words; word < wordsEnd; word += 8) {
      const q0 = v128.load32_splat(word);
      dot0 = i32x4.add(dot0, i32x4.dot_i16x8_s(q0, v128.load8x8_s(row)));
      dot1 = i32x4.add(dot1, i32x4.dot_i16x8_s(q0, v128.load8x8_s(row, 8)));
      dot2 = i32x4.add(dot2, i32x4.dot_i16x8_s(q0, v128.load8x8_s(row, 16)));
      dot3 = i32x4.add(dot3, i32x4.dot_i16x8_s(q0, v128.load8x8_s(row, 24)));
      const q1 = v128.load32_splat(word, 4);
      dot0 = i32x4.add(dot0, i32x4.dot_i16x8_s(q1, v128.load8x8_s(row, 32)));
      dot1 = i32x4.add(dot1, i32x4.dot_i16x8_s(q1, v128.load8x8_s(row, 40)));
      dot2 = i32x4.add(dot2, i32x4.dot_i16x8_s(q1, v128.load8x8_s(row, 48)));
      dot3 = i32x4.add(dot3, i32x4.dot_i16x8_s(q1, v128.load8x8_s(row, 56)));
      row += 2 * ROW;
    }
    const upper0 = boundFour(out, terms, unit, norm, dot0);
    const upper1 = boundFour(out + 16, terms + LINE, unit, norm, dot1);
    const upper2 = boundFour(out + 32, terms + 2 * LINE, unit, norm, dot2);
    const upper3 = boundFour(out + 48, terms + 3 * LINE, unit, norm, dot3);
    lowest = f32x4.pmin(lowest, f32x4.pmin(f32x4.pmin(upper0, upper1), f32x4.pmin(upper2, upper3)));
    terms += 4 * LINE;
    out += 64;
  }
  query.lowest = lowest;
}

/** Bounds for four queries: tiles of 4 × 8, each widened row of codewords used four times. */
export function screenFour(stage: Stage): void {
  const tileBytes = rowBytes << 2;
  let tile = stage.packed;
  let terms = stage.terms;
  let out = bounds;
  for (let t = 0; t < numTiles; t++) {
    screenFourByEight(tile, tile + tileBytes, terms, out);
    screenFourByEight(tile + 16, tile + 16 + tileBytes, terms + 2 * LINE, out + 32);
    tile += tileBytes;
    terms += 4 * LINE;
    out += 64;
  }
}

/** Eight accumulators, two codeword vectors and the query words just fit the 15 registers that V8 gives on x86-64. */
function screenFourByEight(row: usize, end: usize, terms: usize, out: usize): void {
  let a0 = i32x4.splat(0);
  let a1 = a0;
  let b0 = a0;
  let b1 = a0;
  let c0 = a0;
  let c1 = a0;
  let d0 = a0;
  let d1 = a0;
  for (let word = words; row < end; row += ROW, word += 4) {
    const left = v128.load8x8_s(row);
    const right = v128.load8x8_s(row, 8);
    const a = v128.load32_splat(word);
    a0 = i32x4.add(a0, i32x4.dot_i16x8_s(a, left));
    a1 = i32x4.add(a1, i32x4.dot_i16x8_s(a, right));
    const b = v128.load32_splat(word, WORDS);
    b0 = i32x4.add(b0, i32x4.dot_i16x8_s(b, left));
    b1 = i32x4.add(b1, i32x4.dot_i16x8_s(b, right));
    const c = v128.load32_splat(word, 2 * WORDS);
    c0 = i32x4.add(c0, i32x4.dot_i16x8_s(c, left));
    c1 = i32x4.add(c1, i32x4.dot_i16x8_s(c, right));
    const d = v128.load32_splat(word, 3 * WORDS);
    d0 = i32x4.add(d0, i32x4.dot_i16x8_s(d, left));
    d1 = i32x4.add(d1, i32x4.dot_i16x8_s(d, right));
  }
  boundEight(out, terms, queryAt(0), a0, a1);
  boundEight(out + boundBytes, terms, queryAt(1), b0, b1);
  boundEight(out + 2 * boundBytes, terms, queryAt(2), c0, c1);
  boundEight(out + 3 * boundBytes, terms, queryAt(3), d0, d1);
}

function boundEight(out: usize, terms: usize, query: Query, dots0: v128, dots1: v128): void {
  const unit = f32x4.splat(query.unit);
  const norm = f32x4.splat(query.norm);
  const upper0 = boundFour(out, terms, unit, norm, dots0);
  const upper1 = boundFour(out + 16, terms + LINE, unit, norm, dots1);
  query.lowest = f32x4.pmin(query.lowest, f32x4.pmin(upper0, upper1));
}

/** Writes the lower bounds of four codewords and returns the upper ones; ../rvq.wasm.ts has the proof. */
function boundFour(out: usize, terms: usize, unit: v128, norm: v128, dots: v128): v128 {
  const dot = f32x4.mul(unit, f32x4.mul(v128.load(terms, 32), f32x4.convert_i32x4_s(dots)));
  const error = f32x4.mul(norm, v128.load(terms, 48));
  v128.store(out, f32x4.sub(v128.load(terms), f32x4.add(dot, error)));
  return f32x4.sub(v128.load(terms, 16), f32x4.sub(dot, error));
}

/**
 * The nearest codeword, lowest index first on equal distance.
 *
 * A limit that is infinite or not a number rules nothing out: comparisons ask what is above it, never what is below.
 */
export function chooseCodeword(boundsAt: usize, query: Query, residual: usize, stage: Stage): i32 {
  const limit = f32x4.splat(lowestLane(query.lowest) + query.slack);
  let best = -1;
  let bestDistance: f64 = -1;
  for (let at: usize = 0; at < boundBytes; at += 32) {
    const left = f32x4.gt(v128.load(boundsAt + at), limit);
    const right = f32x4.gt(v128.load(boundsAt + at, 16), limit);
    if (i32x4.all_true(v128.and(left, right))) continue;
    let candidates = ~(i32x4.bitmask(left) | (i32x4.bitmask(right) << 4)) & 0xff;
    for (; candidates !== 0; candidates &= candidates - 1) {
      const candidate = <i32>(at >> 2) + ctz(candidates);
      if (candidate >= numCodewords) break;
      if (best < 0) {
        best = candidate;
        continue;
      }
      if (bestDistance < 0) bestDistance = squaredDistance(residual, stage.codewords + <usize>best * rowBytes);
      const distance = squaredDistance(residual, stage.codewords + <usize>candidate * rowBytes);
      if (distance < bestDistance) {
        best = candidate;
        bestDistance = distance;
      }
    }
  }
  return best;
}

function lowestLane(vector: v128): f32 {
  const two = f32x4.pmin(vector, swapHalves(vector));
  return min(f32x4.extract_lane(two, 0), f32x4.extract_lane(two, 1));
}

function swapHalves(vector: v128): v128 {
  return i8x16.shuffle(vector, vector, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
}

/** Float64, in the eight partial sums of `squaredDistance` in ../nearest-codeword.reference.ts: equal to the last bit. */
export function squaredDistance(vector: usize, codeword: usize): f64 {
  let sums01 = f64x2.splat(0);
  let sums23 = sums01;
  let sums45 = sums01;
  let sums67 = sums01;
  for (const end = vector + rowBytes; vector < end; vector += 32, codeword += 32) {
    const d01 = f64x2.sub(promoteTwo(vector), promoteTwo(codeword));
    const d23 = f64x2.sub(promoteTwo(vector + 8), promoteTwo(codeword + 8));
    const d45 = f64x2.sub(promoteTwo(vector + 16), promoteTwo(codeword + 16));
    const d67 = f64x2.sub(promoteTwo(vector + 24), promoteTwo(codeword + 24));
    sums01 = f64x2.add(sums01, f64x2.mul(d01, d01));
    sums23 = f64x2.add(sums23, f64x2.mul(d23, d23));
    sums45 = f64x2.add(sums45, f64x2.mul(d45, d45));
    sums67 = f64x2.add(sums67, f64x2.mul(d67, d67));
  }
  const sums = f64x2.add(f64x2.add(sums01, sums23), f64x2.add(sums45, sums67));
  return f64x2.extract_lane(sums, 0) + f64x2.extract_lane(sums, 1);
}

export function promoteTwo(at: usize): v128 {
  return f64x2.promote_low_f32x4(v128.load64_zero(at));
}
