/**
 * AssemblyScript: residual vector quantization that keeps several paths from stage to stage, residuals [F, M, D] ->
 * tokens [F, K]. Screening is that of ./nearest-codeword.ts, four paths of a frame at a time.
 *
 * A module of its own, ../beam-search.generated.ts: together with ./rvq.ts it would exceed the 4 KiB that every browser
 * compiles at once, or lose a tenth to a quarter of the speed of a single path where fewer calls are inlined.
 *
 * One stage of one frame:
 *
 *   for each path    screen…        bounds of ½|c|² − x·c for every codeword c, x being what the path leaves over
 *                    offerCodewords codewords whose bound, with ½|x|², reaches the worst extension kept so far; float64
 *                                   distances decide which stay
 *   for the kept     extendPaths    residual of the parent − codeword, float32; parent and token are noted
 *
 * and after the last stage `traceBack` follows the parents of the best path from its end to its beginning.
 */
import {
  boundBytes,
  bounds,
  distanceRounding,
  numCodewords,
  packQuery,
  promoteTwo,
  QUERIES_PER_TILE,
  residuals,
  rowBytes,
  Stage,
  screenFour,
  screenOne,
  squaredDistance,
  stageAt,
  tokens,
} from "./nearest-codeword";

export { configure } from "./nearest-codeword";

/** More than denormal float32 can lose anywhere, in scaled units. */
const TINY: f64 = 1e-35;
/** Twice what rounding to float32 can do. */
const ROUNDING: f64 = 1.1920928955078125e-7;

/** Squared distances of the extensions kept so far, smallest first, float64 [M]. */
let distances: usize = 0;
/** The same extensions as parent · 2^16 + token, uint32 [M]. */
let kept: usize = 0;
/** Residuals of the next stage while those of this one are still read, float32 [M, D]. */
let extended: usize = 0;
/** What was kept at each stage, uint32 [K, F, M]. */
let choices: usize = 0;

let numKept: i32 = 0;

/** Tells where the room for several paths lies. */
export function configureBeam(distancesAt: usize, keptAt: usize, extendedAt: usize, choicesAt: usize): void {
  distances = distancesAt;
  kept = keptAt;
  extended = extendedAt;
  choices = choicesAt;
}

/**
 * Quantizes frames, each of which lies in the first row of its `beamWidth` rows of `residuals` [F, M, D], which is used
 * up; tokens uint16 [F, activeCodebooks].
 */
export function quantizeByBeam(numFrames: i32, activeCodebooks: i32, beamWidth: i32): void {
  const beamBytes = <usize>beamWidth * rowBytes;
  let numPaths = 1;
  for (let q = 0; q < activeCodebooks; q++) {
    const stage = stageAt(q);
    const isLast = q + 1 === activeCodebooks;
    // Of the last stage's extensions only the best one is of use.
    const capacity = isLast ? 1 : min(beamWidth, numPaths * numCodewords);
    for (let f = 0; f < numFrames; f++) {
      const paths = residuals + <usize>f * beamBytes;
      searchExtensions(paths, numPaths, capacity, stage);
      memory.copy(choices + ((<usize>(q * numFrames + f) * <usize>beamWidth) << 2), kept, (<usize>numKept) << 2);
      if (!isLast) extendPaths(paths, stage);
    }
    numPaths = capacity;
  }
  for (let f = 0; f < numFrames; f++) traceBack(f, numFrames, activeCodebooks, beamWidth);
}

/** Leaves the best extensions of a frame's paths in `distances` and `kept`. */
function searchExtensions(paths: usize, numPaths: i32, capacity: i32, stage: Stage): void {
  numKept = 0;
  let p = 0;
  for (; p + QUERIES_PER_TILE <= numPaths; p += QUERIES_PER_TILE) {
    for (let i = 0; i < QUERIES_PER_TILE; i++) packQuery(paths + <usize>(p + i) * rowBytes, i, stage);
    screenFour(stage);
    for (let i = 0; i < QUERIES_PER_TILE; i++) offerCodewords(paths, p + i, i, capacity, stage);
  }
  for (; p < numPaths; p++) {
    packQuery(paths + <usize>p * rowBytes, 0, stage);
    screenOne(stage);
    offerCodewords(paths, p, 0, capacity, stage);
  }
}

/**
 * Keeps the extensions of path `p`, the query of index `i`, that are among the best so far.
 *
 * A limit that is infinite or not a number rules nothing out: comparisons ask what is above it, never what is below.
 */
function offerCodewords(paths: usize, p: i32, i: i32, capacity: i32, stage: Stage): void {
  const residual = paths + <usize>p * rowBytes;
  const boundsAt = bounds + <usize>i * boundBytes;
  const halfSquareScale = 0.5 * <f64>stage.scale * <f64>stage.scale;
  const square = squareOf(residual);
  let limit = limitOf(square, halfSquareScale, capacity);
  for (let at: usize = 0; at < boundBytes; at += 32) {
    const left = f32x4.gt(v128.load(boundsAt + at), limit);
    const right = f32x4.gt(v128.load(boundsAt + at, 16), limit);
    if (i32x4.all_true(v128.and(left, right))) continue;
    let candidates = ~(i32x4.bitmask(left) | (i32x4.bitmask(right) << 4)) & 0xff;
    for (; candidates !== 0; candidates &= candidates - 1) {
      const candidate = <i32>(at >> 2) + ctz(candidates);
      if (candidate >= numCodewords) break;
      const distance = squaredDistance(residual, stage.codewords + <usize>candidate * rowBytes);
      if (numKept === capacity && !(distance < worstDistance())) continue;
      keep(distance, (p << 16) | candidate, capacity);
      limit = limitOf(square, halfSquareScale, capacity);
    }
  }
}

/**
 * The bound above which no codeword of a path can be kept: half of what the worst distance exceeds the path's own square
 * by, in scaled units, and a little more for float64 and for rounding to float32.
 */
function limitOf(square: f64, halfSquareScale: f64, capacity: i32): v128 {
  if (numKept < capacity) return f32x4.splat(Infinity);
  const worst = worstDistance();
  const limit = halfSquareScale * (worst - square);
  const slack = <f64>distanceRounding * halfSquareScale * (worst + square) + abs(limit) * ROUNDING + TINY;
  return f32x4.splat(<f32>(limit + slack));
}

function worstDistance(): f64 {
  return load<f64>(distances + ((<usize>(numKept - 1)) << 3));
}

/** Inserts an extension behind those as near, and drops the last where there is no more room. */
function keep(distance: f64, choice: u32, capacity: i32): void {
  let at = numKept < capacity ? numKept++ : capacity - 1;
  for (; at > 0 && distance < load<f64>(distances + ((<usize>(at - 1)) << 3)); at--) {
    store<f64>(distances + ((<usize>at) << 3), load<f64>(distances + ((<usize>(at - 1)) << 3)));
    store<u32>(kept + ((<usize>at) << 2), load<u32>(kept + ((<usize>(at - 1)) << 2)));
  }
  store<f64>(distances + ((<usize>at) << 3), distance);
  store<u32>(kept + ((<usize>at) << 2), choice);
}

/** Replaces the residuals of a frame's paths by those of the extensions kept. */
function extendPaths(paths: usize, stage: Stage): void {
  for (let m = 0; m < numKept; m++) {
    const choice = load<u32>(kept + ((<usize>m) << 2));
    const parent = paths + <usize>(choice >> 16) * rowBytes;
    const codeword = stage.codewords + <usize>(choice & 0xffff) * rowBytes;
    const residual = extended + <usize>m * rowBytes;
    for (let at: usize = 0; at < rowBytes; at += 16) {
      v128.store(residual + at, f32x4.sub(v128.load(parent + at), v128.load(codeword + at)));
    }
  }
  memory.copy(paths, extended, <usize>numKept * rowBytes);
}

function traceBack(f: i32, numFrames: i32, activeCodebooks: i32, beamWidth: i32): void {
  let path = 0;
  for (let q = activeCodebooks - 1; q >= 0; q--) {
    const choice = load<u32>(choices + ((<usize>((q * numFrames + f) * beamWidth + path)) << 2));
    store<u16>(tokens + ((<usize>(f * activeCodebooks + q)) << 1), <u16>choice);
    path = <i32>(choice >> 16);
  }
}

/** The squared norm of a residual, float64. */
function squareOf(vector: usize): f64 {
  let squares = f64x2.splat(0);
  for (const end = vector + rowBytes; vector < end; vector += 16) {
    const left = promoteTwo(vector);
    const right = promoteTwo(vector + 8);
    squares = f64x2.add(squares, f64x2.add(f64x2.mul(left, left), f64x2.mul(right, right)));
  }
  return f64x2.extract_lane(squares, 0) + f64x2.extract_lane(squares, 1);
}
