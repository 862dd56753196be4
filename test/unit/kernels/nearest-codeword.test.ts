import { describe, expect, it } from "vitest";
import { wasmBase64 as beamSearchBase64 } from "../../../src/kernels/beam-search.generated";
import { NearestCodeword } from "../../../src/kernels/nearest-codeword";
import { nearestCodewordReference, squaredDistance } from "../../../src/kernels/nearest-codeword.reference";
import { wasmBase64 as singlePathBase64 } from "../../../src/kernels/rvq.generated";
import { gaussian } from "../../helpers/codebooks";

describe("squaredDistance", () => {
  it("sums squared differences from the offsets given", () => {
    const a = Float32Array.of(9, 1, 2, 3);
    const b = Float32Array.of(9, 9, 4, 2, 1);
    expect(squaredDistance(a, 1, b, 2, 3)).toBe(9 + 0 + 4);
  });

  it("keeps what float32 would lose", () => {
    expect(squaredDistance(Float32Array.of(4096, 1), 0, Float32Array.of(0, 0), 0, 2)).toBe(4096 ** 2 + 1);
    expect(squaredDistance(Float32Array.of(3e38), 0, Float32Array.of(-3e38), 0, 1)).toBeGreaterThan(3e77);
  });
});

describe("nearestCodewordReference", () => {
  it("takes the lower index of two codewords as near", () => {
    const codewords = Float32Array.of(7, 3, -1, 3);
    expect(nearestCodewordReference(Float32Array.of(1), 0, codewords, 0, 4, 1)).toBe(1);
  });
});

describe("NearestCodeword", () => {
  it("writes a token for each vector, at the offset and stride given", () => {
    const search = new NearestCodeword(Float32Array.of(5, 0, 1, 2), 1, 3, 1);
    const tokens = new Uint16Array(7).fill(9);
    search.findInto(Float32Array.of(1.9, 0.2, 1.1), 3, tokens, 1, 2);
    expect([...tokens]).toEqual([9, 2, 9, 0, 9, 1, 9]);
  });

  it("searches one codebook among several", () => {
    const codewords = gaussian(3 * 20 * 6, 1);
    const vectors = gaussian(11 * 6, 2);
    const tokens = new Uint16Array(11);
    new NearestCodeword(codewords, 2 * 20 * 6, 20, 6).findInto(vectors, 11, tokens, 0, 1);
    const expected = Array.from({ length: 11 }, (_, f) => {
      return nearestCodewordReference(vectors, f * 6, codewords, 2 * 20 * 6, 20, 6);
    });
    expect([...tokens]).toEqual(expected);
  });
});

describe("the WebAssembly modules", () => {
  it.each([
    ["of one path", singlePathBase64],
    ["of several", beamSearchBase64],
  ])("%s stays below the 4 KiB that every browser compiles at once on its main thread", (_, wasmBase64) => {
    expect(atob(wasmBase64).length).toBeLessThan(4096);
  });
});
