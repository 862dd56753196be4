/** The one place where the two forms of a network differ: where the past of a causal layer comes from. */
import { formatShape } from "../dimension";
import type { Operand } from "../graph-builder";
import { concat, last, padStart } from "../ops/shape";

/**
 * Puts the `length` frames before the first one in front: zeros in the offline form; in the streaming form the last
 * frames of the call before, an explicit state of the network (zeros in the first call).
 * Zeros as the start of both is what makes the forms equal.
 *
 * Shapes   x [B, F, C]; result [B, length + F, C]
 */
export function leftContext(x: Operand, length: number): Operand {
  if (length === 0) return x;
  const { graph } = x;
  if (graph.form === "offline") return padStart(x, 1, length);
  const channels = x.shape[2];
  if (typeof channels !== "number") {
    throw graph.error("shape-mismatch", `a state expected [B, F, C] with known C, got ${formatShape(x.shape)}`);
  }
  const past = graph.state([length, channels]);
  const joined = concat([past, x], 1);
  graph.updateState(past, last(joined, 1, length));
  return joined;
}
