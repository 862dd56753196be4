/** Whether tokens are a codec's own. */
import { TokenError } from "../errors";
import type { CodecIdentity } from "../pipeline";
import { assertTokenFrames, type TokenFrames } from "../tokens/token-frames";

/**
 * Checks that a codec can decode a piece of tokens.
 *
 * @throws {TokenError} when the tokens are another codec's, or not whole, or out of range
 */
export function assertTokensOf(identity: CodecIdentity, tokens: TokenFrames): void {
  assertTokenFrames(tokens);
  expectSame("codec", identity.name, tokens.codec);
  expectSame("revision", identity.revision, tokens.revision);
  expectSame("sampleRate", identity.sampleRate, tokens.sampleRate);
  expectSame("frameRate", identity.frameRate, tokens.frameRate);
  expectSame("codebookSize", identity.codebookSize, tokens.codebookSize);
  for (const field of ["segmentSamples", "overlapSamples"] as const) {
    expectSame(field, identity.segmentation?.[field] ?? "none", tokens.segmentation?.[field] ?? "none");
  }
  if (tokens.numCodebooks > identity.numCodebooks) {
    expectSame("numCodebooks", `at most ${identity.numCodebooks}`, tokens.numCodebooks);
  }
}

/** @throws {TokenError} code `codec-mismatch` when two values that must be the same are not */
export function expectSame(field: string, expected: string | number, actual: string | number): void {
  if (expected !== actual) {
    throw new TokenError(
      "codec-mismatch",
      `tokens' "${field}" expected ${expected}, got ${actual}; decode them with the codec that made them`,
      { expected, actual },
    );
  }
}
