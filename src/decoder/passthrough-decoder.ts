/** The decoder in front of vocoders that take a codec's quantized latents: it passes them on. */
import type { Decoder } from "./decoder";

/**
 * Makes the decoder.
 *
 * Memory   gives the latents' own array on
 * @param features  the name that vocoders know the latents by
 */
export function passthroughDecoder(latentDim: number, features: string): Decoder {
  return {
    latentDim,
    features,
    delaySamples: 0,
    openStream: () => ({
      push: async (quantized) => ({ features: quantized }),
      flush: async () => undefined,
    }),
    dispose: async () => undefined,
  };
}
