/** The name of codebooks by what is in them. */
import { createHash } from "node:crypto";
import type { Codebooks } from "./codebook";

const numDigits = 16;

/**
 * The revision of weights that carry none: tokens are indices into codebooks, so the same codebooks are the same revision,
 * whatever file they came in, under whichever names, beside whichever decoder.
 *
 * Numerics 16 hexadecimal digits of the SHA-256 over the codewords as little-endian float32, in the order of the stages
 */
export function codebookRevision({ codewords }: Pick<Codebooks, "codewords">): string {
  const bytes = new Uint8Array(codewords.buffer, codewords.byteOffset, codewords.byteLength);
  return createHash("sha256").update(bytes).digest("hex").slice(0, numDigits);
}
