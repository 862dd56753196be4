/** The slow twin: sums of products as they are defined. Also what runs where WebAssembly SIMD is not. */
import type { Int16Matrix, Int16Products, MatrixPlace } from "./int16-products";

/** Multiplies by plain loops. */
export class Int16ProductsReference implements Int16Products {
  readonly variant = "reference";
  readonly #matrices: readonly Int16Matrix[];

  constructor(matrices: readonly Int16Matrix[]) {
    this.#matrices = matrices;
  }

  multiply(index: number, vector: Int16Array): Int32Array {
    const { numRows, numColumns, values } = this.#matrices[index];
    const sums = new Int32Array(numRows);
    for (let row = 0; row < numRows; row++) {
      const begin = row * numColumns;
      let sum = 0;
      for (let column = 0; column < numColumns; column++) {
        sum = (sum + values[begin + column] * vector[column]) | 0;
      }
      sums[row] = sum;
    }
    return sums;
  }

  place(index: number): MatrixPlace {
    const { values, numColumns } = this.#matrices[index];
    return { values, stride: numColumns };
  }
}
