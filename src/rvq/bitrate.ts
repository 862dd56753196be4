/** Between stages in use and bits per second: activeCodebooks <-> bitsPerSecond. */

/** What the rate of a codec follows from. */
export interface RateFacts {
  /** Frames per second. */
  readonly frameRate: number;
  /** Stages of the model. */
  readonly numCodebooks: number;
  /** Codewords of a stage, each token worth log2 of it in bits. */
  readonly codebookSize: number;
}

/**
 * The rate of tokens before entropy coding, of one channel.
 *
 * Units    bits per second
 * @param activeCodebooks  stages in use, default all
 */
export function bitsPerSecondOf(
  { frameRate, numCodebooks, codebookSize }: RateFacts,
  activeCodebooks: number = numCodebooks,
): number {
  return frameRate * activeCodebooks * Math.log2(codebookSize);
}

/**
 * The stages to use for a wish: a number of stages, or the most whose rate stays at or below a rate. All of them where
 * nothing is asked.
 *
 * @throws {TypeError} when both are given
 * @throws {RangeError} when `numCodebooks` is not an integer from 1 to the model's, or one stage already exceeds the rate
 */
export function activeCodebooksFor(
  facts: RateFacts,
  wish: { readonly bitsPerSecond?: number | undefined; readonly numCodebooks?: number | undefined },
): number {
  const { bitsPerSecond, numCodebooks } = wish;
  if (bitsPerSecond !== undefined && numCodebooks !== undefined) {
    throw new TypeError(
      `"bitsPerSecond" and "numCodebooks" expected one of the two, got ${bitsPerSecond} and ${numCodebooks}`,
    );
  }
  if (bitsPerSecond !== undefined) return codebooksWithin(facts, bitsPerSecond);
  if (numCodebooks === undefined) return facts.numCodebooks;
  if (!Number.isInteger(numCodebooks) || numCodebooks < 1 || numCodebooks > facts.numCodebooks) {
    throw new RangeError(`"numCodebooks" expected an integer from 1 to ${facts.numCodebooks}, got ${numCodebooks}`);
  }
  return numCodebooks;
}

function codebooksWithin(facts: RateFacts, bitsPerSecond: number): number {
  const perStage = bitsPerSecondOf(facts, 1);
  if (typeof bitsPerSecond !== "number") {
    throw new TypeError(`"bitsPerSecond" expected a number, got ${JSON.stringify(bitsPerSecond)}`);
  }
  // A rate worked out as frameRate * stages * bits may land a rounding error below the stage it means.
  const affordable = Math.floor((bitsPerSecond / perStage) * (1 + 1e-9));
  if (!(affordable >= 1)) {
    throw new RangeError(`"bitsPerSecond" expected at least ${perStage}, one codebook, got ${bitsPerSecond}`);
  }
  return Math.min(affordable, facts.numCodebooks);
}
