/**
 * A streaming network of a TFLite file → the same network of ours, for any number of frames a call.
 *
 * The file's network takes one frame. Its variables are what causal layers remember: read, put in front of the frame, and
 * assigned from the end of both; here they are the states of a network in its streaming form, and every number of rows is
 * a multiple of the number of frames. 8-bit values are whole numbers with their format, as in int8.ts.
 *
 * Source   operators: tensorflow/lite/schema/schema.fbs; their arithmetic: XNNPACK's kernels
 */
import { elementFormats } from "../../src/checkpoints/element-formats";
import type {
  TfliteModel,
  TfliteOperator,
  TfliteSubgraph,
  TfliteTensor,
} from "../../src/checkpoints/tflite/tflite-model";
import { CheckpointError } from "../../src/errors";
import { leftContext } from "../../src/graph/blocks/left-context";
import { isSameShape, type Shape, symbol } from "../../src/graph/dimension";
import { batch, GraphBuilder, type Operand } from "../../src/graph/graph-builder";
import type { Network, NetworkForm } from "../../src/graph/network";
import { leakyRelu } from "../../src/graph/ops/activation";
import { add } from "../../src/graph/ops/elementwise";
import { concat, reshape, trim } from "../../src/graph/ops/shape";
import { addInt8, dequantize, type Int8Format, int8Format, leakyReluInt8, quantize, requantize } from "./int8";
import { depthwiseConv, type Kernel, orderedConv, orderedTransposedConv } from "./ordered-conv";
import { overlapAdd } from "./overlap-add";

/** Rows or channels of a value at most: nothing is allocated by what a damaged file claims. Lyra's have 368 and 512. */
const largestSize = 1 << 14;

/** What to call the network and its ends. */
export interface NetworkNames {
  readonly name: string;
  readonly input: string;
  readonly output: string;
}

/**
 * Builds the network of a file.
 *
 * @throws {CheckpointError} `unsupported-format` when the file's network is of another kind
 * @throws {GraphError} when its shapes do not go together
 */
export function buildFromTflite(model: TfliteModel, names: NetworkNames, form: NetworkForm): Network {
  const [main, ...others] = model.subgraphs;
  if (main === undefined) throw foreign("no network");
  // States start as zeros; a file may start them with anything.
  const starts = others.flatMap(({ tensors }) => tensors.filter(({ dtype }) => dtype === "F32").map(storedNumbers));
  if (starts.some((numbers) => numbers.some((value) => value !== 0))) throw foreign("variables that do not start as 0");
  const graph = new GraphBuilder({ name: names.name, form });
  const output = new Conversion(graph, main).run(names.input);
  return graph.build({ [names.output]: output });
}

/** What stands for a tensor of the file. */
type Value =
  /** Numbers, which are whole where there is a format. */
  | { readonly kind: "signal"; readonly operand: Operand; readonly format?: Int8Format }
  /** What a variable holds: the last rows of the call before. */
  | { readonly kind: "past"; readonly rows: number }
  /** The same, with the frame's own zeros behind it: what an overlap-add begins with. */
  | { readonly kind: "overlap"; readonly rows: number }
  /** On its way into a variable. */
  | { readonly kind: "kept" };

type Signal = Extract<Value, { kind: "signal" }>;

/** The file's operators one after the other. */
class Conversion {
  readonly #graph: GraphBuilder;
  readonly #subgraph: TfliteSubgraph;
  readonly #values = new Map<number, Value>();
  readonly #handlers: Readonly<Record<string, (operator: TfliteOperator) => Value | readonly Value[]>> = {
    RESHAPE: (operator) => this.#reshape(operator),
    READ_VARIABLE: (operator) => this.#readVariable(operator),
    CONCATENATION: (operator) => this.#concatenate(operator),
    STRIDED_SLICE: (operator) => this.#slice(operator),
    SPLIT: (operator) => this.#split(operator),
    CONV_2D: (operator) => this.#conv(operator),
    DEPTHWISE_CONV_2D: (operator) => this.#depthwiseConv(operator),
    TRANSPOSE_CONV: (operator) => this.#transposedConv(operator),
    LEAKY_RELU: (operator) => this.#leakyRelu(operator),
    ADD: (operator) => this.#add(operator),
    // Only what goes into a variable is subtracted from: overlapAdd does it.
    SUB: (operator) => this.#expectKept(operator),
    QUANTIZE: (operator) => this.#quantize(operator),
    DEQUANTIZE: (operator) => this.#value(operator, 0),
    ASSIGN_VARIABLE: () => [],
    VAR_HANDLE: () => [],
    CALL_ONCE: () => [],
  };

  constructor(graph: GraphBuilder, subgraph: TfliteSubgraph) {
    this.#graph = graph;
    this.#subgraph = subgraph;
  }

  run(inputName: string): Operand {
    const { inputs, outputs, operators } = this.#subgraph;
    const operand = this.#graph.input(inputName, framesOf(this.#tensor(inputs, 0)));
    this.#values.set(inputs[0] as number, { kind: "signal", operand });
    for (const [index, operator] of operators.entries()) {
      const handler = this.#handlers[operator.name];
      if (handler === undefined) throw foreign(`the operator ${operator.name}`);
      const results = [this.#graph.scope(`${index}`, () => handler(operator))].flat();
      for (const [place, value] of results.entries()) this.#values.set(operator.outputs[place] as number, value);
    }
    const last = this.#values.get(outputs[0] as number);
    if (last?.kind !== "signal") throw foreign("no output");
    return real(last);
  }

  #reshape(operator: TfliteOperator): Value {
    const { operand, format } = this.#signal(operator, 0);
    const shape = framesOf(this.#tensor(operator.outputs, 0));
    return signal(isSameShape(operand.shape, shape) ? operand : reshape(operand, shape), format);
  }

  #readVariable(operator: TfliteOperator): Value {
    const tensor = this.#tensor(operator.outputs, 0);
    framesOf(tensor);
    return { kind: "past", rows: tensor.shape[1] as number };
  }

  #concatenate(operator: TfliteOperator): Value {
    const [first, second] = [this.#values.get(operator.inputs[0] as number), operator.inputs[1] as number];
    if (first?.kind === "past") {
      if (!this.#values.has(second)) return { kind: "overlap", rows: first.rows };
      // Whole numbers are remembered as such: the file turns them real and back, which changes none.
      const { operand, format } = this.#signal(operator, 1);
      return signal(leftContext(operand, first.rows), format);
    }
    const parts = operator.inputs.map((_, place) => real(this.#signal(operator, place)));
    return signal(concat(parts as [Operand, ...Operand[]], 2));
  }

  /** The end of a value, which goes into a variable; or what is left of an overlap-add without that end: all of it. */
  #slice(operator: TfliteOperator): Value {
    const [, beginRow = 0] = storedNumbers(this.#tensor(operator.inputs, 1));
    if (beginRow < 0) return { kind: "kept" };
    const whole = this.#signal(operator, 0);
    if (!isSameShape(whole.operand.shape, framesOf(this.#tensor(operator.outputs, 0)))) throw foreign("a slice");
    return whole;
  }

  #split(operator: TfliteOperator): readonly Value[] {
    const { operand, format } = this.#signal(operator, 1);
    const width = operand.shape[2] as number;
    const part = width / operator.outputs.length;
    if (!Number.isInteger(part)) throw foreign(`${width} channels in ${operator.outputs.length} parts`);
    return operator.outputs.map((_, place) =>
      signal(trim(operand, 2, place * part, width - (place + 1) * part), format),
    );
  }

  #conv(operator: TfliteOperator): Value {
    const { shape, stored } = kernelOf(this.#tensor(operator.inputs, 1));
    const [numOutputs, taps, width] = shape;
    const kernel: Kernel = {
      shape: [numOutputs, taps, width],
      data: stored,
      bias: this.#bias(operator, 2, numOutputs),
    };
    const steps = { stride: option(operator, "strideHeight"), dilation: option(operator, "dilationHeight") };
    return this.#convolved(operator, 0, (x) => orderedConv(x, kernel, steps));
  }

  #depthwiseConv(operator: TfliteOperator): Value {
    const { shape, stored } = kernelOf(this.#tensor(operator.inputs, 1));
    const [, taps, channels] = shape;
    const data = Float32Array.from(stored, (_, at) => stored[(at % taps) * channels + Math.floor(at / taps)] as number);
    const kernel: Kernel = { shape: [channels, taps, 1], data, bias: this.#bias(operator, 2, channels) };
    return this.#convolved(operator, 0, (x) => depthwiseConv(x, kernel, option(operator, "dilationHeight")));
  }

  #transposedConv(operator: TfliteOperator): Value {
    const { shape, stored } = kernelOf(this.#tensor(operator.inputs, 1));
    const kernel: Kernel = { shape, data: stored, bias: this.#bias(operator, 3, shape[0]) };
    const frameLength = this.#tensor(operator.inputs, 2).shape[1] ?? 1;
    const stride = option(operator, "strideHeight");
    return this.#convolved(operator, 2, (x) => orderedTransposedConv(x, kernel, stride, frameLength));
  }

  /** The sums of a convolution; of an 8-bit one in the format of the result. */
  #convolved(operator: TfliteOperator, place: number, sumsOf: (x: Operand) => Operand): Value {
    const input = this.#signal(operator, place);
    const format = this.#format(operator.outputs, 0);
    if (format === undefined) return signal(sumsOf(real(input)));
    if (input.format === undefined) throw foreign("an 8-bit convolution of real numbers");
    const sums = sumsOf(input.operand);
    const { scales = [] } = this.#tensor(operator.inputs, 1).quantization ?? {};
    const numOutputs = sums.shape[2] as number;
    const { scale } = input.format;
    const products = Array.from({ length: numOutputs }, (_, at) => scale * (scales[at % scales.length] as number));
    return signal(requantize(sums, products, format), format);
  }

  #leakyRelu(operator: TfliteOperator): Value {
    const slope = option(operator, "alpha");
    const input = this.#signal(operator, 0);
    const format = this.#format(operator.outputs, 0);
    if (format === undefined) return signal(leakyRelu(real(input), slope));
    if (input.format === undefined) throw foreign("an 8-bit activation of real numbers");
    return signal(leakyReluInt8(input.operand, slope, input.format, format), format);
  }

  #add(operator: TfliteOperator): Value {
    const left = this.#signal(operator, 0);
    const other = this.#values.get(operator.inputs[1] as number);
    const to = this.#format(operator.outputs, 0);
    if (other?.kind === "overlap") return this.#overlapAdd(operator, left, other.rows);
    const right = this.#signal(operator, 1);
    if (to === undefined) return signal(add(real(left), real(right)));
    if (left.format === undefined || right.format === undefined) throw foreign("an 8-bit sum of real numbers");
    return signal(addInt8(left.operand, right.operand, { a: left.format, b: right.format, to }), to);
  }

  #overlapAdd(operator: TfliteOperator, frames: Signal, overlapRows: number): Value {
    const frameRows = this.#tensor(operator.inputs, 0).shape[1] ?? 0;
    const [sum] = operator.outputs;
    const ends = this.#consumers("STRIDED_SLICE", sum).flatMap(({ outputs }) => outputs);
    const [difference] = ends.flatMap((end) => this.#consumers("SUB", end));
    if (difference === undefined) throw foreign("an overlap without its bias");
    const bias = storedNumbers(this.#tensor(difference.inputs, 1));
    return signal(overlapAdd(real(frames), { frameRows, overlapRows, bias }));
  }

  #expectKept(operator: TfliteOperator): Value {
    const value = this.#value(operator, 0);
    if (value.kind !== "kept") throw foreign(`the operator ${operator.name}`);
    return value;
  }

  #quantize(operator: TfliteOperator): Value {
    const input = this.#signal(operator, 0);
    const format = this.#format(operator.outputs, 0);
    if (format === undefined) throw foreign("an 8-bit value without scale");
    const isThere = input.format?.scale === format.scale && input.format.zeroPoint === format.zeroPoint;
    return isThere ? input : signal(quantize(real(input), format), format);
  }

  #consumers(name: string, tensor: number | undefined): readonly TfliteOperator[] {
    return this.#subgraph.operators.filter((operator) => operator.name === name && operator.inputs[0] === tensor);
  }

  #bias(operator: TfliteOperator, place: number, length: number): Float32Array {
    const index = operator.inputs[place] ?? -1;
    const bias = index < 0 ? new Float32Array(length) : storedNumbers(this.#tensor(operator.inputs, place));
    if (bias.length !== length) throw foreign(`${bias.length} biases for ${length} outputs`);
    return bias;
  }

  #format(tensors: readonly number[], place: number): Int8Format | undefined {
    const { dtype, quantization } = this.#tensor(tensors, place);
    return dtype === "I8" && quantization !== undefined ? int8Format(quantization) : undefined;
  }

  #tensor(tensors: readonly number[], place: number): TfliteTensor {
    const tensor = this.#subgraph.tensors[tensors[place] ?? -1];
    if (tensor === undefined) throw foreign("an operator without its tensors");
    return tensor;
  }

  #value({ name, inputs }: TfliteOperator, place: number): Value {
    const value = this.#values.get(inputs[place] ?? -1);
    if (value === undefined) throw foreign(`${name} of a constant`);
    return value;
  }

  #signal(operator: TfliteOperator, place: number): Signal {
    const value = this.#value(operator, place);
    if (value.kind !== "signal") throw foreign(`${operator.name} of a variable`);
    return value;
  }
}

function signal(operand: Operand, format?: Int8Format): Signal {
  return { kind: "signal", operand, ...(format && { format }) };
}

/** The real numbers of a value. */
function real({ operand, format }: Signal): Operand {
  return format === undefined ? operand : dequantize(operand, format);
}

/** The shape of a tensor [1, rows, 1, C], [1, rows, C] or [1, T] for any number of frames. */
function framesOf({ shape }: TfliteTensor): Shape {
  const [one, rows = 0, ...others] = shape;
  const [width] = others.slice(-1);
  const isSize = (size: number): boolean => size >= 1 && size <= largestSize;
  const isPlain = others.length < 2 || (others.length === 2 && others[0] === 1);
  if (one !== 1 || !isPlain || !isSize(rows) || !isSize(width ?? 1)) {
    throw foreign(`a value of the shape [${shape.join(", ")}]`);
  }
  return width === undefined ? [batch, symbol("F", rows)] : [batch, symbol("F", rows), width];
}

/** A kernel [O, k, 1, I]. */
function kernelOf(tensor: TfliteTensor): { shape: readonly [number, number, number]; stored: Float32Array } {
  const [numOutputs = 0, taps = 0, one, width = 0, ...others] = tensor.shape;
  const stored = storedNumbers(tensor);
  const isWhole = one === 1 && others.length === 0 && numOutputs * taps * width === stored.length;
  if (!isWhole || stored.length === 0) throw foreign(`a kernel of the shape [${tensor.shape.join(", ")}]`);
  return { shape: [numOutputs, taps, width], stored };
}

/** The numbers of a constant as they are stored: of an 8-bit one without its scale. */
function storedNumbers({ name, dtype, stored }: TfliteTensor): Float32Array {
  const decode = elementFormats.get(dtype)?.decode;
  if (stored === undefined || decode === undefined) throw foreign(`no numbers for "${name.slice(0, 80)}"`);
  return decode(stored);
}

function option({ name, options }: TfliteOperator, key: string): number {
  const value = options[key];
  if (typeof value !== "number" || (options.fusedActivation ?? "NONE") !== "NONE")
    throw foreign(`${name} with options`);
  return value;
}

function foreign(what: string): CheckpointError {
  const message = `the TFLite file has ${what}, which Lyra's networks do not have; give the files as published`;
  return new CheckpointError("unsupported-format", message);
}
