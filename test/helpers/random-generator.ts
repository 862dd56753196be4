/** Weights of a HiFi-GAN of any size, as noise. */
import { parseHifiganConfig } from "../../codecs/hifi-gan/config";
import type { WeightTensor } from "../../src/checkpoints/state-dict";
import { hifiGanGenerator } from "../../src/graph/blocks/hifi-gan-generator";
import { symbol } from "../../src/graph/dimension";
import { batch, GraphBuilder } from "../../src/graph/graph-builder";
import { noise } from "./synth-audio";

/** Every tensor that the config's generator asks for, under the authors' names. */
export function randomGeneratorWeights(source: unknown): Map<string, WeightTensor> {
  const { generator, mel } = parseHifiganConfig(source);
  const weights = new Map<string, WeightTensor>();
  const tensor = (name: string, shape: readonly number[], level: number): WeightTensor => {
    const data = noise(
      shape.reduce((product, size) => product * size, 1),
      weights.size,
      level,
    );
    const made: WeightTensor = { dtype: "F32", shape, data };
    weights.set(name, made);
    return made;
  };
  const graph = new GraphBuilder({ name: "random", form: "offline" });
  const input = graph.input("log_mel", [batch, symbol("F"), mel.numMels]);
  hifiGanGenerator(input, { ...generator, inputChannels: mel.numMels }, (path, shape) => ({
    weight: tensor(`${path}.weight`, shape, 0.05),
    bias: tensor(`${path}.bias`, [shape[path.startsWith("ups.") ? 1 : 0] ?? 0], 0.05),
  }));
  return weights;
}
