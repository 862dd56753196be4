/** A value that flows through a network under construction: it knows its shape and the builder that made it. */
import type { Shape } from "./dimension";
import type { GraphBuilder } from "./graph-builder";

/** Made by a `GraphBuilder` only; the ops take operands and give operands. */
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
