/**
 * Chooses the kernel for products of int16 matrices and vectors: matrix [R, C] times vector [C] -> int32 sums [R].
 *
 * Sums are taken modulo 2^32, which no order of adding changes: every variant gives the same bits on every machine.
 */
import { Int16ProductsReference } from "./int16-matrices.reference";
import { Int16ProductsWasm } from "./int16-matrices.wasm";
import type { Int16Matrix, Int16Products } from "./int16-products";

/**
 * Prepares matrices, which are copied or kept.
 *
 * @param variant  `auto` takes WebAssembly where the platform has its SIMD
 * @returns `undefined` if `wasm` is asked for and the platform has no WebAssembly SIMD
 */
export function createInt16Products(
  matrices: readonly Int16Matrix[],
  variant: "auto" | Int16Products["variant"],
): Int16Products | undefined {
  switch (variant) {
    case "auto":
      return Int16ProductsWasm.create(matrices) ?? new Int16ProductsReference(matrices);
    case "wasm":
      return Int16ProductsWasm.create(matrices);
    case "reference":
      return new Int16ProductsReference(matrices);
  }
}
