/**
 * Triangular filters that gather the bins of a spectrum into mel bands: [bins] -> [M].
 *
 * Source   Slaney 1998 (Auditory Toolbox) and Young et al. 2006 (HTK book) for the two scales; conventions of librosa 0.11
 */

export interface MelFilterConfig {
  readonly sampleRate: number;
  readonly fftLength: number;
  readonly numMels: number;
  readonly minFrequencyHz: number;
  readonly maxFrequencyHz: number;
  readonly melScale: "slaney" | "htk";
  /** `slaney`: every filter has the same area over Hz; `none`: every filter peaks at 1. */
  readonly norm: "slaney" | "none";
  /** The scale on which the triangles' sides are straight. Default: `hz`. */
  readonly slopes?: "hz" | "mel";
}

/** One band: `weights[i]` belongs to bin `firstBin + i`. Outside are zeros. */
export interface MelFilter {
  readonly firstBin: number;
  readonly weights: Float32Array;
}

interface Scale {
  readonly fromHz: (hz: number) => number;
  readonly toHz: (mel: number) => number;
}

/** Slaney's scale is linear up to here, and above it 27 bands make a factor of 6.4. */
const linearEndHz = 1000;
const hzPerMel = 200 / 3;
const linearEndMel = linearEndHz / hzPerMel;
const logStep = Math.log(6.4) / 27;

const scales: Readonly<Record<MelFilterConfig["melScale"], Scale>> = {
  slaney: {
    fromHz: (hz) => (hz < linearEndHz ? hz / hzPerMel : linearEndMel + Math.log(hz / linearEndHz) / logStep),
    toHz: (mel) => (mel < linearEndMel ? mel * hzPerMel : linearEndHz * Math.exp(logStep * (mel - linearEndMel))),
  },
  htk: {
    fromHz: (hz) => 2595 * Math.log10(1 + hz / 700),
    toHz: (mel) => 700 * (10 ** (mel / 2595) - 1),
  },
};

/**
 * Makes the filters. Their corners lie evenly on the mel scale, each filter's peak on the next one's foot.
 *
 * Shapes   result [M]
 * Numerics corners and weights in double precision, rounded once
 */
export function melFilters(config: MelFilterConfig): readonly MelFilter[] {
  const { sampleRate, fftLength, numMels, minFrequencyHz, maxFrequencyHz, melScale, norm, slopes = "hz" } = config;
  const { fromHz, toHz } = scales[melScale];
  const [low, high] = [fromHz(minFrequencyHz), fromHz(maxFrequencyHz)];
  const place = slopes === "mel" ? fromHz : (hz: number): number => hz;
  const corner = (index: number): number => toHz(low + ((high - low) * index) / (numMels + 1));
  return Array.from({ length: numMels }, (_, band) => {
    const [left, peak, right] = [corner(band), corner(band + 1), corner(band + 2)];
    const gain = norm === "slaney" ? 2 / (right - left) : 1;
    const [foot, top, end] = [place(left), place(peak), place(right)];
    const weightOf = (bin: number): number => {
      const at = place((bin * sampleRate) / fftLength);
      return gain * Math.max(0, Math.min((at - foot) / (top - foot), (end - at) / (end - top)));
    };
    const lastBin = Math.min(fftLength / 2, Math.floor((right * fftLength) / sampleRate));
    const firstBin = Math.min(lastBin, Math.ceil((left * fftLength) / sampleRate));
    return {
      firstBin,
      weights: Float32Array.from({ length: lastBin - firstBin + 1 }, (_, i) => weightOf(firstBin + i)),
    };
  });
}
