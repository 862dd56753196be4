/**
 * HiFi-GAN's residual convolutions as matrix products over frames, as 1-D Conv and as 2-D Conv over planes: decision 0100
 * is taken from its numbers.
 *
 *     npx tsx bench/pipeline/planar-conv.bench.ts [--json] [--rounds 5]
 *
 * Each network is four convolutions with activations in front, at the width and rate of one stage of V1, for 32 frames of
 * features. Speed is in GFLOP/s of processor time, one thread.
 */
import { parseArgs } from "node:util";
import type { ConvWeights } from "../../src/graph/blocks/causal-conv";
import { planarConv } from "../../src/graph/blocks/planar-conv";
import { sameConv } from "../../src/graph/blocks/same-conv";
import { type Shape, symbol } from "../../src/graph/dimension";
import { batch, GraphBuilder, type Operand } from "../../src/graph/graph-builder";
import { leakyRelu } from "../../src/graph/ops/activation";
import { NetworkSession } from "../../src/runtime/network-session";
import { openRuntime } from "../../src/runtime/open-runtime";
import { noise } from "../../test/helpers/synth-audio";
import { machine, median, processorSeconds, takeTurns } from "../harness";

const numConvs = 4;
const numFrames = 32;
/** Channels and samples a frame of V1's stages. */
const stages = [
  [256, 8],
  [128, 64],
  [64, 128],
  [32, 256],
] as const;
const kernels = [
  [3, 1],
  [7, 3],
  [11, 5],
] as const;

type Form = (x: Operand, weights: ConvWeights, dilation: number) => Operand;

function conv1d(x: Operand, { weight, bias }: ConvWeights, dilation: number): Operand {
  const { graph } = x;
  const [, , kernelSize = 0] = weight.shape;
  const edge = ((kernelSize - 1) * dilation) / 2;
  const constants = [graph.constant("weight", weight.shape, weight.data)];
  if (bias !== undefined) constants.push(graph.constant("bias", bias.shape, bias.data));
  const attributes = { kernel_shape: [kernelSize], dilations: [dilation], pads: [edge, edge] };
  return graph.node("Conv", [x, ...constants], x.shape, attributes);
}

const forms: Record<string, { build: Form; shape: (channels: number) => Shape }> = {
  "matrix product": {
    build: (x, weights, dilation) => sameConv(x, weights, { dilation }),
    shape: (channels) => [batch, symbol("T"), channels],
  },
  "Conv, 1-D": { build: conv1d, shape: (channels) => [batch, channels, symbol("T")] },
  "Conv, 2-D": {
    build: (x, weights, dilation) => planarConv(x, weights, { dilation }),
    shape: (channels) => [batch, channels, 1, symbol("T")],
  },
};

const { values } = parseArgs({ options: { json: { type: "boolean" }, rounds: { type: "string", default: "5" } } });
const runtime = await openRuntime({ device: "cpu", numThreads: 1 });
const report: Record<string, Record<string, number>> = {};
for (const [channels, rate] of stages) {
  for (const [kernelSize, dilation] of kernels) {
    const row = await measure(channels, rate * numFrames, kernelSize, dilation);
    report[`${channels} channels, kernel ${kernelSize}, dilation ${dilation}`] = row;
  }
}
if (values.json) console.log(JSON.stringify({ machine: machine(), report }, null, 2));
else {
  console.log(machine());
  console.table(report);
}

async function measure(channels: number, numSamples: number, kernelSize: number, dilation: number) {
  const sessions: NetworkSession[] = [];
  const contenders: Record<string, () => Promise<number>> = {};
  for (const [name, { build, shape }] of Object.entries(forms)) {
    const graph = new GraphBuilder({ name, form: "offline" });
    let x = graph.input("x", shape(channels));
    for (let index = 0; index < numConvs; index++) {
      const input = leakyRelu(x, 0.1);
      const weight = { shape: [channels, channels, kernelSize], data: noise(channels ** 2 * kernelSize, index, 0.02) };
      const bias = { shape: [channels], data: noise(channels, index, 0.1) };
      x = graph.scope(`${index}`, () => build(input, { weight, bias }, dilation));
    }
    const session = await NetworkSession.create(runtime, graph.build({ y: x }));
    sessions.push(session);
    const sizes = shape(channels).map((size) => (typeof size === "number" ? size : size === batch ? 1 : numSamples));
    const feed = { x: { data: noise(channels * numSamples, 9), shape: sizes } };
    contenders[name] = async () => {
      const begin = processorSeconds();
      await session.run(feed);
      return (2 * channels ** 2 * kernelSize * numSamples * numConvs) / (processorSeconds() - begin) / 1e9;
    };
  }
  const speeds = await takeTurns(contenders, Number(values.rounds));
  for (const session of sessions) await session.dispose();
  return Object.fromEntries(Object.entries(speeds).map(([name, list]) => [name, Math.round(median(list))]));
}
