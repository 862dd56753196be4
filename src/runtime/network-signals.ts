/** Signals side by side in a network of either form. */
import type { NetworkSession, NetworkStream, Tensors } from "./network-session";

/** As many signals as the network's inputs have in their first axis. */
export interface NetworkSignals {
  readonly numSignals: number;
  run(inputs: Tensors): Promise<Tensors>;
  /** Goes on with the signals at these places, in this order. */
  select(places: readonly number[]): NetworkSignals;
}

/** Starts on signals. A network in its offline form takes each call as whole signals, so there is nothing to go on with. */
export function openSignals(session: NetworkSession, numSignals: number): NetworkSignals {
  if (session.network.form === "streaming") return signalsOf(session.openStream(numSignals), numSignals);
  const run = (inputs: Tensors): Promise<Tensors> => session.run(inputs);
  return { numSignals, run, select: (places) => openSignals(session, places.length) };
}

function signalsOf(stream: NetworkStream, numSignals: number): NetworkSignals {
  const run = (inputs: Tensors): Promise<Tensors> => stream.run(inputs);
  return { numSignals, run, select: (places) => signalsOf(stream.select(places), places.length) };
}
