/** The codebooks of a residual vector quantizer, checked once where they come in. */
import type { Codebooks } from "../kernels/rvq-kernel";

export type { Codebooks } from "../kernels/rvq-kernel";

/**
 * Checks that codebooks have the shape they say and hold finite numbers.
 *
 * @throws {RangeError} when a size is out of range, `codewords` has another length, or a component is not finite
 */
export function assertCodebooks({ numCodebooks, codebookSize, codebookDim, codewords }: Codebooks): void {
  assertSize("numCodebooks", numCodebooks, 1024);
  assertSize("codebookSize", codebookSize, 65536);
  assertSize("codebookDim", codebookDim, 65536);
  const expected = numCodebooks * codebookSize * codebookDim;
  if (codewords.length !== expected) {
    throw new RangeError(
      `"codewords" expected ${numCodebooks} x ${codebookSize} x ${codebookDim} = ${expected} numbers, got ${codewords.length}`,
    );
  }
  const index = codewords.findIndex((component) => !Number.isFinite(component));
  if (index >= 0) throw new RangeError(`"codewords" expected finite numbers, got ${codewords[index]} at ${index}`);
}

function assertSize(name: string, value: number, max: number): void {
  if (!Number.isInteger(value) || value < 1 || value > max) {
    throw new RangeError(`"${name}" expected an integer from 1 to ${max}, got ${value}`);
  }
}
