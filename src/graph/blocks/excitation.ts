/**
 * What is added to a decoder's spectrum: harmonics and noise. Above `directBins` there is nothing else.
 *
 * Harmonics: the lowest bins of a frame become a waveform of one window, which goes through rectifiers. What comes out
 * has all the multiples of its harmonics, in step with them from frame to frame. Noise: a waveform whose every hop has
 * random phases, drawn from what was quantized, so that they are others in every hop, and the same for the same tokens.
 * All are flat, come to the level that the log-mel says, and are weighed by complex masks. Transforms are products with
 * matrices, so that they run wherever the networks do. Why: docs/decisions/0007. PyTorch's twin:
 * training/quantone_training/excitation.py.
 */
import { type MelFilterConfig, melFilters } from "../../features/mel-filters";
import { hannWindow } from "../../features/window";
import type { GraphBuilder, Operand } from "../graph-builder";
import { relu } from "../ops/activation";
import { absolute, add, atMost, exponential, floor, multiply, power, subtract } from "../ops/elementwise";
import { matmul } from "../ops/linear";
import { concat, pad, trim } from "../ops/shape";
import { stackRows, upsampleConv } from "./causal-conv";
import type { Weights } from "./conv-matrix";

/**
 * Of tones of full scale the highest band of `speech-16k` is 8.5. Whatever a network says of a mel it never heard, its
 * exponential stays within bounds.
 */
const loudestLogMel = Math.log(20);

export interface ExcitationConfig {
  readonly fftLength: number;
  readonly hopLength: number;
  /** What the spectrum is multiplied by before its inverse transform. */
  readonly spectrumGain: number;
  /** So many bins the network says itself; those above are made of harmonics and noise alone. */
  readonly directBins: number;
  /** The highest bin that harmonics are made from, below `directBins`. */
  readonly lowBins: number;
  /** One rectifier each, in units of the low band's root mean square. */
  readonly thresholds: readonly number[];
  /** Spacing of the masks. */
  readonly binsPerBand: number;
  /** Powers are averaged under a triangle that reaches so far to either side. */
  readonly smoothingBins: number;
  /** Root mean square of a frame, before `spectrumGain`, below which the low band counts as silent. */
  readonly levelFloor: number;
  /** Power of a bin, of a frame with a level of one, below which it counts as silent. */
  readonly powerFloor: number;
  /** Of the log-mel that says the level. */
  readonly mel: MelFilterConfig & { readonly windowLength: number };
}

/** What the excitation is made of. */
export interface ExcitationInputs {
  /** Real bins, then imaginary ones, of the spectrum's lower part: [B, F, 2 * directBins]. */
  readonly direct: Operand;
  /** [B, F, M] */
  readonly logMel: Operand;
  /** Points of the unit circle, of each tone that has whole turns in a hop: [B, F, 2 * numNoiseTones]. */
  readonly noisePhases: Operand;
  /** Real parts of every rectifier's bands and the noise's, then imaginary ones: [B, F, numMasks]. */
  readonly masks: Operand;
}

/** Real and imaginary parts, [B, F, bins] each. */
interface Complex {
  readonly real: Operand;
  readonly imaginary: Operand;
}

/** How many numbers `masks` holds for a frame. */
export function numMasks({ fftLength, binsPerBand, thresholds }: ExcitationConfig): number {
  return 2 * (thresholds.length + 1) * numBands(fftLength / 2 + 1, binsPerBand);
}

/** How many tones have whole turns in a hop, below half the sample rate: there only a cosine would be left. */
export function numNoiseTones(hopLength: number): number {
  return Math.floor((hopLength - 1) / 2);
}

/**
 * Phases drawn from the newest frame that the decoder has heard: equal frames give equal ones.
 *
 * Shapes   quantized [B, F, D], directions [tones * factor, D] and offsets [tones * factor] in turns, rows
 *          tone * factor + phase; result [B, F * factor, 2 * tones], cosines, then sines
 * @throws {GraphError} `shape-mismatch`
 */
export function drawnPhases(quantized: Operand, directions: Weights, offsets: Weights, factor: number): Operand {
  const { graph } = quantized;
  const weight = { ...directions, shape: [...directions.shape, 1] };
  const turns = upsampleConv(quantized, { weight, bias: offsets }, factor);
  // A point goes round a square that stands on its tip, and is brought from there to the circle; near the tips it is more
  // often than half way between. Triangles have no jumps, as fractions have, at which two computers that add in other
  // orders would draw other numbers; and the last bits of a runtime's cosine depend on a number's place in the batch.
  const cosine = triangle(turns);
  const sine = triangle(add(turns, graph.number(0.25)));
  const gain = power(add(multiply(cosine, cosine), multiply(sine, sine)), -0.5);
  return concat([multiply(cosine, gain), multiply(sine, gain)], 2);
}

/** From 1 at whole turns to -1 at half ones, in straight lines. */
function triangle(turns: Operand): Operand {
  const { graph } = turns;
  const distance = absolute(add(subtract(turns, floor(turns)), graph.number(-0.5)));
  return add(multiply(distance, graph.number(4)), graph.number(-1));
}

/**
 * The whole spectrum: its lower part, and what the masks let through.
 *
 * Shapes   result [B, F, fftLength + 2], real bins, then imaginary ones
 * Source   Makhoul and Berouti 1979 (High-frequency regeneration in speech coding systems); McCree and Barnwell 1995 (A
 *          mixed excitation LPC vocoder model for low bit rate speech coding); how it is made is this project's
 * @throws {GraphError} `shape-mismatch`
 */
export function excite(inputs: ExcitationInputs, config: ExcitationConfig): Operand {
  const { direct, logMel, noisePhases, masks } = inputs;
  const { fftLength, directBins, binsPerBand, thresholds } = config;
  const { graph } = direct;
  const numBins = fftLength / 2 + 1;
  const bandCount = numBands(numBins, binsPerBand);
  const bandsToBins = matrix(graph, "bands_to_bins", bandCount, numBins, (band, bin) =>
    Math.max(0, 1 - Math.abs(bin - binsPerBand * band) / binsPerBand),
  );
  const maskOf = (part: number) => matmul(slice(masks, part * bandCount, bandCount), bandsToBins);
  const transform = transformMatrix(graph, fftLength);
  const sources = [...harmonics(direct, transform, config), noise(noisePhases, transform, config)];
  const parts = sources.map((source, index) =>
    product({ real: maskOf(index), imaginary: maskOf(thresholds.length + 1 + index) }, source),
  );
  const level = matmul(exponential(atMost(logMel, loudestLogMel)), melToLevel(graph, config));
  const lower = halves(direct);
  const whole = (["real", "imaginary"] as const).map((part) => {
    const excitation = multiply(level, sum(parts.map((source) => source[part])));
    return add(excitation, pad(lower[part], 2, 0, numBins - directBins));
  });
  return concat(whole as [Operand, Operand], 2);
}

/** Mel magnitudes to magnitudes of the spectrum's bins, as noise has them in its windows: [M, bins]. */
function melToLevel(graph: GraphBuilder, { fftLength, spectrumGain, mel }: ExcitationConfig): Operand {
  const { numMels, sampleRate, windowLength } = mel;
  const numBins = fftLength / 2 + 1;
  return graph.constant("mel_to_level", [numMels, numBins], (into) => {
    const totals = new Float64Array(numBins);
    const filters = melFilters({ ...mel, fftLength });
    for (const { firstBin, weights } of filters) {
      for (const [i, weight] of weights.entries()) totals[firstBin + i] = (totals[firstBin + i] ?? 0) + weight;
    }
    // A filter's weights sum to one over Hz, so a mel over bins of so many Hz is a mean magnitude; that of noise grows
    // with the root of the window.
    const scale = ((sampleRate / mel.fftLength) * Math.sqrt(fftLength / windowLength)) / spectrumGain;
    for (const [band, { firstBin, weights }] of filters.entries()) {
      for (const [i, weight] of weights.entries()) {
        into[band * numBins + firstBin + i] = (scale * weight) / (totals[firstBin + i] || 1);
      }
    }
  });
}

/** Frames to spectra, real bins, then imaginary ones, without the mean: [fftLength, 2 * bins]. */
function transformMatrix(graph: GraphBuilder, fftLength: number): Operand {
  const numBins = fftLength / 2 + 1;
  return matrix(graph, "transform", fftLength, 2 * numBins, (n, part) => {
    const bin = part % numBins;
    const angle = (2 * Math.PI * ((n * bin) % fftLength)) / fftLength;
    return bin === 0 ? 0 : part < numBins ? Math.cos(angle) : -Math.sin(angle);
  });
}

/**
 * Windows of a waveform whose newest hop has these phases, with bins of about the size of one.
 *
 * The tones of a hop are equally loud and only their phases are drawn: the level of noise that is drawn sample by sample
 * wavers by a decibel over 80 ms and 400 Hz, that of this by half of it. A waveform, and not each frame's spectrum:
 * frames that are drawn apart cancel in part where they overlap.
 */
function noise(phases: Operand, transform: Operand, { fftLength, hopLength }: ExcitationConfig): Complex {
  const { graph } = phases;
  const numTones = numNoiseTones(hopLength);
  const tones = matrix(graph, "tones", 2 * numTones, hopLength, (part, n) => {
    const angle = (2 * Math.PI * ((((part % numTones) + 1) * n) % hopLength)) / hopLength;
    return (part < numTones ? Math.cos(angle) : -Math.sin(angle)) * Math.sqrt(2 / numTones);
  });
  const hops = matmul(phases, tones);
  const numHops = Math.ceil(fftLength / hopLength);
  const samples = trim(stackRows(hops, numHops, 1), 2, numHops * hopLength - fftLength, 0);
  const window = levelWindow(fftLength);
  const scaled = vector(graph, "noise_window", fftLength, (n) => (window[n] ?? 0) / Math.sqrt(fftLength));
  return halves(matmul(multiply(samples, scaled), transform));
}

/** For every threshold: what its rectifier makes of the low band, with bins of about the size of one. */
function harmonics(direct: Operand, transform: Operand, config: ExcitationConfig): Complex[] {
  const { fftLength, thresholds, powerFloor } = config;
  const { graph } = direct;
  const window = levelWindow(fftLength);
  const frame = lowBandFrame(direct, config);
  const smoothing = smoothingMatrix(graph, config);
  return thresholds.map((threshold, index) => {
    // The frame is a signal times the window. Limits times the window rectify the signal, whose harmonics stay as
    // narrow as they were. Less what a rectifier makes of silence, which would only cost precision.
    const limits = vector(graph, `limits[${index}]`, fftLength, (n) => -threshold * (window[n] ?? 0));
    const silence = vector(graph, `silence[${index}]`, fftLength, (n) => Math.max(-threshold, 0) * (window[n] ?? 0));
    const rectified = subtract(relu(add(frame, limits)), silence);
    const overtones = halves(matmul(rectified, transform));
    const bins = add(multiply(overtones.real, overtones.real), multiply(overtones.imaginary, overtones.imaginary));
    const gain = power(add(matmul(bins, smoothing), graph.number(powerFloor)), -0.5);
    return { real: multiply(overtones.real, gain), imaginary: multiply(overtones.imaginary, gain) };
  });
}

/** The waveform of the lowest bins at a level of one, still under its window: [B, F, fftLength]. */
function lowBandFrame(direct: Operand, config: ExcitationConfig): Operand {
  const { fftLength, directBins, lowBins, levelFloor } = config;
  const { graph } = direct;
  const low = concat([slice(direct, 1, lowBins), slice(direct, directBins + 1, lowBins)], 2);
  const inverse = matrix(graph, "inverse", 2 * lowBins, fftLength, (part, n) => {
    const angle = (2 * Math.PI * (((part % lowBins) + 1) * n)) / fftLength;
    return ((part < lowBins ? Math.cos(angle) : -Math.sin(angle)) * 2) / fftLength;
  });
  // Parseval: the mean square of the frame, once for each of its samples.
  const meanSquares = matrix(graph, "mean_squares", 2 * lowBins, fftLength, () => 2 / fftLength ** 2);
  const meanSquare = matmul(multiply(low, low), meanSquares);
  return multiply(matmul(low, inverse), power(add(meanSquare, graph.number(levelFloor ** 2)), -0.5));
}

/** Means over near bins, of which nearer ones count for more: [bins, bins]. */
function smoothingMatrix(graph: GraphBuilder, { fftLength, smoothingBins }: ExcitationConfig): Operand {
  const numBins = fftLength / 2 + 1;
  const weightOf = (distance: number) => Math.max(0, 1 - Math.abs(distance) / (smoothingBins + 1));
  const totals = Float64Array.from({ length: numBins }, (_, bin) => {
    let total = 0;
    for (let other = 0; other < numBins; other++) total += weightOf(other - bin);
    return total;
  });
  return matrix(graph, "smoothing", numBins, numBins, (from, bin) => weightOf(from - bin) / (totals[bin] ?? 1));
}

/** A Hann window at a level of one. */
function levelWindow(length: number): Float64Array {
  const window = Float64Array.from(hannWindow(length));
  const level = Math.sqrt(window.reduce((total, value) => total + value ** 2, 0) / length);
  return window.map((value) => value / level);
}

function product(a: Complex, b: Complex): Complex {
  return {
    real: subtract(multiply(a.real, b.real), multiply(a.imaginary, b.imaginary)),
    imaginary: add(multiply(a.real, b.imaginary), multiply(a.imaginary, b.real)),
  };
}

function sum(operands: readonly Operand[]): Operand {
  return operands.reduce((total, operand) => add(total, operand));
}

function halves(x: Operand): Complex {
  const half = (x.shape[2] as number) / 2;
  return { real: slice(x, 0, half), imaginary: slice(x, half, half) };
}

/** `length` entries of the last axis, from `start` on. */
function slice(x: Operand, start: number, length: number): Operand {
  return trim(x, 2, start, (x.shape[2] as number) - start - length);
}

/** The least number of bands whose straight lines reach every bin. */
function numBands(numBins: number, binsPerBand: number): number {
  return Math.floor((numBins - 2) / binsPerBand) + 2;
}

/** A constant whose numbers are worked out from their places. */
function matrix(
  graph: GraphBuilder,
  name: string,
  rows: number,
  columns: number,
  valueAt: (row: number, column: number) => number,
): Operand {
  return graph.constant(name, [rows, columns], (into) => {
    for (let index = 0; index < into.length; index++) {
      into[index] = valueAt(Math.floor(index / columns), index % columns);
    }
  });
}

function vector(graph: GraphBuilder, name: string, length: number, valueAt: (index: number) => number): Operand {
  return graph.constant(name, [length], (into) => {
    for (let index = 0; index < length; index++) into[index] = valueAt(index);
  });
}
