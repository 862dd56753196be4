/** A small network to try devices with: what a codec's networks are made of, in their proportions. */
import { residualUnit } from "../graph/blocks/residual-unit";
import { symbol } from "../graph/dimension";
import { batch, GraphBuilder } from "../graph/graph-builder";
import type { Network } from "../graph/network";

const channels = 256;
const kernelSize = 3;
const numUnits = 2;
/** Frames of one call: a second of a codec at 50 Hz. */
export const probeFrames = 50;

/** Input `x` and output `y`, both [B, F, 256]; 2 MB of weights. */
export function buildProbeNetwork(): Network {
  const graph = new GraphBuilder({ name: "probe", form: "offline" });
  let x = graph.input("x", [batch, symbol("F"), channels]);
  const unit = {
    conv: { weight: probeWeights([channels, channels, kernelSize]) },
    pointwise: { weight: probeWeights([channels, channels, 1]) },
  };
  for (let index = 0; index < numUnits; index++) {
    const input = x;
    x = graph.scope(`units.${index}`, () => residualUnit(input, unit, index + 1));
  }
  return graph.build({ y: x });
}

/** Weights of both signs that keep the signal's level, so that wrong arithmetic does not drown. */
function probeWeights(shape: readonly [number, number, number]): { shape: readonly number[]; data: Float32Array } {
  const [numOutputs, numInputs, size] = shape;
  const data = new Float32Array(numOutputs * numInputs * size);
  const scale = Math.sqrt(1 / (numInputs * size));
  for (let index = 0; index < data.length; index++) data[index] = ((index * 7919) % 17) / 8 < 1 ? scale : -scale;
  return { shape, data };
}
