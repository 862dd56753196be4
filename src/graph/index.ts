/** Building networks as ONNX graphs, for codecs of one's own. The subpath `quantone/graph`. */
export {
  type CausalConvOptions,
  type ConvWeights,
  causalConv,
  transposedConv,
  upsampleConv,
} from "./blocks/causal-conv";
export { CenteredTime, holdBack } from "./blocks/centered-time";
export type { Weights } from "./blocks/conv-matrix";
export { type FilmWeights, film } from "./blocks/film";
export { leftContext } from "./blocks/left-context";
export { type LstmWeights, skipLstm } from "./blocks/lstm";
export { fullTransposedConv, mirroredConv } from "./blocks/mirrored-conv";
export { type ReflectConvOptions, ReflectStart, reflectConv } from "./blocks/reflect-conv";
export { type ResidualUnitWeights, residualUnit } from "./blocks/residual-unit";
export { type Dimension, type Shape, type SymbolicDimension, symbol } from "./dimension";
export { type Attributes, batch, GraphBuilder, type Operand } from "./graph-builder";
export type { Network, NetworkForm, NetworkState, NetworkValue } from "./network";
export { add, elu, multiply } from "./ops/elementwise";
export { matmul } from "./ops/linear";
export { concat, last, padStart, reshape, transpose, trim } from "./ops/shape";
