/** What every variant of products with int16 matrices takes and gives. */

/** A matrix, row-major. */
export interface Int16Matrix {
  readonly numRows: number;
  readonly numColumns: number;
  /** [R, C] */
  readonly values: Int16Array;
}

/** Matrices that are ready to be multiplied with. */
export interface Int16Products {
  readonly variant: "reference" | "wasm";
  /**
   * One matrix times a vector.
   *
   * Shapes   vector [C]; result [R]
   * Memory   reads `vector`; the result may be a view that the next call overwrites
   * Numerics sums modulo 2^32
   * @param index  place of the matrix among those given
   */
  multiply(index: number, vector: Int16Array): Int32Array;
  /** A matrix as it lies, to be written to between products. */
  place(index: number): MatrixPlace;
}

/** Where the numbers of a matrix lie: row r begins at `r * stride`. */
export interface MatrixPlace {
  readonly values: Int16Array;
  readonly stride: number;
}
