/** Residual vector quantization by itself, for latents of one's own. The subpath `quantone/rvq`. */
export { activeCodebooksFor, bitsPerSecondOf, type RateFacts } from "./bitrate";
export type { Codebooks } from "./codebook";
export { ResidualQuantizer } from "./quantize";
