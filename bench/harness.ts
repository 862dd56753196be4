/** What every benchmark needs: who measured, how loaded it was, and rounds in which the rivals take turns. */
import { availableParallelism, cpus, loadavg, platform, release } from "node:os";

/** Where numbers come from. They mean nothing without it. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly platform: string;
  readonly node: string;
  readonly v8: string;
  readonly date: string;
  /** Processes that wanted to run, averaged over the last minute; a bench of one thread alone comes to 1. */
  readonly load: number;
}

/** Above this load for each core, someone else runs: a warning is printed, and only ratios are worth reading. */
const quietLoadPerCore = 0.6;

/** Names the machine, and warns on stderr when it is busy. */
export function machine(): Machine {
  const load = Number((loadavg()[0] ?? 0).toFixed(2));
  const cores = availableParallelism();
  if (load > quietLoadPerCore * cores) {
    console.error(
      `\n  *** BUSY MACHINE: load ${load} on ${cores} cores. Absolute numbers are too low;` +
        " read the ratios, or wait until it is quiet. ***\n",
    );
  }
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores,
    platform: `${platform()} ${release()}`,
    node: process.versions.node,
    v8: process.versions.v8,
    date: new Date().toISOString().slice(0, 10),
    load,
  };
}

/** The middle of a list, the lower of the two middles in a list of even length. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[(sorted.length - 1) >> 1] ?? Number.NaN;
}

/**
 * Seconds of processor time that this process has used, on all its threads.
 *
 * On a busy machine it leaves out the time in which others had the processor, which wall time charges to whoever was
 * running. What it cannot leave out: a cache that others filled, and a core shared with a hyperthread.
 */
export function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** One rival: runs a fixed amount of work and says how much of it went through in a second. */
export type Contender = () => number | Promise<number>;

/**
 * Lets contenders take turns, in another order each round, so that what disturbs the machine falls on all of them.
 *
 * The first round warms up and is dropped.
 *
 * @returns work per second of each contender, a list by round: values of one index were measured side by side
 */
export async function takeTurns<Name extends string>(
  contenders: Readonly<Record<Name, Contender>>,
  rounds: number,
): Promise<Record<Name, readonly number[]>> {
  const entries = Object.entries<Contender>(contenders);
  const measured: Record<string, number[]> = Object.fromEntries(entries.map(([name]) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (let turn = 0; turn < entries.length; turn++) {
      // Rotating by one each round, and reversing every other round, gives each contender all neighbours.
      const index = (turn + round) % entries.length;
      const [name, run] = entries[round % 2 === 0 ? index : entries.length - 1 - index] ?? [];
      if (name === undefined || run === undefined) continue;
      const perSecond = await run();
      if (round > 0) measured[name]?.push(perSecond);
    }
  }
  return measured as Record<Name, readonly number[]>;
}

/** The median over rounds of a's work per second divided by b's in the same round. */
export function ratio(a: readonly number[], b: readonly number[]): number {
  return median(a.map((value, round) => value / (b[round] ?? Number.NaN)));
}

/** Best and median of the rounds, rounded. */
export function summary(perSecond: readonly number[]): { best: number; median: number } {
  return { best: Math.round(Math.max(...perSecond)), median: Math.round(median(perSecond)) };
}
