/**
 * AssemblyScript: int16 matrix [R, C] times vector [C] -> int32 sums [R], modulo 2^32, in WebAssembly SIMD.
 *
 * `npm run build:wasm` compiles this file into ../int16-matrices.generated.ts; ../int16-matrices.wasm.ts lays out the
 * memory. Rows are padded to 8 numbers, their count to 4. Nothing is checked and nothing is allocated.
 *
 * Four rows go together, so that a piece of the vector is loaded once for 32 products; `dot_i16x8_s` makes 8 of them. The
 * sums across lanes are taken at the end of the four rows, transposed:
 *
 *   a0 a1 a2 a3   b0 b1 b2 b3   ──►   a0+a2 b0+b2 a1+a3 b1+b3   ──►   a b c d
 */
export function multiply(matrix: usize, vector: usize, sums: usize, numRows: i32, rowBytes: usize): void {
  for (let row: i32 = 0; row < numRows; row += 4) {
    let a = i32x4.splat(0);
    let b = i32x4.splat(0);
    let c = i32x4.splat(0);
    let d = i32x4.splat(0);
    for (let at: usize = 0; at < rowBytes; at += 16) {
      const piece = v128.load(vector + at);
      const from = matrix + at;
      a = i32x4.add(a, i32x4.dot_i16x8_s(v128.load(from), piece));
      b = i32x4.add(b, i32x4.dot_i16x8_s(v128.load(from + rowBytes), piece));
      c = i32x4.add(c, i32x4.dot_i16x8_s(v128.load(from + 2 * rowBytes), piece));
      d = i32x4.add(d, i32x4.dot_i16x8_s(v128.load(from + 3 * rowBytes), piece));
    }
    const ab = i32x4.add(v128.shuffle<i32>(a, b, 0, 4, 1, 5), v128.shuffle<i32>(a, b, 2, 6, 3, 7));
    const cd = i32x4.add(v128.shuffle<i32>(c, d, 0, 4, 1, 5), v128.shuffle<i32>(c, d, 2, 6, 3, 7));
    const total = i32x4.add(v128.shuffle<i32>(ab, cd, 0, 1, 4, 5), v128.shuffle<i32>(ab, cd, 2, 3, 6, 7));
    v128.store(sums + ((<usize>row) << 2), total);
    matrix += 4 * rowBytes;
  }
}
