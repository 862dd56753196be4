/**
 * One suite for every variant of residual vector quantization.
 *
 * The promise is equality: the same tokens as the reference twin on all input below, not tokens as near. The cap on
 * flips is therefore zero. The reference itself is held to the definition by an oracle written here: its distance is
 * within 1e-13 of the smallest, and no lower index has the same distance.
 *
 * What broken versions score, measured by breaking the assembly and its tables: without error bounds 13 tests fail, with
 * bounds of 97 % one (codewords rounded against the query); without their part for rounded codewords 10 fail, for the
 * rounded query one, for the rounded norms one, for the rounding of distances 5. When the first candidate wins without
 * asking for distances 32 fail, when the last of equal distances wins 11.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRvqKernel } from "../../src/kernels/rvq";
import type { Codebooks, RvqKernel, RvqVariant } from "../../src/kernels/rvq-kernel";
import { gaussian, makeCodebooks, residualLikeCodebooks, residualLikeLatents } from "../helpers/codebooks";
import { seededRandom } from "../helpers/synth-audio";

interface Case {
  readonly name: string;
  readonly codebooks: Codebooks;
  readonly latents: Float32Array;
}

const cases: readonly Case[] = [
  ...randomCases(),
  ...structuredCases(),
  ...tieCases(),
  ...scaleCases(),
  ...adversarialCases(),
];

describe.each(["typed-array", "wasm"] as const)("%s", (variant) => {
  it.each(cases)("gives the reference's tokens: $name", ({ codebooks, latents }) => {
    expect(quantize(variant, codebooks, latents)).toEqual(quantize("reference", codebooks, latents));
  });

  it("gives the reference's tokens for any finite float32", () => {
    fc.assert(
      fc.property(anyCase(), ({ codebooks, latents }) => {
        expect(quantize(variant, codebooks, latents)).toEqual(quantize("reference", codebooks, latents));
      }),
      { numRuns: 300, seed: 3 },
    );
  });

  it("gives a frame the same tokens alone as among 1000 others", () => {
    const codebooks = residualLikeCodebooks([6, 256, 24], 5);
    const latents = residualLikeLatents(codebooks, 1000, 6);
    const kernel = create(codebooks, variant);
    const together = run(kernel, codebooks, latents);
    const alone = Array.from({ length: 1000 }, (_, f) => [
      ...run(kernel, codebooks, latents.slice(f * 24, f * 24 + 24)),
    ]);
    expect(alone.flat()).toEqual([...together]);
  });

  it.each([1, 2, 3, 4, 5, 31, 33, 63, 64, 65, 130])("takes %i frames in a call", (numFrames) => {
    const codebooks = makeCodebooks([3, 50, 10]);
    const latents = gaussian(numFrames * 10, 7);
    expect(quantize(variant, codebooks, latents)).toEqual(quantize("reference", codebooks, latents));
  });

  it("gives the first stages the same tokens whatever number of stages is in use", () => {
    const codebooks = makeCodebooks([5, 64, 12]);
    const latents = gaussian(70 * 12, 8);
    const kernel = create(codebooks, variant);
    const all = run(kernel, codebooks, latents);
    for (let activeCodebooks = 1; activeCodebooks < 5; activeCodebooks++) {
      const first = all.filter((_, i) => i % 5 < activeCodebooks);
      expect(run(kernel, codebooks, latents, activeCodebooks)).toEqual(first);
    }
  });

  // A width of 5 is a tile of four paths and one alone; smaller codebooks than that have fewer paths at first.
  it.each(cases)("keeps the reference's five paths: $name", ({ codebooks, latents }) => {
    const some = latents.subarray(0, 3 * codebooks.codebookDim);
    expect(quantize(variant, codebooks, some, 5)).toEqual(quantize("reference", codebooks, some, 5));
  });

  it("keeps the reference's paths for any finite float32 and any width", () => {
    fc.assert(
      fc.property(anyCase(), fc.integer({ min: 2, max: 9 }), ({ codebooks, latents }, beamWidth) => {
        expect(quantize(variant, codebooks, latents, beamWidth)).toEqual(
          quantize("reference", codebooks, latents, beamWidth),
        );
      }),
      { numRuns: 300, seed: 4 },
    );
  });

  it.each([
    [8, 65],
    [33, 16],
    [64, 7],
    [64, 8],
    [64, 9],
  ])("keeps %i paths of %i frames in a call", (beamWidth, numFrames) => {
    const codebooks = residualLikeCodebooks([4, 40, 10], 11);
    const latents = residualLikeLatents(codebooks, numFrames, 12);
    const kernel = create(codebooks, variant);
    const together = run(kernel, codebooks, latents, 4, beamWidth);
    expect(together).toEqual(quantize("reference", codebooks, latents, beamWidth));
    const alone = Array.from({ length: numFrames }, (_, f) => [
      ...run(kernel, codebooks, latents.slice(f * 10, f * 10 + 10), 4, beamWidth),
    ]);
    expect(alone.flat()).toEqual([...together]);
    // The search of one path works in the same memory.
    expect(run(kernel, codebooks, latents)).toEqual(quantize("reference", codebooks, latents));
  });

  it("leaves the latents as they are and writes nothing behind the tokens", () => {
    const codebooks = makeCodebooks([2, 20, 9]);
    const latents = gaussian(5 * 9, 9);
    const tokens = new Uint16Array(12).fill(999);
    create(codebooks, variant).quantizeInto(latents, 5, 2, tokens);
    expect(latents).toEqual(gaussian(5 * 9, 9));
    expect([...tokens.subarray(10)]).toEqual([999, 999]);
  });
});

describe("reference", () => {
  it.each(cases)("chooses the smallest distance, lowest index first: $name", ({ codebooks, latents }) => {
    const { codebookSize, codebookDim, codewords } = codebooks;
    const tokens = run(create(codebooks, "reference"), codebooks, latents, 1);
    for (const [f, token] of tokens.entries()) {
      const distances = Array.from({ length: codebookSize }, (_, n) => {
        return distance(latents.subarray(f * codebookDim), codewords.subarray(n * codebookDim), codebookDim);
      });
      const chosen = distances[token] ?? Number.NaN;
      expect(chosen).toBeLessThanOrEqual(Math.min(...distances) * (1 + 1e-13));
      expect(distances.findIndex((_, n) => isSameCodeword(codebooks, n, token))).toBe(token);
    }
  });
});

describe("reference with several paths", () => {
  it("finds the smallest error of all combinations when no path is dropped before the last stage", () => {
    const codebooks = makeCodebooks([3, 4, 6]);
    const latents = gaussian(30 * 6, 50);
    const tokens = run(create(codebooks, "reference"), codebooks, latents, 3, 16);
    const greedy = run(create(codebooks, "reference"), codebooks, latents, 3, 1);
    let numBetter = 0;
    for (let f = 0; f < 30; f++) {
      const latent = latents.subarray(f * 6, f * 6 + 6);
      const errorOfTokens = (chosen: ArrayLike<number>) => distance(latent, sumOf(codebooks, chosen), 6);
      const all = Array.from({ length: 64 }, (_, i) => errorOfTokens([i >> 4, (i >> 2) & 3, i & 3]));
      const found = errorOfTokens(tokens.subarray(f * 3, f * 3 + 3));
      expect(found).toBeLessThanOrEqual(Math.min(...all) * (1 + 1e-5));
      if (found < errorOfTokens(greedy.subarray(f * 3, f * 3 + 3)) * (1 - 1e-5)) numBetter += 1;
    }
    // One path misses the optimum in a good part of the frames, or this would show nothing.
    expect(numBetter).toBeGreaterThan(8);
  });

  it("leaves less of the latents on average with each doubling of the width", () => {
    const codebooks = residualLikeCodebooks([6, 64, 16], 51);
    const latents = residualLikeLatents(codebooks, 200, 52);
    const kernel = create(codebooks, "wasm");
    const errors = [1, 2, 4, 8, 16].map((beamWidth) => {
      const tokens = run(kernel, codebooks, latents, 6, beamWidth);
      return Array.from({ length: 200 }, (_, f) => {
        return distance(latents.subarray(f * 16, f * 16 + 16), sumOf(codebooks, tokens.subarray(f * 6, f * 6 + 6)), 16);
      }).reduce((sum, error) => sum + error);
    });
    for (let i = 1; i < errors.length; i++) expect(errors[i]).toBeLessThan((errors[i - 1] ?? 0) * 0.99);
  });
});

/** The codewords of all stages together, in float64. */
function sumOf({ codebookSize, codebookDim, codewords }: Codebooks, tokens: ArrayLike<number>): Float64Array {
  return Float64Array.from({ length: codebookDim }, (_, d) => {
    return Array.from(tokens, (token, q) => codewords[(q * codebookSize + token) * codebookDim + d] ?? 0).reduce(
      (sum, component) => sum + component,
    );
  });
}

function create(codebooks: Codebooks, variant: RvqVariant): RvqKernel {
  const kernel = createRvqKernel(codebooks, variant);
  if (kernel === undefined) throw new Error(`this platform cannot run "${variant}", which every supported Node can`);
  expect(kernel.variant).toBe(variant);
  return kernel;
}

function run(
  kernel: RvqKernel,
  codebooks: Codebooks,
  latents: Float32Array,
  activeCodebooks = codebooks.numCodebooks,
  beamWidth = 1,
) {
  const numFrames = latents.length / codebooks.codebookDim;
  const tokens = new Uint16Array(numFrames * activeCodebooks);
  kernel.quantizeInto(latents, numFrames, activeCodebooks, tokens, beamWidth);
  return tokens;
}

function quantize(variant: RvqVariant, codebooks: Codebooks, latents: Float32Array, beamWidth = 1): Uint16Array {
  return run(create(codebooks, variant), codebooks, latents, codebooks.numCodebooks, beamWidth);
}

/** The plain definition, in one sum from first to last dimension. */
function distance(a: ArrayLike<number>, b: ArrayLike<number>, dim: number): number {
  let sum = 0;
  for (let d = 0; d < dim; d++) sum += ((a[d] ?? 0) - (b[d] ?? 0)) ** 2;
  return sum;
}

function isSameCodeword({ codebookDim, codewords }: Codebooks, a: number, b: number): boolean {
  const word = (n: number) => codewords.subarray(n * codebookDim, (n + 1) * codebookDim);
  return word(a).every((component, d) => component === word(b)[d]);
}

/** The shapes of known codecs with few frames, and sizes that fit no tile. */
function randomCases(): Case[] {
  const shapes: [number, number, number, number][] = [
    [8, 1024, 128, 12],
    [12, 1024, 64, 12],
    [9, 1024, 8, 40],
    [4, 2048, 256, 6],
    [46, 16, 64, 20],
    [1, 1, 1, 5],
    [3, 2, 3, 20],
    [2, 15, 7, 20],
    [2, 17, 9, 20],
    [2, 33, 31, 20],
    [3, 1000, 13, 20],
    [1, 100, 130, 20],
    [2, 40, 700, 10],
  ];
  return shapes.map(([K, N, D, F]) => {
    return { name: `random ${K} x ${N} x ${D}`, codebooks: makeCodebooks([K, N, D]), latents: gaussian(F * D, 2) };
  });
}

function structuredCases(): Case[] {
  const residualLike = residualLikeCodebooks([8, 512, 32], 3);
  const outlier = makeCodebooks([2, 300, 20]);
  outlier.codewords.fill(1e4, 40, 41);
  const denormal = makeCodebooks([1, 300, 20], gaussian(300 * 20, 13, 1e-22));
  denormal.codewords.fill(1, 40, 41);
  const centres = gaussian(8 * 24, 10);
  const clustered = gaussian(256 * 24, 11, 1e-3).map((noise, i) => noise + (centres[(i % (8 * 24)) | 0] ?? 0));
  return [
    { name: "residual-like", codebooks: residualLike, latents: residualLikeLatents(residualLike, 60, 4) },
    { name: "one component 10000 times the others", codebooks: outlier, latents: gaussian(40 * 20, 5) },
    { name: "squares that are denormal", codebooks: denormal, latents: gaussian(40 * 20, 6, 1e-22) },
    {
      name: "clusters a thousandth wide, latents inside them",
      codebooks: makeCodebooks([1, 256, 24], clustered),
      latents: gaussian(40 * 24, 12, 1e-3).map((noise, i) => noise + (centres[i % (8 * 24)] ?? 0)),
    },
    {
      name: "latents that are codewords",
      codebooks: makeCodebooks([2, 200, 16]),
      latents: makeCodebooks([2, 200, 16]).codewords.slice(0, 200 * 16),
    },
  ];
}

/** Equal distances, which only the lowest index settles. */
function tieCases(): Case[] {
  const random = seededRandom(20);
  const lattice = (length: number) => Float32Array.from({ length }, () => Math.floor(random() * 3) - 1);
  const repeated = gaussian(4 * 10, 21);
  return [
    { name: "zero latents", codebooks: makeCodebooks([3, 64, 12]), latents: new Float32Array(5 * 12) },
    {
      name: "zero codebooks",
      codebooks: makeCodebooks([2, 33, 6], new Float32Array(2 * 33 * 6)),
      latents: gaussian(5 * 6, 22),
    },
    {
      name: "every codeword sixteen times",
      codebooks: makeCodebooks(
        [1, 64, 10],
        Float32Array.from({ length: 640 }, (_, i) => repeated[i % 40] ?? 0),
      ),
      latents: gaussian(50 * 10, 23),
    },
    {
      name: "an integer lattice",
      codebooks: makeCodebooks([3, 500, 8], lattice(3 * 500 * 8)),
      latents: lattice(60 * 8),
    },
  ];
}

/** Magnitudes up to the ends of float32, in codebooks, latents or both. */
function scaleCases(): Case[] {
  const scales: [number, number][] = [
    [1e-20, 1e-20],
    [1e20, 1e20],
    [1e-20, 1e20],
    [1e20, 1e-20],
    [1e-40, 1e-40],
    [1e-45, 1],
    [1, 1e-42],
    [8e37, 8e37],
    [1, 8e37],
    [1e-30, 1],
    [1, 1e12],
    [1, 1e16],
    [1, 1e25],
  ];
  return scales.map(([ofCodewords, ofLatents]) => ({
    name: `codewords of ${ofCodewords}, latents of ${ofLatents}`,
    codebooks: makeCodebooks([2, 50, 12], gaussian(2 * 50 * 12, 30, ofCodewords)),
    latents: gaussian(20 * 12, 31, ofLatents),
  }));
}

/** Searches that go wrong as soon as one part of the error bound is missing, or the greatest is 3 % too small. */
function adversarialCases(): Case[] {
  return [
    againstCodewordRounding(),
    againstQueryRounding(),
    againstScoreRounding(),
    halfway("latents halfway between codewords", gaussian(40 * 16, 41)),
    halfway(
      "latents halfway between codewords that int8 holds exactly",
      gaussian(40 * 16, 42, 40).map((x) => Math.max(-127, Math.min(127, Math.round(x)))),
    ),
  ];
}

/**
 * Codewords that are rounded to int8 by half a step in every dimension but one, the nearest against the query and the
 * next one along it: their scores are apart by all that the two rounding errors can make, in the wrong order.
 */
function againstCodewordRounding(): Case {
  const dim = 32;
  const levels = [20, 30, 40, 50, 60, 70];
  const rows = (values: number[], first: number) => {
    const all = values.flatMap((value) => [first, ...new Array<number>(dim - 1).fill(value)]);
    return Float32Array.from(all);
  };
  // The first component, 1, makes every step 1 / 127; the latents have nothing there.
  const components = levels.flatMap((level) => [(level + 0.501) / 127, (level + 0.499) / 127]);
  const queries = levels.flatMap((level) => [(level + 0.4999) / 127, (level + 0.5001) / 127]);
  return {
    name: "rounded codewords, against the query and along it",
    codebooks: makeCodebooks([1, components.length, dim], rows(components, 1)),
    latents: rows(queries, 0),
  };
}

/**
 * Two codewords that int8 holds exactly, and a query rounded to int16 by half a level in every dimension but one, away
 * from the nearest of them.
 */
function againstQueryRounding(): Case {
  // The means of both codewords are 15 / 31 in these dimensions, so the query's 0.49 is nearer to the upper one.
  const means = Array.from({ length: 31 }, (_, d) => (d < 15 ? 1 : 0));
  const upper = [127, ...means.map((mean) => mean + 50)];
  const lower = [127, ...means.map((mean) => mean - 50)];
  return {
    name: "a rounded query",
    codebooks: makeCodebooks([1, 2, 32], Float32Array.of(...lower, ...upper)),
    latents: Float32Array.of(32767, ...new Array<number>(31).fill(0.49)),
  };
}

/**
 * Two codewords of integers, so that int8 holds them exactly, whose squared norms 4j + 3 and 4j + 1 float32 rounds to
 * 4j + 4 and 4j. The query makes up for the difference of 2, but not of 4.
 */
function againstScoreRounding(): Case {
  const dim = 1400;
  const nearest = new Float32Array(dim).fill(127).fill(0, 1, 8);
  const other = nearest.slice();
  other.set([17, 125, 14, 4, 1]);
  // 1393 squares of 127 are 1 modulo 4; two ones make them 3.
  for (const codeword of [nearest, other]) codeword.fill(1, 5, 7);
  const latents = new Float32Array(dim);
  latents[0] = 0.01;
  return {
    name: "norms that float32 rounds apart",
    codebooks: makeCodebooks([1, 2, dim], Float32Array.of(...other, ...nearest)),
    latents,
  };
}

/** Latents as near to halfway between two codewords as float32 gets, then one step of float32 off in one component. */
function halfway(name: string, codewords: Float32Array): Case {
  const latents = new Float32Array(2 * 39 * 16);
  for (let i = 0; i < 39; i++) {
    for (let d = 0; d < 16; d++) {
      const middle = ((codewords[d] ?? 0) + (codewords[(i + 1) * 16 + d] ?? 0)) / 2;
      latents[2 * i * 16 + d] = middle;
      latents[(2 * i + 1) * 16 + d] = middle * (d === i % 16 ? 1 + 2 ** -23 : 1);
    }
  }
  return { name, codebooks: makeCodebooks([1, 40, 16], codewords), latents };
}

function anyCase(): fc.Arbitrary<Case> {
  const finite = fc.oneof(
    fc.float({ noNaN: true, noDefaultInfinity: true }),
    fc.float({ noNaN: true, min: -2, max: 2 }),
    fc.integer({ min: -2, max: 2 }),
  );
  const numbers = (length: number) => {
    return fc.array(finite, { minLength: length, maxLength: length }).map((list) => Float32Array.from(list));
  };
  const sizes = fc.tuple(
    fc.integer({ min: 1, max: 3 }),
    fc.integer({ min: 1, max: 20 }),
    fc.integer({ min: 1, max: 11 }),
    fc.integer({ min: 1, max: 6 }),
  );
  return sizes.chain(([K, N, D, F]) => {
    return fc.tuple(numbers(K * N * D), numbers(F * D)).map(([codewords, latents]) => {
      return { name: "any", codebooks: makeCodebooks([K, N, D], codewords), latents };
    });
  });
}
