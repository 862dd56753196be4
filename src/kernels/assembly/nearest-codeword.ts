/**
 * AssemblyScript: residual vector quantization in WebAssembly SIMD, residuals [F, D] -> tokens [F, K].
 *
 * `npm run build:wasm` compiles this file into ../nearest-codeword.generated.ts; ../rvq.wasm.ts lays out
 * the memory that is read here and proves the error bound. Nothing is checked and nothing is allocated.
 *
 * One stage of one frame goes through four steps:
 *
 *   packQuery      residual, float32 ──► int16 words, a scale, and the margin the scores below can be wrong by
 *   screen…        half norm − dot, in int16 × int8 products ──► a score for every codeword
 *   chooseCodeword all codewords within two margins of the best score; more than one: float64 distances decide
 *   subtract       residual −= codeword, float32
 *
 * A tile of packed codewords: 16 codewords c0…c15, a row of 32 bytes for each pair of dimensions. `dot_i16x8_s` adds
 * the two products of a pair into one int32 lane, so a lane is a codeword and no sum across lanes is ever needed.
 *
 *   row 0   c0d0 c0d1 c1d0 c1d1 c2d0 c2d1 c3d0 c3d1 │ c4d0 … │ c8d0 … │ c12d0 … c15d1
 *   row 1   c0d2 c0d3 c1d2 c1d3 …
 */

/** What one stage has in memory; ../rvq.wasm.ts writes it. */
@unmanaged
class Stage {
  /** int8 tiles as pictured above. */
  packed: usize;
  /** Half the squared norm of each codeword times `scale` squared, float32; infinity in the padding of the last tile. */
  halfNorms: usize;
  /** The codewords as they came, float32 [N, D], rows padded with zeros. */
  codewords: usize;
  /** Power of two that brings the largest component of the stage to about 1. */
  scale: f32;
  /** One step of the int8 codewords, in scaled units. */
  step: f32;
  /** Largest norm of a rounding error (codeword − int8 codeword), scaled, rounded up. */
  errorNorm: f32;
  /** Largest norm of a codeword, plus `errorNorm`; scaled, rounded up. */
  maxNorm: f32;
}

/** What is known of one packed query. */
@unmanaged
class Query {
  /** Multiplies an integer dot product into scaled units. */
  unit: f32;
  /** No score is further than this from the half norm minus the true dot product. */
  margin: f32;
}

/** 2^-20, twice what eight float32 roundings can do to a score, relative to its largest term. */
const SCORE_ROUNDING: f32 = 9.5367431640625e-7;
const QUERIES_PER_TILE: i32 = 4;
const CODEWORDS_PER_TILE: i32 = 16;
/** Bytes of a tile row: 16 codewords, two int8 each. */
const ROW: usize = 32;
/** Bytes from the words of one query to those of the next: a constant, so that the four addresses of a tile cost nothing. */
const WORDS: usize = 4160;

let numCodewords: i32 = 0;
let numTiles: i32 = 0;
let rowBytes: usize = 0;
let scoreBytes: usize = 0;
let lowBytes: usize = 0;
let queryLevels: f32 = 0;
let rootDim: f32 = 0;
/** What float64 rounding can do to a deciding distance, relative to the square of the query. */
let distanceRounding: f32 = 0;
let stages: usize = 0;
let residuals: usize = 0;
let words: usize = 0;
let queries: usize = 0;
let scores: usize = 0;
let lows: usize = 0;
let tokens: usize = 0;

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
  scoresAt: usize,
  lowsAt: usize,
  tokensAt: usize,
): void {
  numCodewords = codebookSize;
  numTiles = (codebookSize + CODEWORDS_PER_TILE - 1) / CODEWORDS_PER_TILE;
  rowBytes = (<usize>paddedDim) << 2;
  scoreBytes = (<usize>(numTiles * CODEWORDS_PER_TILE)) << 2;
  lowBytes = scoreBytes >> 1;
  queryLevels = levels;
  rootDim = Mathf.sqrt(<f32>paddedDim);
  distanceRounding = <f32>(paddedDim + 8) * <f32>2.220446049250313e-16;
  stages = stagesAt;
  residuals = residualsAt;
  words = wordsAt;
  queries = queriesAt;
  scores = scoresAt;
  lows = lowsAt;
  tokens = tokensAt;
}

/** Quantizes the frames that lie in `residuals` [F, D], which is used up; tokens uint16 [F, activeCodebooks]. */
export function quantize(numFrames: i32, activeCodebooks: i32): void {
  const tiled = numFrames & ~(QUERIES_PER_TILE - 1);
  for (let q = 0; q < activeCodebooks; q++) {
    const stage = changetype<Stage>(stages + <usize>q * offsetof<Stage>());
    for (let f = 0; f < tiled; f += QUERIES_PER_TILE) {
      for (let i = 0; i < QUERIES_PER_TILE; i++) packQuery(f + i, i, stage);
      screenFour(stage);
      for (let i = 0; i < QUERIES_PER_TILE; i++) finishFrame(f + i, i, q, activeCodebooks, stage);
    }
    for (let f = tiled; f < numFrames; f++) {
      packQuery(f, 0, stage);
      screenOne(stage);
      finishFrame(f, 0, q, activeCodebooks, stage);
    }
  }
}

/** The query of index `i` among the `numQueries` of a tile: chooses its codeword, notes the token, updates the residual. */
function finishFrame(frame: i32, i: i32, q: i32, activeCodebooks: i32, stage: Stage): void {
  const residual = residuals + <usize>frame * rowBytes;
  const margin = queryAt(i).margin;
  const token = chooseCodeword(scores + <usize>i * scoreBytes, lows + <usize>i * lowBytes, margin, residual, stage);
  store<u16>(tokens + ((<usize>(frame * activeCodebooks + q)) << 1), <u16>token);
  const codeword = stage.codewords + <usize>token * rowBytes;
  for (let at: usize = 0; at < rowBytes; at += 16) {
    v128.store(residual + at, f32x4.sub(v128.load(residual + at), v128.load(codeword + at)));
  }
}

function queryAt(i: i32): Query {
  return changetype<Query>(queries + <usize>i * offsetof<Query>());
}

/**
 * Rounds a residual to int16, two dimensions to a 32-bit word.
 *
 * A residual whose scale to int16 is no float32, zero above all, becomes the zero vector, and the margin covers all of
 * it. One that is too large makes the margin infinite or not a number: distances then decide among all codewords.
 */
function packQuery(frame: i32, i: i32, stage: Stage): void {
  const residual = residuals + <usize>frame * rowBytes;
  const largest = largestMagnitude(residual);
  const scaled = largest * stage.scale;
  const toLevels = queryLevels / largest;
  const isUsable = toLevels < 1e38;

  const sumOfSquares = packWords(residual, words + <usize>i * WORDS, isUsable ? toLevels : 0);
  const unit: f32 = isUsable ? scaled / queryLevels : 0;
  // 1.001 and 0.52 (for a half) leave room for the rounding of these few operations themselves.
  const norm: f32 = isUsable ? unit * Mathf.sqrt(sumOfSquares) * 1.001 : scaled * rootDim;
  const queryError: f32 = isUsable ? unit * 0.52 * rootDim : norm;
  const query = queryAt(i);
  query.unit = unit * stage.step;
  query.margin =
    norm * stage.errorNorm +
    queryError * stage.maxNorm +
    SCORE_ROUNDING * (stage.maxNorm * stage.maxNorm + norm * stage.maxNorm) +
    distanceRounding * norm * norm;
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

/** Scores of one query: a tile of 1 × 16, two rows at a time (more would spill registers). */
function screenOne(stage: Stage): void {
  const unit = unitOf(0);
  const wordsEnd = words + (rowBytes >> 1);
  let row = stage.packed;
  let halfNorms = stage.halfNorms;
  let out = scores;
  let low = lows;
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
    storeScores(out, low, halfNorms, unit, dot0, dot1);
    storeScores(out + 32, low + 16, halfNorms + 32, unit, dot2, dot3);
    halfNorms += 64;
    out += 64;
    low += 32;
  }
}

/** Writes the scores of eight codewords, and in four lanes the lower of the two halves. */
function storeScores(out: usize, low: usize, halfNorms: usize, unit: v128, dots0: v128, dots1: v128): void {
  const scores0 = f32x4.sub(v128.load(halfNorms), f32x4.mul(unit, f32x4.convert_i32x4_s(dots0)));
  const scores1 = f32x4.sub(v128.load(halfNorms, 16), f32x4.mul(unit, f32x4.convert_i32x4_s(dots1)));
  v128.store(out, scores0);
  v128.store(out, scores1, 16);
  v128.store(low, f32x4.pmin(scores0, scores1));
}

/** Scores of four queries: tiles of 4 × 8, each widened codeword row used four times. */
function screenFour(stage: Stage): void {
  const tileBytes = rowBytes << 2;
  let tile = stage.packed;
  let halfNorms = stage.halfNorms;
  let out = scores;
  let low = lows;
  for (let t = 0; t < numTiles; t++) {
    screenFourByEight(tile, tile + tileBytes, halfNorms, out, low);
    screenFourByEight(tile + 16, tile + 16 + tileBytes, halfNorms + 32, out + 32, low + 16);
    tile += tileBytes;
    halfNorms += 64;
    out += 64;
    low += 32;
  }
}

/** Eight accumulators, two codeword vectors and the query words just fit the 15 registers that V8 gives on x86-64. */
function screenFourByEight(row: usize, end: usize, halfNorms: usize, out: usize, low: usize): void {
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
  storeScores(out, low, halfNorms, unitOf(0), a0, a1);
  storeScores(out + scoreBytes, low + lowBytes, halfNorms, unitOf(1), b0, b1);
  storeScores(out + 2 * scoreBytes, low + 2 * lowBytes, halfNorms, unitOf(2), c0, c1);
  storeScores(out + 3 * scoreBytes, low + 3 * lowBytes, halfNorms, unitOf(3), d0, d1);
}

function unitOf(i: i32): v128 {
  return f32x4.splat(queryAt(i).unit);
}

/**
 * The nearest codeword, lowest index first on equal distance.
 *
 * A margin that is infinite or not a number rules nothing out: comparisons ask what is above the limit, never below.
 */
function chooseCodeword(scoresAt: usize, lowsAt: usize, margin: f32, residual: usize, stage: Stage): i32 {
  const limit = f32x4.splat(lowestOf(lowsAt) + 2 * margin);
  let best = -1;
  let bestDistance: f64 = -1;
  for (let at: usize = 0; at < lowBytes; at += 16) {
    if (i32x4.all_true(f32x4.gt(v128.load(lowsAt + at), limit))) continue;
    const above0 = f32x4.gt(v128.load(scoresAt + 2 * at), limit);
    const above1 = f32x4.gt(v128.load(scoresAt + 2 * at, 16), limit);
    let candidates = ~(i32x4.bitmask(above0) | (i32x4.bitmask(above1) << 4)) & 0xff;
    for (; candidates !== 0; candidates &= candidates - 1) {
      const candidate = (<i32>at >> 1) + ctz(candidates);
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

/** In two chains, for the latency of one minimum is several minima's work. */
function lowestOf(lowsAt: usize): f32 {
  let even = v128.load(lowsAt);
  let odd = v128.load(lowsAt, 16);
  for (let at = lowsAt + 32, end = lowsAt + lowBytes; at < end; at += 32) {
    even = f32x4.pmin(even, v128.load(at));
    odd = f32x4.pmin(odd, v128.load(at, 16));
  }
  const lowest = f32x4.pmin(even, odd);
  const two = f32x4.pmin(lowest, swapHalves(lowest));
  return min(f32x4.extract_lane(two, 0), f32x4.extract_lane(two, 1));
}

function swapHalves(vector: v128): v128 {
  return i8x16.shuffle(vector, vector, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
}

/** Float64, in the eight partial sums of `squaredDistance` in ../nearest-codeword.reference.ts: equal to the last bit. */
function squaredDistance(vector: usize, codeword: usize): f64 {
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

function promoteTwo(at: usize): v128 {
  return f64x2.promote_low_f32x4(v128.load64_zero(at));
}
