/**
 * Signals of unequal length side by side in one network, each with the numbers that it would have alone.
 *
 * There are no masks, since nothing is filled up. A network that remembers (causal codecs) runs all signals as far as the
 * shortest one goes, finishes that one with its own states, and goes on with the others. A network that takes a signal
 * whole runs those of the same length together.
 */
import { concatCodes, concatFloats } from "../kernels/concat";

/** Several signals in a network: what encoder and decoder have in common. */
export interface BatchSteps<Input, Output> {
  /** Takes as much of each signal, one behind the other, and gives the same of what comes out. */
  push(input: Input): Promise<Output>;
  select(signals: readonly number[]): BatchSteps<Input, Output>;
}

type Numbers = Float32Array | Uint16Array;

/** How signals run. */
export interface BatchConfig<Input, Output> {
  open(numSignals: number): BatchSteps<Input, Output>;
  /** Numbers of one frame of a signal. */
  readonly perFrame: number;
  /** Frames that the first call must bring, unless the signal is shorter; infinite for all of it. */
  readonly startFrames: number;
  /** Most frames of each signal, and of all together, in one call: bounds the memory. */
  readonly blockFrames: number;
  readonly maxFrames: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs signals through a network.
 *
 * Memory   reads `signals`; results are fresh, one for each signal
 */
export async function runBatch<Input extends Numbers, Output extends Numbers>(
  signals: readonly Input[],
  config: BatchConfig<Input, Output>,
): Promise<Output[]> {
  const { perFrame, startFrames, blockFrames, maxFrames } = config;
  const parts: Output[][] = signals.map(() => []);
  const places = signals.map((_, place) => place).filter((place) => lengthOf(signals, place) > 0);
  // Neighbours of like length leave the batch together, and the network runs with few signals rarely.
  places.sort((one, other) => lengthOf(signals, one) - lengthOf(signals, other));
  const isWhole = (place: number): boolean => Math.floor(lengthOf(signals, place) / perFrame) < startFrames;
  for (const group of groupsOf(places.filter(isWhole), maxFrames, (place) => lengthOf(signals, place) / perFrame)) {
    config.signal?.throwIfAborted();
    await take(config.open(group.length), signals, group, [0, lengthOf(signals, group[0] ?? 0)], parts);
  }
  const numSignals = Math.max(1, Math.floor(maxFrames / blockFrames));
  const streamed = places.filter((place) => !isWhole(place));
  for (let first = 0; first < streamed.length; first += numSignals) {
    await runTogether(signals, streamed.slice(first, first + numSignals), config, parts);
  }
  return parts.map((outputs) => joined(outputs));
}

/** Runs signals that each have the frames to start with, until the last one ends. */
async function runTogether<Input extends Numbers, Output extends Numbers>(
  signals: readonly Input[],
  places: readonly number[],
  { open, perFrame, blockFrames, signal }: BatchConfig<Input, Output>,
  parts: Output[][],
): Promise<void> {
  let active = places;
  let steps = open(active.length);
  for (let at = 0; active.length > 0; ) {
    signal?.throwIfAborted();
    const wholeLeft = active.map((place) => Math.floor((lengthOf(signals, place) - at) / perFrame));
    const end = at + Math.min(blockFrames, ...wholeLeft) * perFrame;
    if (end > at) await take(steps, signals, active, [at, end], parts);
    at = end;
    const rest = (place: number): number => lengthOf(signals, place) - at;
    const ending = active.filter((place) => rest(place) > 0 && rest(place) < perFrame);
    for (const group of groupsOf(ending, Number.POSITIVE_INFINITY, rest)) {
      const rows = group.map((place) => active.indexOf(place));
      await take(steps.select(rows), signals, group, [at, at + rest(group[0] ?? 0)], parts);
    }
    const goingOn = active.filter((place) => rest(place) >= perFrame);
    if (goingOn.length < active.length) {
      steps = steps.select(goingOn.map((place) => active.indexOf(place)));
      active = goingOn;
    }
  }
}

/** Runs the same stretch of some signals and adds what comes out to the parts of each. */
async function take<Input extends Numbers, Output extends Numbers>(
  steps: BatchSteps<Input, Output>,
  signals: readonly Input[],
  places: readonly number[],
  [begin, end]: readonly [number, number],
  parts: Output[][],
): Promise<void> {
  const input = joined(places.map((place) => signals[place]?.subarray(begin, end) as Input));
  const output = await steps.push(input);
  const length = output.length / places.length;
  for (const [row, place] of places.entries()) {
    parts[place]?.push(output.subarray(row * length, (row + 1) * length) as Output);
  }
}

/** Groups of neighbours with equally many frames, of at most `maxFrames` together. */
function groupsOf(places: readonly number[], maxFrames: number, framesOf: (place: number) => number): number[][] {
  const groups: number[][] = [];
  for (const place of places) {
    const group = groups.at(-1);
    const [first] = group ?? [];
    const fits = first !== undefined && framesOf(first) === framesOf(place);
    if (group !== undefined && fits && (group.length + 1) * framesOf(place) <= maxFrames) group.push(place);
    else groups.push([place]);
  }
  return groups;
}

function lengthOf(signals: readonly Numbers[], place: number): number {
  return signals[place]?.length ?? 0;
}

/** One behind the other. Of no parts there is nothing to tell which kind of numbers it would be: an empty array of any. */
function joined<Data extends Numbers>(parts: readonly Data[]): Data {
  const [first] = parts;
  if (first !== undefined && parts.length === 1) return first;
  const isFloat = first instanceof Float32Array;
  return (
    isFloat ? concatFloats(parts as readonly Float32Array[]) : concatCodes(parts as readonly Uint16Array[])
  ) as Data;
}
