import { fromBinary } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { symbol } from "../../../src/graph/dimension";
import { batch, GraphBuilder, type Operand } from "../../../src/graph/graph-builder";
import type { NetworkForm } from "../../../src/graph/network";
import { ModelProtoSchema } from "../../../src/graph/onnx/onnx.generated";
import { add } from "../../../src/graph/ops/elementwise";
import { matmul } from "../../../src/graph/ops/linear";
import { concat, last, padStart, reshape, trim } from "../../../src/graph/ops/shape";

function newGraph(form: NetworkForm = "offline"): GraphBuilder {
  return new GraphBuilder({ name: "net", form });
}

function newInput(graph = newGraph()) {
  return graph.input("x", [batch, symbol("F"), 4]);
}

/** The least that an op can be: one node. */
function relu(x: Operand): Operand {
  return x.graph.node("Relu", [x], x.shape);
}

describe("a network that is built", () => {
  it("is an ONNX model with the nodes, weights and names that went in", () => {
    const graph = newGraph();
    const x = newInput(graph);
    const y = graph.scope("block", () => {
      const weights = graph.constant("weight", [4, 2], Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8));
      const bias = graph.constant("bias", [2], (into) => into.set([0.5, -0.5]));
      return add(matmul(relu(x), weights), bias);
    });
    const network = graph.build({ y });
    const model = fromBinary(ModelProtoSchema, network.bytes);

    expect(model.irVersion).toBe(8n);
    expect(model.opsetImport.map(({ domain, version }) => [domain, version])).toEqual([["", 17n]]);
    expect(model.graph?.node.map(({ opType, input, output }) => [opType, input, output])).toEqual([
      ["Relu", ["x"], ["block/Relu"]],
      ["MatMul", ["block/Relu", "block.weight"], ["block/MatMul"]],
      ["Add", ["block/MatMul", "block.bias"], ["y"]],
    ]);
    const floats = (bytes: Uint8Array) => [...new Float32Array(bytes.slice().buffer)];
    expect(
      model.graph?.initializer.map(({ name, dims, dataType, rawData }) => [name, dims, dataType, floats(rawData)]),
    ).toEqual([
      ["block.weight", [4n, 2n], 1, [1, 2, 3, 4, 5, 6, 7, 8]],
      ["block.bias", [2n], 1, [0.5, -0.5]],
    ]);
    expect(network.inputs).toEqual([{ name: "x", shape: ["B", "F", 4] }]);
    expect(network.outputs).toEqual([{ name: "y", shape: ["B", "F", 2] }]);
    expect(network.states).toEqual([]);
  });

  it("has each state as an input and an output", () => {
    const graph = newGraph("streaming");
    const x = newInput(graph);
    const y = graph.scope("block", () => {
      const state = graph.state([2, 4]);
      const joined = concat([state, x], 1);
      graph.updateState(state, last(joined, 1, 2));
      return trim(joined, 1, 0, 2);
    });
    const network = graph.build({ y });
    expect(network.states).toEqual([{ input: "state.block", output: "state_out.block", shape: [1, 2, 4] }]);
    const model = fromBinary(ModelProtoSchema, network.bytes);
    expect(model.graph?.input.map(({ name }) => name)).toEqual(["x", "state.block"]);
    expect(model.graph?.output.map(({ name }) => name)).toEqual(["y", "state_out.block"]);
  });

  it("passes on an input, and a value under two names", () => {
    const graph = newGraph();
    const x = newInput(graph);
    const y = relu(x);
    const model = fromBinary(ModelProtoSchema, graph.build({ same: x, first: y, second: y }).bytes);
    expect(model.graph?.node.map(({ opType, input, output }) => [opType, input, output])).toEqual([
      ["Relu", ["x"], ["first"]],
      ["Identity", ["x"], ["same"]],
      ["Identity", ["first"], ["second"]],
    ]);
  });

  it("holds equal numbers of ops once", () => {
    const graph = newGraph();
    const x = newInput(graph);
    const y = add(add(trim(x, 1, 1, 0), trim(x, 1, 1, 0)), graph.number(0.5));
    expect(graph.number(0.5)).toBe(graph.number(0.5));
    const model = fromBinary(ModelProtoSchema, graph.build({ y }).bytes);
    expect(model.graph?.initializer.map(({ name, dims }) => [name, dims])).toEqual([
      ["int64[1]", [1n]],
      ["int64[9007199254740991]", [1n]],
      ["float[0.5]", []],
    ]);
  });
});

describe("shapes", () => {
  it("follow the ops", () => {
    const graph = newGraph();
    const x = newInput(graph);
    expect(padStart(x, 1, 3).shape).toEqual([batch, { symbol: "F", factor: 1, offset: 3 }, 4]);
    expect(concat([x, x], 2).shape).toEqual([batch, symbol("F"), 8]);
    expect(concat([x, x], 1).shape).toEqual([batch, symbol("F", 2), 4]);
    expect(reshape(x, [batch, symbol("F", 2), 2]).shape).toEqual([batch, symbol("F", 2), 2]);
    expect(last(x, 1, 2).shape).toEqual([batch, 2, 4]);
    expect(trim(x, 2, 1, 1).shape).toEqual([batch, symbol("F"), 2]);
  });

  it("add no node where nothing is to be done", () => {
    const x = newInput();
    expect(trim(x, 1, 0, 0)).toBe(x);
    expect(padStart(x, 1, 0)).toBe(x);
    expect(concat([x], 1)).toBe(x);
  });
});

describe("a mistake is an error that names the block", () => {
  const wrongShapes: [string, (graph: GraphBuilder) => unknown][] = [
    [
      "a product of unequal depths",
      (graph) => matmul(newInput(graph), graph.constant("w", [5, 2], new Float32Array(10))),
    ],
    ["a product with a vector", (graph) => matmul(newInput(graph), graph.constant("w", [4], new Float32Array(4)))],
    ["a sum of unequal widths", (graph) => add(newInput(graph), graph.constant("b", [3], new Float32Array(3)))],
    ["a join of unequal widths", (graph) => concat([newInput(graph), graph.input("z", [batch, symbol("F"), 5])], 1)],
    ["a join of different symbols", (graph) => concat([newInput(graph), graph.input("z", [batch, symbol("G"), 4])], 1)],
    ["a join on an axis that is not there", (graph) => concat([newInput(graph)], 3)],
    ["a cut that leaves nothing", (graph) => trim(newInput(graph), 2, 2, 2)],
    ["a cut of a negative length", (graph) => trim(newInput(graph), 1, -1, 0)],
    ["more at the end than there is", (graph) => last(newInput(graph), 2, 5)],
    ["padding of a negative length", (graph) => padStart(newInput(graph), 1, -1)],
    ["a reshape to another volume", (graph) => reshape(newInput(graph), [batch, symbol("F"), 5])],
    ["a constant of the wrong length", (graph) => graph.constant("w", [2, 2], new Float32Array(3))],
    ["a state that changes its shape", (graph) => graph.updateState(graph.state([2, 4]), newInput(graph))],
    ["a state that is never updated", (graph) => graph.build({ y: graph.state([2, 4]) })],
  ];
  it.each(wrongShapes)("%s", (_, build) => {
    const graph = newGraph("streaming");
    const attempt = () => graph.scope("encoder", () => graph.scope("stages.1", () => build(graph)));
    expect(attempt).toThrow(
      expect.objectContaining({ name: "GraphError", code: "shape-mismatch", path: "encoder/stages.1" }),
    );
    expect(attempt).toThrow(/^encoder\/stages\.1: /);
  });

  it("a reshape that leaves two sizes to the runtime", () => {
    const graph = newGraph();
    const x = graph.input("x", [symbol("F"), symbol("G"), 4]);
    expect(() => reshape(x, [symbol("G"), symbol("F"), 4])).toThrow(
      expect.objectContaining({ code: "unsupported-op" }),
    );
  });

  it("an operand of another network", () => {
    const [graph, other] = [newGraph(), newGraph()];
    const foreign = expect.objectContaining({ name: "GraphError", code: "foreign-operand" });
    expect(() => add(newInput(graph), newInput(other))).toThrow(foreign);
    expect(() => graph.build({ y: relu(other.input("z", [1])) })).toThrow(foreign);
    expect(() => graph.updateState(graph.input("z", [1]), newInput(newGraph()))).toThrow(foreign);
  });

  it("a name that is taken", () => {
    const taken = expect.objectContaining({ name: "GraphError", code: "duplicate-name" });
    const graph = newGraph("streaming");
    const x = newInput(graph);
    expect(() => graph.input("x", [1])).toThrow(taken);
    graph.constant("weight", [1], Float32Array.of(1));
    expect(() => graph.constant("weight", [1], Float32Array.of(1))).toThrow(taken);
    graph.scope("block", () => graph.state([1]));
    expect(() => graph.scope("block", () => graph.state([1]))).toThrow(taken);
    expect(() => graph.build({ x: relu(x) })).toThrow(taken);
  });

  it("leaves the block behind", () => {
    const graph = newGraph();
    expect(() => graph.scope("block", () => graph.constant("w", [2], new Float32Array(1)))).toThrow();
    expect(graph.path).toBe("");
  });
});
