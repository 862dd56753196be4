/**
 * samples [B, T, 1] -> features of what has been heard by the end of each hop: log-mels, and the phases of low frequencies.
 *
 * The window of frame f ends before sample (f + 1) * hopLength, and before the signal there is silence. Transforms are
 * strided convolutions with windowed cosines and sines, so that they run wherever the networks do. PyTorch's twins are
 * `causal_log_mel` and `causal_phases` of training/quantone_training/features.py; vocoders' log-mels are
 * src/features/mel-spectrogram.ts.
 */
import { type MelFilterConfig, melFilters } from "../../features/mel-filters";
import { hannWindow } from "../../features/window";
import type { Operand } from "../graph-builder";
import { add, atLeast, logarithm, multiply, power, squareRoot } from "../ops/elementwise";
import { matmul } from "../ops/linear";
import { concat, trim } from "../ops/shape";
import { causalConv } from "./causal-conv";
import type { Weights } from "./conv-matrix";

/** Which stretches of the signal are transformed. */
export interface CausalWindows {
  readonly windowLength: number;
  readonly hopLength: number;
}

/** Magnitudes below `floor` count as that. */
export interface CausalLogMelConfig extends CausalWindows, MelFilterConfig {
  readonly floor: number;
}

/** The frequencies are `spacingHz`, 2 * `spacingHz` and so on; their magnitudes are raised to `exponent`. */
export interface CausalPhasesConfig extends CausalWindows {
  readonly sampleRate: number;
  readonly numFrequencies: number;
  readonly spacingHz: number;
  readonly exponent: number;
  readonly floor: number;
}

/**
 * Natural logarithms of mel magnitudes.
 *
 * Shapes   samples [B, T, 1]; result [B, T / hopLength, M]
 */
export function causalLogMel(samples: Operand, config: CausalLogMelConfig): Operand {
  const { fftLength, numMels, floor } = config;
  const numBins = fftLength / 2 + 1;
  const spectrum = transform(samples, config, numBins, (bin) => bin / fftLength);
  const filters = samples.graph.constant("filters", [numBins, numMels], (into) => {
    for (const [band, { firstBin, weights }] of melFilters(config).entries()) {
      for (const [i, weight] of weights.entries()) into[(firstBin + i) * numMels + band] = weight;
    }
  });
  return logarithm(atLeast(matmul(magnitudes(spectrum, numBins), filters), floor));
}

/**
 * Real parts, then imaginary parts, with compressed magnitudes.
 *
 * Shapes   samples [B, T, 1]; result [B, T / hopLength, 2 * numFrequencies]
 */
export function causalPhases(samples: Operand, config: CausalPhasesConfig): Operand {
  const { sampleRate, numFrequencies, spacingHz, exponent, floor } = config;
  const { graph } = samples;
  const spectrum = transform(samples, config, numFrequencies, (index) => ((index + 1) * spacingHz) / sampleRate);
  const gain = power(add(magnitudes(spectrum, numFrequencies), graph.number(floor)), exponent - 1);
  return multiply(spectrum, concat([gain, gain], 2));
}

/** Windowed cosines, then sines, of `count` frequencies in cycles per sample: [B, T / hopLength, 2 * count]. */
function transform(
  samples: Operand,
  { windowLength, hopLength }: CausalWindows,
  count: number,
  frequencyOf: (index: number) => number,
): Operand {
  const window = hannWindow(windowLength);
  const data = new Float32Array(2 * count * windowLength);
  for (let index = 0; index < count; index++) {
    for (let n = 0; n < windowLength; n++) {
      const angle = 2 * Math.PI * frequencyOf(index) * n;
      data[index * windowLength + n] = (window[n] ?? 0) * Math.cos(angle);
      data[(count + index) * windowLength + n] = (window[n] ?? 0) * Math.sin(angle);
    }
  }
  const weight: Weights = { shape: [2 * count, 1, windowLength], data };
  return causalConv(samples, { weight }, { stride: hopLength });
}

/** [B, F, 2 * count] -> [B, F, count]. */
function magnitudes(spectrum: Operand, count: number): Operand {
  const squares = multiply(spectrum, spectrum);
  return squareRoot(add(trim(squares, 2, 0, count), trim(squares, 2, count, 0)));
}
