/** Test signals made from numbers: nothing is read, and the same seed gives the same samples everywhere. */

/** A seedable generator of numbers in [0, 1): mulberry32, small and even enough for test signals. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** White noise in [-amplitude, amplitude). */
export function noise(length: number, seed: number, amplitude = 0.5): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length }, () => (2 * random() - 1) * amplitude);
}

/**
 * Something like speech: a buzz of gliding pitch under a slow envelope, with noise bursts and pauses between.
 * Enough structure that a codec's tokens vary from frame to frame.
 */
export function speechLike(length: number, seed: number, sampleRate = 16000): Float32Array {
  const random = seededRandom(seed);
  let phase = 0;
  return Float32Array.from({ length }, (_, n) => {
    const seconds = n / sampleRate;
    phase += (2 * Math.PI * (110 + 40 * Math.sin(1.7 * seconds + seed))) / sampleRate;
    const envelope = Math.max(0, Math.sin(2 * Math.PI * 1.3 * seconds)) ** 0.5;
    const isBurst = Math.sin(2 * Math.PI * 0.9 * seconds + 1) > 0.8;
    let buzz = 0;
    for (let harmonic = 1; harmonic <= 12; harmonic++) buzz += Math.sin(harmonic * phase) / harmonic;
    return 0.18 * envelope * buzz + (isBurst ? 0.2 * (random() - 0.5) : 0.002 * (random() - 0.5));
  });
}
