/** Recurrent layers. */
import { formatShape, isSameDimension, type Shape } from "../dimension";
import type { Operand } from "../graph-builder";

/** What goes into an LSTM layer, in ONNX's layout: gates in the order input, output, forget, cell. */
export interface LstmInputs {
  /** [F, B, I] */
  readonly x: Operand;
  /** [1, 4H, I] */
  readonly inputWeight: Operand;
  /** [1, 4H, H] */
  readonly hiddenWeight: Operand;
  /** [1, 8H]: of the input product, then of the hidden one. */
  readonly bias: Operand;
  /** [1, B, H]; zeros when left out. */
  readonly hidden?: Operand | undefined;
  readonly cell?: Operand | undefined;
}

/**
 * One forward LSTM layer over F frames.
 *
 * Shapes   outputs [F, 1, B, H]; hidden and cell after the last frame, [1, B, H]
 * @throws {GraphError} `shape-mismatch`
 */
export function lstmLayer(inputs: LstmInputs): { outputs: Operand; hidden: Operand; cell: Operand } {
  const { x, inputWeight, hiddenWeight, bias, hidden, cell } = inputs;
  const { graph } = x;
  const [frames = 1, batchSize = 1, width = 1] = x.shape;
  const hiddenSize = hiddenWeight.shape[2];
  if (typeof hiddenSize !== "number" || !isSameDimension(inputWeight.shape[2] ?? 0, width)) {
    throw graph.error(
      "shape-mismatch",
      `LSTM with weights ${formatShape(inputWeight.shape)} expected [F, B, I], got ${formatShape(x.shape)}`,
    );
  }
  const stateShape: Shape = [1, batchSize, hiddenSize];
  const [outputs, nextHidden, nextCell] = graph.nodeOutputs(
    "LSTM",
    [x, inputWeight, hiddenWeight, bias, undefined, hidden, cell],
    [[frames, 1, batchSize, hiddenSize], stateShape, stateShape] as const,
    { hidden_size: hiddenSize },
  );
  return { outputs, hidden: nextHidden, cell: nextCell };
}
