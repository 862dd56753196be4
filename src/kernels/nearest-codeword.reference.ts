/**
 * The slow twin that defines the nearest codeword: float64, one codeword after the other, vector [D] -> token.
 *
 * Every other variant in this folder returns this token, not merely one as near: whatever they screen with, codewords
 * too close to call are decided by `squaredDistance` below.
 */

/**
 * Squared Euclidean distance of two vectors.
 *
 * Shapes   a [D] at aOffset, b [D] at bOffset
 * Numerics float64 in eight partial sums, dimension d in sum d mod 8: the order in which 128-bit SIMD adds without
 *          shuffling, so that ../assembly's distances are equal to the last bit
 */
export function squaredDistance(
  a: Float32Array,
  aOffset: number,
  b: Float32Array,
  bOffset: number,
  codebookDim: number,
): number {
  const sums = [0, 0, 0, 0, 0, 0, 0, 0];
  for (let d = 0; d < codebookDim; d++) {
    const difference = a[aOffset + d] - b[bOffset + d];
    sums[d & 7] += difference * difference;
  }
  const even = sums[0] + sums[2] + (sums[4] + sums[6]);
  const odd = sums[1] + sums[3] + (sums[5] + sums[7]);
  return even + odd;
}

/**
 * Finds the codeword with the smallest squared distance to a vector.
 *
 * Shapes   vector [D] at vectorOffset, codewords [N, D] at codewordsOffset
 * Numerics float64; on equal distance the lower index wins; finite input expected
 * Cost     O(N * D)
 */
export function nearestCodewordReference(
  vector: Float32Array,
  vectorOffset: number,
  codewords: Float32Array,
  codewordsOffset: number,
  codebookSize: number,
  codebookDim: number,
): number {
  let nearest = 0;
  let smallest = Number.POSITIVE_INFINITY;
  for (let n = 0; n < codebookSize; n++) {
    const distance = squaredDistance(vector, vectorOffset, codewords, codewordsOffset + n * codebookDim, codebookDim);
    if (distance < smallest) {
      nearest = n;
      smallest = distance;
    }
  }
  return nearest;
}
