/**
 * AssemblyScript: residual vector quantization in WebAssembly SIMD, residuals [F, D] -> tokens [F, K].
 *
 * `npm run build:wasm` compiles this file and what it imports into ../rvq.generated.ts; ../rvq.wasm.ts lays out the memory.
 * This is the search that keeps one path; ./beam-search.ts keeps several.
 */
import {
  boundBytes,
  bounds,
  chooseCodeword,
  packQuery,
  QUERIES_PER_TILE,
  queryAt,
  residuals,
  rowBytes,
  Stage,
  screenFour,
  screenOne,
  stageAt,
  tokens,
} from "./nearest-codeword";

export { configure } from "./nearest-codeword";

/** Quantizes the frames that lie in `residuals` [F, D], which is used up; tokens uint16 [F, activeCodebooks]. */
export function quantize(numFrames: i32, activeCodebooks: i32): void {
  const tiled = numFrames & ~(QUERIES_PER_TILE - 1);
  for (let q = 0; q < activeCodebooks; q++) {
    const stage = stageAt(q);
    for (let f = 0; f < tiled; f += QUERIES_PER_TILE) {
      for (let i = 0; i < QUERIES_PER_TILE; i++) packQuery(residuals + <usize>(f + i) * rowBytes, i, stage);
      screenFour(stage);
      for (let i = 0; i < QUERIES_PER_TILE; i++) finishFrame(f + i, i, q, activeCodebooks, stage);
    }
    for (let f = tiled; f < numFrames; f++) {
      packQuery(residuals + <usize>f * rowBytes, 0, stage);
      screenOne(stage);
      finishFrame(f, 0, q, activeCodebooks, stage);
    }
  }
}

/** The query of index `i` among the `numQueries` of a tile: chooses its codeword, notes the token, updates the residual. */
function finishFrame(frame: i32, i: i32, q: i32, activeCodebooks: i32, stage: Stage): void {
  const residual = residuals + <usize>frame * rowBytes;
  const token = chooseCodeword(bounds + <usize>i * boundBytes, queryAt(i), residual, stage);
  store<u16>(tokens + ((<usize>(frame * activeCodebooks + q)) << 1), <u16>token);
  const codeword = stage.codewords + <usize>token * rowBytes;
  for (let at: usize = 0; at < rowBytes; at += 16) {
    v128.store(residual + at, f32x4.sub(v128.load(residual + at), v128.load(codeword + at)));
  }
}
