import { afterEach, describe, expect, it, vi } from "vitest";
import { isCodecError, type TokenError } from "../../../src/errors";
import type { Codebooks } from "../../../src/rvq/codebook";
import { ResidualQuantizer } from "../../../src/rvq/quantize";
import { gaussian, makeCodebooks } from "../../helpers/codebooks";

/** Two stages of three codewords in the plane, small enough to follow by hand. */
const plane: Codebooks = makeCodebooks([2, 3, 2], Float32Array.of(...[0, 0, 4, 0, 0, 4], ...[0, 0, 1, 0, 0, -1]));

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

describe("ResidualQuantizer", () => {
  it("quantizes what the stages before left over", () => {
    const quantizer = new ResidualQuantizer(plane);
    // (4.9, 0.1) -> (4, 0), leaves (0.9, 0.1) -> (1, 0); (0.2, 3.2) -> (0, 4), leaves (0.2, -0.8) -> (0, -1)
    expect([...quantizer.quantize(Float32Array.of(4.9, 0.1, 0.2, 3.2), 2)]).toEqual([1, 1, 2, 2]);
    expect([...quantizer.quantize(Float32Array.of(4.9, 0.1, 0.2, 3.2), 1)]).toEqual([1, 2]);
  });

  it("keeps as many paths as it was made for, unless a call says otherwise", () => {
    // On the line: 2 is nearest to 3, which leaves -1 for a stage that only adds; 0 is farther and leaves just what it has.
    const line = makeCodebooks([2, 2, 1], Float32Array.of(...[0, 3], ...[0, 2]));
    const two = Float32Array.of(2);
    expect([...new ResidualQuantizer(line).quantize(two, 2)]).toEqual([1, 0]);
    const quantizer = new ResidualQuantizer(line, { beamWidth: 2 });
    expect([...quantizer.quantize(two, 2)]).toEqual([0, 1]);
    expect([...quantizer.quantize(two, 2, undefined, 1)]).toEqual([1, 0]);
  });

  it("adds up the codewords of the stages in use", () => {
    const quantizer = new ResidualQuantizer(plane);
    expect([...quantizer.dequantize(Uint16Array.of(1, 1, 2, 2), 2)]).toEqual([5, 0, 0, 3]);
    expect([...quantizer.dequantize(Uint16Array.of(1, 2), 1)]).toEqual([4, 0, 0, 4]);
  });

  it("dequantizes a frame to the same bits alone as among others", () => {
    const quantizer = new ResidualQuantizer(makeCodebooks([6, 64, 24]));
    const codes = quantizer.quantize(gaussian(200 * 24, 2), 6);
    const together = quantizer.dequantize(codes, 6);
    for (let f = 0; f < 200; f++) {
      expect(quantizer.dequantize(codes.slice(f * 6, f * 6 + 6), 6)).toEqual(together.slice(f * 24, f * 24 + 24));
    }
  });

  it("gives back the token of a codeword, in a single stage", () => {
    const codebooks = makeCodebooks([1, 300, 20]);
    const quantizer = new ResidualQuantizer(codebooks);
    const tokens = Uint16Array.from({ length: 300 }, (_, n) => 299 - n);
    expect(quantizer.quantize(quantizer.dequantize(tokens, 1), 1)).toEqual(tokens);
  });

  it("writes into the room it is given and returns a view of what it wrote", () => {
    const out = new Uint16Array(6).fill(77);
    const tokens = new ResidualQuantizer(plane).quantize(Float32Array.of(4.9, 0.1, 0.2, 3.2), 2, out);
    expect([...out]).toEqual([1, 1, 2, 2, 77, 77]);
    expect(tokens).toHaveLength(4);
    expect(tokens.buffer).toBe(out.buffer);
  });

  it("takes no frames at all", () => {
    const quantizer = new ResidualQuantizer(plane);
    expect(quantizer.quantize(new Float32Array(0), 2)).toHaveLength(0);
    expect(quantizer.dequantize(new Uint16Array(0), 2)).toHaveLength(0);
  });

  it.each(["wasm", "typed-array", "reference"] as const)("searches with %s when asked to", (kernel) => {
    const quantizer = new ResidualQuantizer(plane, { kernel });
    expect(quantizer.kernel).toBe(kernel);
    expect([...quantizer.quantize(Float32Array.of(4.9, 0.1), 2)]).toEqual([1, 1]);
  });

  it("takes WebAssembly by itself here", () => {
    expect(new ResidualQuantizer(plane).kernel).toBe("wasm");
  });

  it.each([
    ["has no WebAssembly", undefined],
    ["has WebAssembly without SIMD", { validate: (): boolean => false }],
    ["forbids compiling", { validate: (): boolean => true, Module: forbidden }],
  ])("falls back where the platform %s, and says so when asked by name", async (_, platform) => {
    vi.stubGlobal("WebAssembly", platform);
    vi.resetModules();
    const fresh = await import("../../../src/rvq/quantize");
    const quantizer = new fresh.ResidualQuantizer(plane);
    expect(quantizer.kernel).toBe("typed-array");
    expect([...quantizer.quantize(Float32Array.of(4.9, 0.1), 2)]).toEqual([1, 1]);
    expect(() => new fresh.ResidualQuantizer(plane, { kernel: "wasm" })).toThrow(
      new RangeError('"kernel" expected one that this platform can run, such as "auto", got "wasm"'),
    );
  });

  it("searches codewords too wide for WebAssembly in TypeScript", () => {
    expect(new ResidualQuantizer(makeCodebooks([1, 2, 2080])).kernel).toBe("wasm");
    expect(new ResidualQuantizer(makeCodebooks([1, 2, 2081])).kernel).toBe("typed-array");
  });
});

describe("what the caller gets wrong", () => {
  const quantizer = new ResidualQuantizer(plane);

  it.each([0, 3, 1.5, Number.NaN, -1])("refuses %d active codebooks", (activeCodebooks) => {
    const message = `"activeCodebooks" expected an integer from 1 to 2, got ${activeCodebooks}`;
    expect(() => quantizer.quantize(new Float32Array(2), activeCodebooks)).toThrow(new RangeError(message));
    expect(() => quantizer.dequantize(new Uint16Array(2), activeCodebooks)).toThrow(new RangeError(message));
  });

  it.each([0, 65, 1.5, Number.NaN, -1])("refuses a beam of %d paths", (beamWidth) => {
    const error = new RangeError(`"beamWidth" expected an integer from 1 to 64, got ${beamWidth}`);
    expect(() => quantizer.quantize(new Float32Array(2), 1, undefined, beamWidth)).toThrow(error);
    expect(() => new ResidualQuantizer(plane, { beamWidth })).toThrow(error);
  });

  it("refuses lengths that are no whole number of frames", () => {
    expect(() => quantizer.quantize(new Float32Array(3), 1)).toThrow(
      new RangeError('"latents" expected a multiple of 2 numbers, got 3'),
    );
    expect(() => quantizer.dequantize(new Uint16Array(3), 2)).toThrow(
      new RangeError('"codes" expected a multiple of 2 tokens, got 3'),
    );
    expect(() => quantizer.quantize(new Float32Array(4), 2, new Uint16Array(3))).toThrow(
      new RangeError('"out" expected room for 4 tokens, got 3'),
    );
  });

  it.each([
    [{ ...plane, codebookDim: 3 }, '"codewords" expected 2 x 3 x 3 = 18 numbers, got 12'],
    [{ ...plane, codebookSize: 65537 }, '"codebookSize" expected an integer from 1 to 65536, got 65537'],
    [{ ...plane, numCodebooks: 0 }, '"numCodebooks" expected an integer from 1 to 1024, got 0'],
    [{ ...plane, codewords: plane.codewords.with(5, Number.NaN) }, '"codewords" expected finite numbers, got NaN at 5'],
  ])("refuses codebooks that are not what they say (%#)", (codebooks, message) => {
    expect(() => new ResidualQuantizer(codebooks)).toThrow(new RangeError(message));
  });
});

describe("what goes wrong in the world", () => {
  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])("names the frame of a latent %d", (bad) => {
    const error = errorOf(() => new ResidualQuantizer(plane).quantize(Float32Array.of(1, 2, 3, bad), 1));
    expect(isCodecError(error, "non-finite-latents")).toBe(true);
    expect(String(error)).toContain(`got ${bad} at frame 1, component 1`);
  });

  it("takes latents at the ends of float32", () => {
    const ends = makeCodebooks([1, 2, 2], Float32Array.of(0, 0, 3e38, -3e38));
    const latents = Float32Array.of(3.4e38, -3.4e38, 1e-45, -1e-45);
    expect([...new ResidualQuantizer(ends).quantize(latents, 1)]).toEqual([1, 0]);
  });

  it("names the frame and stage of a token that no codeword has", () => {
    const error = errorOf(() => new ResidualQuantizer(plane).dequantize(Uint16Array.of(0, 1, 2, 3), 2)) as TokenError;
    expect(isCodecError(error, "token-out-of-range")).toBe(true);
    expect(error).toMatchObject({ frame: 1, stage: 1, expected: 2, actual: 3 });
  });
});

function forbidden(): never {
  throw new WebAssembly.CompileError("forbidden by the page's policy");
}

function errorOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error("expected an error, got none");
}
