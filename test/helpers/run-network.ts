/** Runs networks in either form over a whole signal. */
import type { Network } from "../../src/graph/network";
import { NetworkSession } from "../../src/runtime/network-session";
import { openRuntime } from "../../src/runtime/open-runtime";
import type { Device } from "../../src/runtime/runtime";

export interface RunOptions {
  /** Frames of each call of the streaming form, over and over; the offline form takes all at once. */
  readonly blocks?: readonly number[];
  readonly device?: Device;
  readonly numThreads?: number;
  /** Forgets the states before each call: what a network with broken states does. */
  readonly forgets?: boolean;
  /** What the network takes beside the signal, by name, as many frames of it: [F, any width]. */
  readonly beside?: Readonly<Record<string, Float32Array>>;
}

/**
 * Gives every output of a network for a signal.
 *
 * Shapes   `signal` [F, width]; each result [F', width'] of its own
 * @param width  numbers of one frame of the input
 */
export async function runNetwork(
  network: Network,
  signal: Float32Array,
  width: number,
  { blocks = [1], device = "cpu", numThreads = 1, forgets = false, beside = {} }: RunOptions = {},
): Promise<Record<string, Float32Array>> {
  await using session = await NetworkSession.create(await openRuntime({ device, numThreads }), network);
  const [input] = network.inputs;
  if (input === undefined) throw new Error("the network has no input");
  const numFrames = signal.length / width;
  const feed = (begin: number, end: number) => {
    const data = signal.slice(begin * width, Math.round(end * width));
    const shape = input.shape.length === 2 ? [1, data.length] : [1, data.length / width, width];
    const others = Object.entries(beside).map(([name, all]) => [name, frames(all, all.length / numFrames, begin, end)]);
    return { [input.name]: { data, shape }, ...Object.fromEntries(others) };
  };
  if (network.form === "offline") return dataOf(await session.run(feed(0, numFrames)));
  const stream = session.openStream();
  const parts: Record<string, Float32Array>[] = [];
  for (let frame = 0; frame < numFrames; ) {
    const end = Math.min(numFrames, frame + (blocks[parts.length % blocks.length] ?? 1));
    if (forgets) stream.reset();
    parts.push(dataOf(await stream.run(feed(frame, end))));
    frame = end;
  }
  return Object.fromEntries(network.outputs.map(({ name }) => [name, join(parts.map((part) => part[name]))]));
}

function frames(all: Float32Array, width: number, begin: number, end: number) {
  return { data: all.slice(begin * width, end * width), shape: [1, end - begin, width] };
}

function dataOf(tensors: Readonly<Record<string, { data: Float32Array }>>): Record<string, Float32Array> {
  return Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, data]));
}

function join(parts: readonly (Float32Array | undefined)[]): Float32Array {
  const joined = new Float32Array(parts.reduce((length, part) => length + (part?.length ?? 0), 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part ?? [], offset);
    offset += part?.length ?? 0;
  }
  return joined;
}
