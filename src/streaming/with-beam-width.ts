/** A codec's stages with a quantizer that keeps another number of paths. */
import type { CodecStages } from "../pipeline";
import { assertBeamWidth } from "../rvq/quantize";

/**
 * Quantizes by a beam of `beamWidth` in place of the codec's own.
 *
 * @throws {RangeError} when `beamWidth` is out of range
 */
export function withBeamWidth(stages: CodecStages, beamWidth: number): CodecStages {
  assertBeamWidth(beamWidth);
  const { quantizer } = stages;
  return {
    ...stages,
    quantizer: {
      quantize: (latents, activeCodebooks, out) => quantizer.quantize(latents, activeCodebooks, out, beamWidth),
      dequantize: (codes, activeCodebooks) => quantizer.dequantize(codes, activeCodebooks),
    },
  };
}
