/** Windows of the short-time Fourier transforms. */

/**
 * The periodic Hann window, as torch.hann_window gives it: w[n] = sin²(πn / length).
 *
 * Shapes   result [length]
 */
export function hannWindow(length: number): Float32Array {
  return Float32Array.from({ length }, (_, n) => Math.sin((Math.PI * n) / length) ** 2);
}
