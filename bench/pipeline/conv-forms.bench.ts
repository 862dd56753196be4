/**
 * Ways to write a causal convolution as ONNX nodes, against each other: six residual units of 320 channels, as in the
 * decoder. Decision 0011 is taken from its numbers.
 *
 *     npx tsx bench/pipeline/conv-forms.bench.ts [--json]
 *
 * Beside the time it prints how far frame-by-frame results lie from those of one call: zero is what makes tokens
 * independent of the caller's chunks.
 */
import { parseArgs } from "node:util";
import { causalConv } from "../../src/graph/blocks/causal-conv";
import { convMatrix, type Weights } from "../../src/graph/blocks/conv-matrix";
import { leftContext } from "../../src/graph/blocks/left-context";
import { residualUnit } from "../../src/graph/blocks/residual-unit";
import { type Shape, symbol } from "../../src/graph/dimension";
import { batch, GraphBuilder, type Operand } from "../../src/graph/graph-builder";
import type { Network } from "../../src/graph/network";
import { add, elu } from "../../src/graph/ops/elementwise";
import { matmul } from "../../src/graph/ops/linear";
import { concat, trim } from "../../src/graph/ops/shape";
import { NetworkSession } from "../../src/runtime/network-session";
import { openRuntime } from "../../src/runtime/open-runtime";
import { maxDifference } from "../../test/helpers/golden";
import { noise } from "../../test/helpers/synth-audio";
import { machine, ratio, takeTurns } from "../harness";

const channels = 320;
const dilations = [1, 3, 9, 1, 3, 9];
const blockFrames = [1, 8, 50, 100];
const bias: Weights = { shape: [channels], data: noise(channels, 3, 0.1) };

interface UnitWeights {
  readonly dilation: number;
  readonly kernel: Weights;
  readonly pointwise: Weights;
}

/** Weights of their own for each unit: equal ones would be shared and stay in the cache. */
const units: readonly UnitWeights[] = dilations.map((dilation, index) => ({
  dilation,
  kernel: { shape: [channels, channels, 3], data: noise(3 * channels ** 2, 10 + index, 0.05) },
  pointwise: { shape: [channels, channels, 1], data: noise(channels ** 2, 20 + index, 0.08) },
}));

/** One way to write a unit. */
type Unit = (x: Operand, weights: UnitWeights) => Operand;

const channelsLast: Shape = [batch, symbol("F"), channels];

const shipped: Unit = (x, { dilation, kernel, pointwise }) =>
  residualUnit(x, { conv: { weight: kernel, bias }, pointwise: { weight: pointwise, bias } }, dilation);

/** The frame and those before it, oldest first, after an activation. */
function taps(x: Operand, dilation: number): [Operand, Operand, Operand] {
  const joined = leftContext(x, 2 * dilation);
  return [trim(joined, 1, 0, 2 * dilation), trim(joined, 1, dilation, dilation), x];
}

/** Three products, one for each tap, instead of one over the taps side by side. */
const productPerTap: Unit = (x, { dilation, kernel, pointwise }) => {
  const { graph } = x;
  const matrix = new Float32Array(3 * channels ** 2);
  convMatrix(kernel).write(matrix);
  const products = taps(elu(x), dilation).map((tap, index) => {
    const part = matrix.slice(index * channels ** 2, (index + 1) * channels ** 2);
    return matmul(tap, graph.constant(`tap${index}`, [channels, channels], part));
  });
  const sum = products.reduce((left, right) => add(left, right));
  const hidden = add(sum, graph.constant("bias", [channels], bias.data));
  return add(
    graph.scope("pointwise", () => causalConv(elu(hidden), { weight: pointwise, bias })),
    x,
  );
};

/** Gemm takes the bias in, but knows rows only: the batch axis is folded away around it. */
const gemm: Unit = (x, { dilation, kernel, pointwise }) => {
  const { graph } = x;
  const product = (rows: Operand, weight: Weights, name: string): Operand => {
    const { shape, write } = convMatrix(weight);
    const [depth = 0] = shape;
    const flat = graph.node("Reshape", [rows, graph.integers([-1, depth])], [symbol("F"), depth]);
    const constants = [graph.constant(`${name}.w`, shape, write), graph.constant(`${name}.b`, [channels], bias.data)];
    const result = graph.node("Gemm", [flat, ...constants], [symbol("F"), channels]);
    return graph.node("Reshape", [result, graph.integers([1, -1, channels])], channelsLast);
  };
  const hidden = product(concat(taps(elu(x), dilation), 2), kernel, "conv");
  return add(product(elu(hidden), pointwise, "pointwise"), x);
};

/** The runtime's own ELU, one node where the shipped one is four. */
const ownElu: Unit = (x, { dilation, kernel, pointwise }) => {
  const { graph } = x;
  const activation = (value: Operand): Operand => graph.node("Elu", [value], value.shape);
  const hidden = graph.scope("conv", () => {
    const { shape, write } = convMatrix(kernel);
    const product = matmul(concat(taps(activation(x), dilation), 2), graph.constant("weight", shape, write));
    return add(product, graph.constant("bias", [channels], bias.data));
  });
  return add(
    graph.scope("pointwise", () => causalConv(activation(hidden), { weight: pointwise, bias })),
    x,
  );
};

/** Conv nodes over [B, C, F], or over [B, C, 1, F] where ORT uses its blocked layout on x86. */
function convNodes(numAxes: 1 | 2): Unit {
  const ones = numAxes === 1 ? [] : [1];
  return (x, { dilation, kernel, pointwise }) => {
    const { graph, shape } = x;
    const axis = shape.length - 1;
    const stateShape = [channels, ...ones, 2 * dilation];
    const activated = elu(x);
    const past = graph.state(stateShape);
    const joined = graph.node("Concat", [past, activated], shape, { axis });
    const bounds = [[-2 * dilation], [Number.MAX_SAFE_INTEGER], [axis]].map((values) => graph.integers(values));
    graph.updateState(past, graph.node("Slice", [joined, ...bounds], [batch, ...stateShape]));
    const conv = (input: Operand, { data }: Weights, size: number, name: string): Operand => {
      const weight = graph.constant(`${name}.w`, [channels, channels, ...ones, size], data);
      const constants = [weight, graph.constant(`${name}.b`, [channels], bias.data)];
      const attributes = { kernel_shape: [...ones, size], dilations: [...ones, size === 1 ? 1 : dilation] };
      return graph.node("Conv", [input, ...constants], shape, attributes);
    };
    return add(conv(elu(conv(joined, kernel, 3, "conv")), pointwise, 1, "pointwise"), x);
  };
}

function build(name: string, shape: Shape, unit: Unit): Network {
  const graph = new GraphBuilder({ name, form: "streaming" });
  let x = graph.input("x", shape);
  for (const [index, weights] of units.entries()) {
    const input = x;
    x = graph.scope(`units.${index}`, () => unit(input, weights));
  }
  return graph.build({ y: x });
}

/** What a form needs to run: its session, and the shape of its input for a number of frames. */
interface Form {
  readonly session: NetworkSession;
  readonly shapeOf: (numFrames: number) => number[];
}

async function run({ session, shapeOf }: Form, blocks: readonly Float32Array[]): Promise<Float32Array[]> {
  const stream = session.openStream();
  const results: Float32Array[] = [];
  for (const data of blocks) {
    const { y } = await stream.run({ x: { data, shape: shapeOf(data.length / channels) } });
    if (y !== undefined) results.push(y.data);
  }
  return results;
}

/** Largest difference between 50 frames one by one and at once. */
async function blockDifference(form: Form, isChannelsLast: boolean): Promise<number> {
  const numFrames = 50;
  const signal = noise(numFrames * channels, 7, 1);
  const frame = (index: number) => signal.slice(index * channels, (index + 1) * channels);
  const apart = await run(
    form,
    Array.from({ length: numFrames }, (_, index) => frame(index)),
  );
  // Channels first: number c of frame f lies at [c, f].
  const laid = signal.map((_, at) => signal[(at % numFrames) * channels + Math.floor(at / numFrames)] ?? 0);
  const [together = new Float32Array()] = await run(form, [isChannelsLast ? signal : laid]);
  const joined = Float32Array.from({ length: signal.length }, (_, at) => {
    const [index, channel] = isChannelsLast
      ? [Math.floor(at / channels), at % channels]
      : [at % numFrames, Math.floor(at / numFrames)];
    return apart[index]?.[channel] ?? Number.NaN;
  });
  return maxDifference(joined, together);
}

const forms: Record<string, [Shape, Unit, (numFrames: number) => number[]]> = {
  "MatMul over taps side by side (shipped)": [channelsLast, shipped, (frames) => [1, frames, channels]],
  "MatMul for each tap, summed": [channelsLast, productPerTap, (frames) => [1, frames, channels]],
  "Gemm with bias": [channelsLast, gemm, (frames) => [1, frames, channels]],
  "shipped, but the runtime's Elu": [channelsLast, ownElu, (frames) => [1, frames, channels]],
  "Conv, 1-D": [[batch, channels, symbol("F")], convNodes(1), (frames) => [1, channels, frames]],
  "Conv, 2-D": [[batch, channels, 1, symbol("F")], convNodes(2), (frames) => [1, channels, 1, frames]],
};

const { values } = parseArgs({ options: { json: { type: "boolean" }, rounds: { type: "string", default: "9" } } });
const runtime = await openRuntime({ device: "cpu", numThreads: 1 });
const opened: Record<string, Form> = {};
const differences: Record<string, number> = {};
for (const [name, [shape, unit, shapeOf]] of Object.entries(forms)) {
  const form = { session: await NetworkSession.create(runtime, build(name, shape, unit)), shapeOf };
  opened[name] = form;
  differences[name] = await blockDifference(form, shape === channelsLast);
}
const report: Record<string, Record<string, number>> = {};
for (const numFrames of blockFrames) {
  const repeats = Math.max(5, Math.round(200 / numFrames));
  const blocks = Array.from({ length: repeats }, () => noise(numFrames * channels, 5, 1));
  const contenders = Object.fromEntries(
    Object.entries(opened).map(([name, form]) => [
      name,
      async () => {
        const begin = performance.now();
        await run(form, blocks);
        return (repeats * 1000) / (performance.now() - begin);
      },
    ]),
  );
  const perSecond = await takeTurns(contenders, Number(values.rounds));
  const baseline = perSecond["MatMul over taps side by side (shipped)"] ?? [];
  for (const [name, rates] of Object.entries(perSecond)) {
    const entry = report[name] ?? { differenceByBlock: differences[name] ?? Number.NaN };
    report[name] = entry;
    entry[`ms of ${numFrames}`] = Number((1000 / Math.max(...rates)).toFixed(3));
    entry[`speed of ${numFrames}`] = Number(ratio(rates, baseline).toFixed(2));
  }
}
if (values.json) console.log(JSON.stringify({ machine: machine(), channels, dilations, report }));
else {
  console.log(machine());
  console.table(report);
}
for (const { session } of Object.values(opened)) await session.dispose();
