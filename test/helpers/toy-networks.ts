/** Small networks for tests of the runtime. */
import { residualUnit } from "../../src/graph/blocks/residual-unit";
import { symbol } from "../../src/graph/dimension";
import { batch, GraphBuilder } from "../../src/graph/graph-builder";
import type { Network, NetworkForm } from "../../src/graph/network";
import { noise } from "./synth-audio";

/** One residual unit, `x` to `y`, both [B, F, channels]; another seed gives other weights. */
export function toyNetwork(form: NetworkForm, channels = 4, seed = 1): Network {
  const graph = new GraphBuilder({ name: "toy", form });
  const x = graph.input("x", [batch, symbol("F"), channels]);
  const weights = (...shape: [number, number, number]) => {
    const [numOutputs, numInputs, kernelSize] = shape;
    const scale = 1 / Math.sqrt(numInputs * kernelSize);
    return { shape, data: noise(numOutputs * numInputs * kernelSize, seed, scale) };
  };
  const bias = { shape: [channels], data: noise(channels, seed + 1, 0.1) };
  const unit = {
    conv: { weight: weights(channels, channels, 3), bias },
    pointwise: { weight: weights(channels, channels, 1), bias },
  };
  return graph.build({ y: graph.scope("unit", () => residualUnit(x, unit, 2)) });
}
