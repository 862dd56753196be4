/** Chooses the kernel for residual vector quantization, and its inverse: tokens [F, K] -> quantized [F, D]. */
import { RvqReference } from "./rvq.reference";
import { RvqTypedArray } from "./rvq.typed-array";
import { RvqWasm } from "./rvq.wasm";
import type { Codebooks, RvqKernel, RvqVariant } from "./rvq-kernel";

/**
 * Prepares codebooks for quantizing.
 *
 * @param variant  `auto` takes WebAssembly where the platform has its SIMD, plain TypeScript elsewhere
 * @returns `undefined` if `wasm` is asked for and the platform has no WebAssembly SIMD
 */
export function createRvqKernel(codebooks: Codebooks, variant: "auto" | RvqVariant): RvqKernel | undefined {
  switch (variant) {
    case "auto":
      return RvqWasm.create(codebooks) ?? new RvqTypedArray(codebooks);
    case "wasm":
      return RvqWasm.create(codebooks);
    case "typed-array":
      return new RvqTypedArray(codebooks);
    case "reference":
      return new RvqReference(codebooks);
  }
}

/**
 * Adds up the codewords that tokens stand for.
 *
 * Shapes   tokens [F, activeCodebooks], out [F, D], both row-major
 * Memory   reads `tokens`, overwrites `out`
 * Numerics float32, stage 0 first: a frame's sum does not depend on the frames beside it
 */
export function dequantizeInto(
  { codebookSize, codebookDim, codewords }: Codebooks,
  tokens: Uint16Array,
  activeCodebooks: number,
  out: Float32Array,
): void {
  const numFrames = tokens.length / activeCodebooks;
  out.fill(0);
  for (let f = 0; f < numFrames; f++) {
    for (let q = 0; q < activeCodebooks; q++) {
      const from = (q * codebookSize + tokens[f * activeCodebooks + q]) * codebookDim;
      for (let d = 0; d < codebookDim; d++) out[f * codebookDim + d] += codewords[from + d];
    }
  }
}
