/**
 * Discontinuous transmission (DTX): frames of nothing but background noise are not sent, and the receiver makes noise of
 * its own in their place.
 */

/** One signal on its way to the encoder. */
export interface NoiseDetector {
  /**
   * Hears the next frame and tells whether it is nothing but noise.
   *
   * Shapes   samples [hopLength]
   */
  push(samples: Float32Array): boolean;
}

/**
 * Checks a wish for DTX against what the codec can do.
 *
 * @returns what starts on a signal; undefined when every frame is to be sent
 * @throws {TypeError} when `dtx` is no boolean
 * @throws {RangeError} when the codec has no noise detector
 */
export function noiseDetectorFor(
  dtx: boolean | undefined,
  codec: { readonly identity: { readonly name: string }; readonly openNoiseDetector?: () => NoiseDetector },
): (() => NoiseDetector) | undefined {
  if (dtx === undefined || dtx === false) return undefined;
  if (dtx !== true) throw new TypeError(`"dtx" expected a boolean, got ${JSON.stringify(dtx)}`);
  if (codec.openNoiseDetector !== undefined) return codec.openNoiseDetector;
  throw new RangeError(`"dtx" expected false for "${codec.identity.name}", whose decoder makes no noise, got true`);
}

/**
 * Tells which of the next frames are noise in all channels; none without detectors.
 *
 * Shapes   each channel [F * hopLength]; result [F], 1 for noise
 * @param detectors  one for each channel, or none
 */
export function noiseFrames(
  detectors: readonly NoiseDetector[],
  channels: readonly Float32Array[],
  numFrames: number,
): Uint8Array {
  const marks = new Uint8Array(numFrames).fill(detectors.length > 0 ? 1 : 0);
  for (const [index, detector] of detectors.entries()) {
    const samples = channels[index] as Float32Array;
    const hopLength = samples.length / numFrames;
    for (const frame of marks.keys()) {
      // Every detector hears every frame: what was before tells it what is noise.
      if (!detector.push(samples.subarray(frame * hopLength, (frame + 1) * hopLength))) marks[frame] = 0;
    }
  }
  return marks;
}
