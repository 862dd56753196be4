/**
 * One suite for every variant of products with int16 matrices: the reference's sums, to the bit, and the reference's by
 * definition, in whole numbers of any size.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createInt16Products } from "../../src/kernels/int16-matrices";
import type { Int16Matrix, Int16Products } from "../../src/kernels/int16-products";

const int16 = fc.integer({ min: -32768, max: 32767 });

/** Several matrices, so that each is found at its place, and a vector for each. */
const anyCase = fc.array(
  fc.tuple(fc.integer({ min: 1, max: 11 }), fc.integer({ min: 1, max: 35 })).chain(([numRows, numColumns]) =>
    fc.record({
      matrix: fc
        .array(int16, { minLength: numRows * numColumns, maxLength: numRows * numColumns })
        .map((values): Int16Matrix => ({ numRows, numColumns, values: Int16Array.from(values) })),
      vector: fc
        .array(int16, { minLength: numColumns, maxLength: numColumns })
        .map((values) => Int16Array.from(values)),
    }),
  ),
  { minLength: 1, maxLength: 4 },
);

function create(matrices: readonly Int16Matrix[], variant: Int16Products["variant"]): Int16Products {
  const products = createInt16Products(matrices, variant);
  if (products === undefined) throw new Error(`no ${variant} here`);
  return products;
}

/** Sums in BigInt, cut to 32 bits at the end only. */
function byDefinition({ numRows, numColumns, values }: Int16Matrix, vector: Int16Array): number[] {
  return Array.from({ length: numRows }, (_, row) => {
    let sum = 0n;
    for (let column = 0; column < numColumns; column++) {
      sum += BigInt(values[row * numColumns + column] ?? 0) * BigInt(vector[column] ?? 0);
    }
    return Number(BigInt.asIntN(32, sum));
  });
}

describe.each(["reference", "wasm"] as const)("%s", (variant) => {
  it("adds up products modulo 2^32, for any matrices and vectors", () => {
    fc.assert(
      fc.property(anyCase, (entries) => {
        const products = create(
          entries.map(({ matrix }) => matrix),
          variant,
        );
        for (const [index, { matrix, vector }] of entries.entries()) {
          expect([...products.multiply(index, vector)]).toEqual(byDefinition(matrix, vector));
        }
      }),
      { numRuns: 300, seed: 5 },
    );
  });

  it("multiplies with what was written since", () => {
    const matrices = Array.from({ length: 2 }, () => ({ numRows: 3, numColumns: 5, values: new Int16Array(15) }));
    const products = create(matrices, variant);
    const { values, stride } = products.place(1);
    values[2 * stride + 4] = 7;
    expect([...products.multiply(1, Int16Array.of(1, 2, 3, 4, 5))]).toEqual([0, 0, 35]);
    expect([...products.multiply(0, Int16Array.of(1, 2, 3, 4, 5))]).toEqual([0, 0, 0]);
  });

  it("wraps around where sums leave 32 bits", () => {
    const matrix = { numRows: 1, numColumns: 40, values: new Int16Array(40).fill(-32768) };
    // 40 * 2^30 is 10 * 2^32.
    expect([...create([matrix], variant).multiply(0, new Int16Array(40).fill(-32768))]).toEqual([0]);
    expect([...create([matrix], variant).multiply(0, new Int16Array(40).fill(-32767))]).toEqual([-40 * 32768]);
  });
});
