/** Products of int16 matrices and vectors in WebAssembly SIMD: lays out the memory that assembly/int16-matrices.ts reads. */

import { wasmBase64 } from "./int16-matrices.generated";
import type { Int16Matrix, Int16Products, MatrixPlace } from "./int16-products";
import { compileWasm, MemoryLayout, roundUp } from "./wasm-module";

/** Numbers of a row, and rows, that the assembly takes at once. */
const COLUMN_ALIGNMENT = 8;
const ROW_ALIGNMENT = 4;

interface Assembly {
  multiply(matrix: number, vector: number, sums: number, numRows: number, rowBytes: number): void;
}

/** A matrix in the assembly's memory, its rows and their number padded with zeros. */
interface PlacedMatrix extends MatrixPlace {
  readonly at: number;
  readonly numColumns: number;
  readonly paddedRows: number;
  readonly sums: Int32Array;
}

/** Compiled once for all; `null` where the platform cannot take it. */
let compiled: WebAssembly.Module | null | undefined;

/** Multiplies in WebAssembly. Get one from `create`, which knows whether the platform can. */
export class Int16ProductsWasm implements Int16Products {
  readonly variant = "wasm";
  readonly #assembly: Assembly;
  readonly #matrices: readonly PlacedMatrix[];
  readonly #vectorAt: number;
  readonly #sumsAt: number;
  /** View of the longest vector, zeros behind shorter ones. */
  readonly #vector: Int16Array;

  /** Copies matrices. Returns `undefined` without WebAssembly SIMD. */
  static create(matrices: readonly Int16Matrix[]): Int16ProductsWasm | undefined {
    if (compiled === undefined) compiled = compileWasm(wasmBase64);
    return compiled === null ? undefined : new Int16ProductsWasm(matrices, compiled);
  }

  private constructor(matrices: readonly Int16Matrix[], module: WebAssembly.Module) {
    const layout = new MemoryLayout();
    const strideOf = ({ numColumns }: Int16Matrix) => roundUp(numColumns, COLUMN_ALIGNMENT);
    const paddedRowsOf = ({ numRows }: Int16Matrix) => roundUp(numRows, ROW_ALIGNMENT);
    const longest = Math.max(...matrices.map(strideOf));
    const tallest = Math.max(...matrices.map(paddedRowsOf));
    this.#vectorAt = layout.take(longest * Int16Array.BYTES_PER_ELEMENT);
    this.#sumsAt = layout.take(tallest * Int32Array.BYTES_PER_ELEMENT);
    const addresses = matrices.map((matrix) =>
      layout.take(paddedRowsOf(matrix) * strideOf(matrix) * Int16Array.BYTES_PER_ELEMENT),
    );
    const memory = layout.createMemory();
    this.#matrices = matrices.map((matrix, index): PlacedMatrix => {
      const { numRows, numColumns } = matrix;
      const at = addresses[index];
      const stride = strideOf(matrix);
      const values = new Int16Array(memory.buffer, at, numRows * stride);
      for (let row = 0; row < numRows; row++) {
        values.set(matrix.values.subarray(row * numColumns, (row + 1) * numColumns), row * stride);
      }
      const sums = new Int32Array(memory.buffer, this.#sumsAt, numRows);
      return { at, numColumns, paddedRows: paddedRowsOf(matrix), values, stride, sums };
    });
    this.#vector = new Int16Array(memory.buffer, this.#vectorAt, longest);
    this.#assembly = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Assembly;
  }

  multiply(index: number, vector: Int16Array): Int32Array {
    const { at, numColumns, paddedRows, stride, sums } = this.#matrices[index];
    // What lies behind the vector meets the zeros that pad the rows.
    this.#vector.set(vector.length === numColumns ? vector : vector.subarray(0, numColumns));
    this.#assembly.multiply(at, this.#vectorAt, this.#sumsAt, paddedRows, stride * Int16Array.BYTES_PER_ELEMENT);
    return sums;
  }

  place(index: number): MatrixPlace {
    return this.#matrices[index];
  }
}
