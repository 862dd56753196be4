/** The vocoder of codecs whose decoder gives samples: it passes them on. */
import type { Vocoder } from "./vocoder";

/**
 * Makes the vocoder.
 *
 * Memory   gives the decoder's own array on
 * @param features  the name of the decoder's output that holds the samples
 */
export function passthroughVocoder(features: string): Vocoder {
  return {
    features,
    featureDim: 1,
    hopLength: 1,
    delaySamples: 0,
    openStream: () => ({
      push: async (frames) => frames.features,
      flush: async () => new Float32Array(0),
    }),
  };
}
