/**
 * Builds a network: inputs and constants go in, ops connect them, `build` is the only way out.
 *
 * Shapes are worked out while ops are added, so a mistake surfaces at the line that made it, as a `GraphError` naming the
 * path of blocks down to it. The builder knows nothing of particular layers: ops (ops/) add one node each, blocks
 * (blocks/) put ops together, codecs/ wire blocks to a config and a state dict.
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { GraphError, type GraphErrorCode } from "../errors";
import { type Dimension, dimensionLabel, formatShape, isSameShape, type Shape, symbol } from "./dimension";
import type { Network, NetworkForm, NetworkState, NetworkValue } from "./network";
import type { AttributeProtoSchema, NodeProtoSchema, ValueInfoProtoSchema } from "./onnx/onnx.generated";
import { elementType, type Initializer, serializeModel } from "./onnx/serialize-model";

/** One attribute of a node: an integer, a list of integers, a float, which ONNX tells apart from integers, or a text. */
export type Attribute = number | readonly number[] | { readonly float: number } | { readonly text: string };
export type Attributes = Readonly<Record<string, Attribute>>;

interface Node {
  readonly opType: string;
  /** `undefined` for an optional input that is left out. */
  readonly inputs: readonly (Operand | undefined)[];
  readonly outputs: readonly Operand[];
  readonly attributes: Attributes;
}

interface State {
  readonly input: Operand;
  readonly outputName: string;
  readonly rowShape: readonly number[];
  next?: Operand;
}

/** The batch axis of every input and state. */
export const batch: Dimension = symbol("B");

/** A value of a network under construction. Made by a `GraphBuilder` only; ops take operands and give operands. */
export class Operand {
  readonly graph: GraphBuilder;
  /** Unique within the network; outputs get their public name when the network is built. */
  readonly name: string;
  readonly shape: Shape;

  constructor(graph: GraphBuilder, name: string, shape: Shape) {
    this.graph = graph;
    this.name = name;
    this.shape = shape;
  }
}

/** One network under construction, in one of its two forms. */
export class GraphBuilder {
  readonly name: string;
  readonly form: NetworkForm;
  readonly #scopes: string[] = [];
  readonly #names = new Set<string>();
  readonly #nodes: Node[] = [];
  readonly #inputs: Operand[] = [];
  readonly #initializers: Initializer[] = [];
  /** Constants of ops, by name: equal ones are one. */
  readonly #shared = new Map<string, Operand>();
  readonly #states: State[] = [];

  constructor(options: { name: string; form: NetworkForm }) {
    this.name = options.name;
    this.form = options.form;
  }

  /** Path of the blocks that are being built, such as `stages.1/units.0/conv`; empty at the top. */
  get path(): string {
    return this.#scopes.join("/");
  }

  /** Runs `fn` inside a block: names and errors of what it adds begin with the block's path. */
  scope<T>(block: string, fn: () => T): T {
    this.#scopes.push(block);
    try {
      return fn();
    } finally {
      this.#scopes.pop();
    }
  }

  /** The error to throw for a mistake at this point of the network. */
  error(code: GraphErrorCode, message: string): GraphError {
    const path = this.path;
    return new GraphError(code, `${path === "" ? this.name : path}: ${message}`, { path });
  }

  /** A value that the caller feeds. Its name is taken as it is, whatever the block. */
  input(name: string, shape: Shape): Operand {
    const operand = this.#claim(name, shape);
    this.#inputs.push(operand);
    return operand;
  }

  /**
   * Weights, named after the block that they belong to.
   *
   * Memory   keeps `data` until `build` and never writes to it
   *
   * @param data  the numbers, or a function that writes them into zeros when the model is written: then no layer's
   *              weights lie in memory twice
   */
  constant(name: string, shape: readonly number[], data: Float32Array | ((into: Float32Array) => void)): Operand {
    const length = shape.reduce((product, size) => product * size, 1);
    if (typeof data !== "function" && data.length !== length) {
      const expected = `${length} numbers for ${formatShape(shape)}`;
      throw this.error("shape-mismatch", `constant "${name}" expected ${expected}, got ${data.length}`);
    }
    const operand = this.#claim(this.#qualified(name, "."), shape);
    const write = typeof data === "function" ? data : (into: Float32Array) => into.set(data);
    this.#initializers.push({ name: operand.name, dims: shape, write });
    return operand;
  }

  /** Weights that many places use: the first call of a name writes them, and the others get the same operand. */
  shared(name: string, shape: readonly number[], write: (into: Float32Array) => void): Operand {
    return this.#share(name, shape, { name, dims: shape, write });
  }

  /** A vector of integers, such as the bounds of a slice. Equal vectors are one constant. */
  integers(values: readonly number[]): Operand {
    const name = `int64[${values.join(",")}]`;
    return this.#share(name, [values.length], { name, dims: [values.length], integers: values });
  }

  /** A single float32 number, without axes. Equal numbers are one constant. */
  number(value: number): Operand {
    const name = `float[${value}]`;
    return this.#share(name, [], { name, dims: [], write: (into) => into.set([value]) });
  }

  /**
   * What this block remembers from the call before (streaming form): an input `state.<path>`, zeros at the start.
   * Give its successor to `updateState`.
   *
   * @param rowShape  the shape without the batch axis
   */
  state(rowShape: readonly number[]): Operand {
    const input = this.#claim(`state.${this.path}`, [batch, ...rowShape]);
    this.#states.push({ input, outputName: `state_out.${this.path}`, rowShape });
    return input;
  }

  /** Sets what a state will be in the next call. */
  updateState(state: Operand, next: Operand): void {
    const entry = this.#states.find((candidate) => candidate.input === state);
    if (entry === undefined) throw this.error("foreign-operand", `"${state.name}" is not a state of this network`);
    this.#checkOwn(next);
    if (!isSameShape(state.shape, next.shape)) {
      throw this.error(
        "shape-mismatch",
        `"${state.name}" expected ${formatShape(state.shape)}, got ${formatShape(next.shape)}`,
      );
    }
    entry.next = next;
  }

  /** Adds one ONNX node with one output. For the ops, which know the shape that comes out. */
  node(opType: string, inputs: readonly Operand[], shape: Shape, attributes: Attributes = {}): Operand {
    return this.nodeOutputs(opType, inputs, [shape] as const, attributes)[0];
  }

  /** Adds one ONNX node with several outputs, one for each shape. An `undefined` input is an optional one left out. */
  nodeOutputs<const Shapes extends readonly Shape[]>(
    opType: string,
    inputs: readonly (Operand | undefined)[],
    shapes: Shapes,
    attributes: Attributes = {},
  ): { [Index in keyof Shapes]: Operand } {
    for (const input of inputs) if (input !== undefined) this.#checkOwn(input);
    const outputs = shapes.map((shape) => this.#claim(this.#unusedName(this.#qualified(opType, "/")), shape));
    this.#nodes.push({ opType, inputs, outputs, attributes });
    return outputs as { [Index in keyof Shapes]: Operand };
  }

  /**
   * Writes the network.
   *
   * @param outputs  what the caller gets, by name
   * @throws {GraphError} when an output belongs to another network, a name is taken, or a state has no successor
   */
  build(outputs: Readonly<Record<string, Operand>>): Network {
    const published = new Map<Operand, string>();
    const publish = (name: string, operand: Operand): Operand => {
      this.#checkOwn(operand);
      // An output takes the place of the name inside; what already has a public name is passed on under a second one.
      const isRenamable = this.#nodes.some((node) => node.outputs.includes(operand)) && !published.has(operand);
      const output = isRenamable ? operand : this.node("Identity", [operand], operand.shape);
      this.#claim(name, operand.shape);
      published.set(output, name);
      return output;
    };
    const values = Object.entries(outputs).map(([name, operand]) => publish(name, operand));
    const nextStates = this.#states.map(({ input, next, outputName }) => {
      if (next === undefined) throw this.error("shape-mismatch", `"${input.name}" is never updated`);
      return publish(outputName, next);
    });
    const nameOf = (operand: Operand): string => published.get(operand) ?? operand.name;
    const stateInputs = this.#states.map(({ input }) => input);
    return {
      name: this.name,
      form: this.form,
      bytes: serializeModel(
        {
          name: this.name,
          node: this.#nodes.map((node) => nodeProto(node, nameOf)),
          input: [...this.#inputs, ...stateInputs].map((operand) => valueInfo(operand.name, operand.shape)),
          output: [...values, ...nextStates].map((operand) => valueInfo(nameOf(operand), operand.shape)),
          valueInfo: this.#convolved(published).map((operand) => valueInfo(operand.name, operand.shape)),
        },
        this.#initializers,
      ),
      inputs: this.#inputs.map((operand) => networkValue(operand.name, operand.shape)),
      outputs: values.map((operand) => networkValue(nameOf(operand), operand.shape)),
      states: this.#states.map(
        ({ input, outputName, rowShape }): NetworkState => ({
          input: input.name,
          output: outputName,
          shape: [1, ...rowShape],
        }),
      ),
    };
  }

  /**
   * What convolutions inside the network give. Their shapes are written down because a runtime cannot work out the time of
   * a dilated one by itself; knowing that two operands have one shape lets it add one to the other inside a convolution.
   */
  #convolved(published: ReadonlyMap<Operand, string>): Operand[] {
    const results = this.#nodes.flatMap(({ opType, outputs }) => (opType === "Conv" ? outputs : []));
    return results.filter((operand) => !published.has(operand));
  }

  #checkOwn(operand: Operand): void {
    if (operand.graph !== this) {
      throw this.error("foreign-operand", `operand "${operand.name}" belongs to the network "${operand.graph.name}"`);
    }
  }

  #claim(name: string, shape: Shape): Operand {
    if (this.#names.has(name)) throw this.error("duplicate-name", `the name "${name}" is taken`);
    this.#names.add(name);
    return new Operand(this, name, shape);
  }

  #share(name: string, shape: Shape, initializer: Initializer): Operand {
    const known = this.#shared.get(name);
    if (known !== undefined) return known;
    const operand = this.#claim(name, shape);
    this.#initializers.push(initializer);
    this.#shared.set(name, operand);
    return operand;
  }

  #qualified(name: string, separator: string): string {
    const path = this.path;
    return path === "" ? name : `${path}${separator}${name}`;
  }

  #unusedName(wanted: string): string {
    let name = wanted;
    for (let count = 2; this.#names.has(name); count++) name = `${wanted}_${count}`;
    return name;
  }
}

function nodeProto(node: Node, nameOf: (operand: Operand) => string): MessageInitShape<typeof NodeProtoSchema> {
  return {
    // A node is called like its first output as it was made, whatever the caller gets that output as.
    name: node.outputs[0]?.name ?? "",
    opType: node.opType,
    input: node.inputs.map((input) => (input === undefined ? "" : nameOf(input))),
    output: node.outputs.map(nameOf),
    attribute: Object.entries(node.attributes).map(([name, value]) => attributeProto(name, value)),
  };
}

/** Values of `AttributeProto.type`. */
const attributeType = { float: 1, int: 2, string: 3, ints: 7 } as const;

function attributeProto(name: string, value: Attribute): MessageInitShape<typeof AttributeProtoSchema> {
  if (typeof value === "number") return { name, type: attributeType.int, i: BigInt(value) };
  if ("float" in value) return { name, type: attributeType.float, f: value.float };
  if ("text" in value) return { name, type: attributeType.string, s: new TextEncoder().encode(value.text) };
  return { name, type: attributeType.ints, ints: value.map(BigInt) };
}

function valueInfo(name: string, shape: Shape): MessageInitShape<typeof ValueInfoProtoSchema> {
  const dim = shape.map((dimension) => {
    const label = dimensionLabel(dimension);
    return typeof label === "number"
      ? { value: { case: "dimValue" as const, value: BigInt(label) } }
      : { value: { case: "dimParam" as const, value: label } };
  });
  return { name, type: { value: { case: "tensorType", value: { elemType: elementType.float, shape: { dim } } } } };
}

function networkValue(name: string, shape: Shape): NetworkValue {
  return { name, shape: shape.map(dimensionLabel) };
}
