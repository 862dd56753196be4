/**
 * Time in networks that look ahead: layers that see rows on both sides of each row, in both forms of a network.
 *
 * A layer that looks `reach` rows ahead can only give row n when row n + reach is there. In the streaming form every such
 * layer therefore makes what comes out of it `reach` rows late, and remembers the rows that it needs again. Nothing is
 * computed twice, whatever the portions, which is what overlapping windows would have to do.
 *
 * PyTorch pads each layer with zeros at both ends of the signal. Late rows lie beyond an end for a while, and there each
 * layer makes something of nothing (a bias is enough); so the streaming form takes a second input, `inside`: 1 where a row
 * belongs to the signal and 0 elsewhere. What lies outside is set to 0 wherever a layer looks at it.
 */
import { type Dimension, shiftDimension } from "../dimension";
import { batch, type GraphBuilder, type Operand } from "../graph-builder";
import { pad, trim } from "../ops/shape";
import { leftContext } from "./left-context";

/** Keeps account of how late the rows of one network are. Layers are to be added in the order of the signal. */
export class CenteredTime {
  /** Rows by which the result of the whole network is late in the streaming form; 0 in the offline form. */
  readonly totalDelay: number;
  readonly #inside: Operand | undefined;
  #delay = 0;

  /**
   * Adds the input `inside` to a network in its streaming form, [B, totalDelay + F, 1]: the marks of `totalDelay` rows
   * before those of the call, then those of the call.
   *
   * @param lookAhead  the sum of what the layers look ahead
   */
  constructor(graph: GraphBuilder, rows: Dimension, lookAhead: number) {
    const isStreaming = graph.form === "streaming";
    this.totalDelay = isStreaming ? lookAhead : 0;
    if (isStreaming) this.#inside = graph.input("inside", [batch, shiftDimension(rows, lookAhead), 1]);
  }

  /**
   * Puts the rows on both sides beside the rows of a call: row n of the result is `reach` rows before row n of what a
   * layer gives, row n + 2 * reach is `reach` rows behind it.
   *
   * Shapes   x [B, F, C]; result [B, F + 2 * reach, C]
   * @throws {GraphError} `shape-mismatch` when the layers look further ahead than was said
   */
  surround(x: Operand, reach: number): Operand {
    const { graph } = x;
    if (this.#inside === undefined) return pad(x, 1, reach, reach);
    const begin = this.totalDelay - this.#delay;
    if (reach > begin) {
      throw graph.error("shape-mismatch", `looking ahead expected ${begin} rows at most, got ${reach}`);
    }
    const marks = trim(this.#inside, 1, begin, this.#delay);
    this.#delay += reach;
    return leftContext(graph.node("Mul", [x, marks], x.shape), 2 * reach);
  }

  /**
   * The part of an input that belongs to the rows which are on their way now.
   *
   * Shapes   x [B, totalDelay + F, C], which begins `totalDelay` rows before those of the call; result [B, F, C]
   */
  align(x: Operand): Operand {
    return trim(x, 1, this.totalDelay - this.#delay, this.#delay);
  }
}

/**
 * The rows that came `count` rows before (streaming form); the same rows in the offline form, where nothing is late.
 *
 * Shapes   x [B, F, C]; result [B, F, C]
 */
export function holdBack(x: Operand, count: number): Operand {
  if (x.graph.form === "offline") return x;
  return trim(leftContext(x, count), 1, 0, count);
}
