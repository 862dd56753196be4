/** What the graph builder hands to a runtime: a model in the ONNX format and the names that go with it. */

/**
 * `offline`: the whole signal in one call, with zeros as the past before it.
 * `streaming`: any number of frames a call; what a layer remembers is an input and an output of the network.
 */
export type NetworkForm = "offline" | "streaming";

/** An input or output. A text in the shape is a size that is known when the network runs, such as `F` or `320*F`. */
export interface NetworkValue {
  readonly name: string;
  readonly shape: readonly (number | string)[];
}

/** What one layer remembers between calls: feed `output` of a call to `input` of the next. Starts as zeros. */
export interface NetworkState {
  readonly input: string;
  readonly output: string;
  /** For a batch of one. */
  readonly shape: readonly number[];
}

/** A network ready to run. `bytes` is a whole ONNX model: written to a file it is an `.onnx` file. */
export interface Network {
  readonly name: string;
  readonly form: NetworkForm;
  readonly bytes: Uint8Array;
  /** What the caller feeds; states are not among them. */
  readonly inputs: readonly NetworkValue[];
  /** What the caller gets; states are not among them. */
  readonly outputs: readonly NetworkValue[];
  /** Empty in the offline form. */
  readonly states: readonly NetworkState[];
}
