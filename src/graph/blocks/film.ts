/** Feature-wise linear modulation: a condition that scales and shifts every channel. */
import type { Operand } from "../graph-builder";
import { add, multiply } from "../ops/elementwise";
import { matmul } from "../ops/linear";
import { trim } from "../ops/shape";
import type { Weights } from "./conv-matrix";

/** A linear layer from the condition to scales, then offsets, in PyTorch's layout. */
export interface FilmWeights {
  /** [2C, K] */
  readonly weight: Weights;
  /** [2C] */
  readonly bias: Weights;
}

/**
 * scale * x + offset, where scale and offset of a frame are affine in its condition. Nothing is remembered, so the
 * condition may change from frame to frame.
 *
 * Shapes   x [B, F, C], condition [B, F, K]; result [B, F, C]
 * Source   Perez et al. 2018 (FiLM); Zeghidour et al. 2021 (SoundStream), section III-E
 */
export function film(x: Operand, condition: Operand, { weight, bias }: FilmWeights): Operand {
  const { graph } = x;
  const [width = 0, numConditions = 0] = weight.shape;
  const matrix = graph.constant("weight", [numConditions, width], (into) => {
    const { data } = weight;
    for (let at = 0; at < data.length; at++) {
      into[(at % numConditions) * width + Math.floor(at / numConditions)] = data[at] as number;
    }
  });
  const modulation = add(matmul(condition, matrix), graph.constant("bias", bias.shape, bias.data));
  const scale = trim(modulation, 2, 0, width / 2);
  const offset = trim(modulation, 2, width / 2, 0);
  return add(multiply(x, scale), offset);
}
