/** A stack of LSTM layers over frames [B, F, C], with a skip connection around all of them. */
import type { Operand } from "../graph-builder";
import { add } from "../ops/elementwise";
import { lstmLayer } from "../ops/recurrent";
import { reshape, transpose } from "../ops/shape";
import type { WeightLayout, Weights } from "./conv-matrix";

/** Weights of one layer in PyTorch's layout: gates in the order input, forget, cell, output. */
export interface LstmWeights {
  /** [4H, I] */
  readonly inputWeight: Weights;
  /** [4H, H] */
  readonly hiddenWeight: Weights;
  /** [4H] */
  readonly inputBias: Weights;
  /** [4H] */
  readonly hiddenBias: Weights;
}

/** Where each of ONNX's gates (input, output, forget, cell) stands among PyTorch's. */
const gateOrder = [0, 3, 1, 2] as const;

/**
 * The layers one after the other, plus `x`. The hidden and the cell vector of each layer start as zeros; in the streaming
 * form they are states.
 *
 * Shapes   x [B, F, H]; result [B, F, H]
 * Source   Défossez et al. 2022 (EnCodec), section 3.1
 */
export function skipLstm(x: Operand, layers: readonly LstmWeights[]): Operand {
  const { graph } = x;
  // The runtime's LSTM wants time first.
  let frames = transpose(x, [1, 0, 2]);
  for (const [index, weights] of layers.entries()) {
    frames = graph.scope(`lstm.${index}`, () => statefulLayer(frames, weights));
  }
  return add(transpose(frames, [1, 0, 2]), x);
}

/** [F, B, I] -> [F, B, H]. */
function statefulLayer(x: Operand, weights: LstmWeights): Operand {
  const { graph } = x;
  const [frames = 1, batchSize = 1] = x.shape;
  const hiddenSize = (weights.hiddenWeight.shape[1] ?? 0) as number;
  const constants = {
    inputWeight: layoutConstant(x, "input_weight", gateMatrix(weights.inputWeight)),
    hiddenWeight: layoutConstant(x, "hidden_weight", gateMatrix(weights.hiddenWeight)),
    bias: layoutConstant(x, "bias", gateBiases(weights)),
  };
  const isStreaming = graph.form === "streaming";
  const state = (name: string) => (isStreaming ? graph.scope(name, () => graph.state([hiddenSize])) : undefined);
  const [hidden, cell] = [state("hidden"), state("cell")];
  const asRow = (operand: Operand | undefined) => operand && reshape(operand, [1, batchSize, hiddenSize]);
  const next = lstmLayer({ x, ...constants, hidden: asRow(hidden), cell: asRow(cell) });
  if (hidden !== undefined) graph.updateState(hidden, reshape(next.hidden, [batchSize, hiddenSize]));
  if (cell !== undefined) graph.updateState(cell, reshape(next.cell, [batchSize, hiddenSize]));
  return reshape(next.outputs, [frames, batchSize, hiddenSize]);
}

function layoutConstant({ graph }: Operand, name: string, { shape, write }: WeightLayout): Operand {
  return graph.constant(name, shape, write);
}

/** [4H, I] -> [1, 4H, I] with the gates in ONNX's order. */
function gateMatrix(weight: Weights): WeightLayout {
  const [rows = 0, columns = 0] = weight.shape;
  return { shape: [1, rows, columns], write: (into) => writeGates(weight, into) };
}

function gateBiases({ inputBias, hiddenBias }: LstmWeights): WeightLayout {
  const [rows = 0] = inputBias.shape;
  const write = (into: Float32Array): void => {
    writeGates(inputBias, into.subarray(0, rows));
    writeGates(hiddenBias, into.subarray(rows));
  };
  return { shape: [1, 2 * rows], write };
}

function writeGates({ data }: Weights, into: Float32Array): void {
  const gateLength = data.length / gateOrder.length;
  for (const [to, from] of gateOrder.entries()) {
    into.set(data.subarray(from * gateLength, (from + 1) * gateLength), to * gateLength);
  }
}
