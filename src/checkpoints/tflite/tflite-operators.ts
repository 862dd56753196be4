/** Names of TFLite's operators, and the options of those whose behaviour depends on them. */
import type { FlatTable } from "./flatbuffer";

/** By number in the schema's list. Others appear as `OPERATOR_n`: their options are not known here. */
const operatorNames: ReadonlyMap<number, string> = new Map([
  [0, "ADD"],
  [2, "CONCATENATION"],
  [3, "CONV_2D"],
  [4, "DEPTHWISE_CONV_2D"],
  [6, "DEQUANTIZE"],
  [9, "FULLY_CONNECTED"],
  [14, "LOGISTIC"],
  [18, "MUL"],
  [19, "RELU"],
  [22, "RESHAPE"],
  [25, "SOFTMAX"],
  [28, "TANH"],
  [34, "PAD"],
  [36, "GATHER"],
  [39, "TRANSPOSE"],
  [40, "MEAN"],
  [41, "SUB"],
  [42, "DIV"],
  [45, "STRIDED_SLICE"],
  [47, "EXP"],
  [49, "SPLIT"],
  [53, "CAST"],
  [55, "MAXIMUM"],
  [56, "ARG_MAX"],
  [57, "MINIMUM"],
  [58, "LESS"],
  [59, "NEG"],
  [65, "SLICE"],
  [67, "TRANSPOSE_CONV"],
  [70, "EXPAND_DIMS"],
  [71, "EQUAL"],
  [72, "NOT_EQUAL"],
  [73, "LOG"],
  [74, "SUM"],
  [75, "SQRT"],
  [76, "RSQRT"],
  [77, "SHAPE"],
  [78, "POW"],
  [79, "ARG_MIN"],
  [83, "PACK"],
  [85, "ONE_HOT"],
  [94, "FILL"],
  [98, "LEAKY_RELU"],
  [99, "SQUARED_DIFFERENCE"],
  [101, "ABS"],
  [111, "ELU"],
  [114, "QUANTIZE"],
  [126, "BATCH_MATMUL"],
  [129, "CALL_ONCE"],
  [142, "VAR_HANDLE"],
  [143, "READ_VARIABLE"],
  [144, "ASSIGN_VARIABLE"],
]);

/** The name of an operator. */
export function operatorName(code: number): string {
  return operatorNames.get(code) ?? `OPERATOR_${code}`;
}

type OptionValue = number | boolean | string;
type OptionReaders = Readonly<Record<string, (table: FlatTable) => OptionValue>>;

const activations = ["NONE", "RELU", "RELU_N1_TO_1", "RELU6", "TANH", "SIGN_BIT"];
const activation = (field: number) => (table: FlatTable) => activations[table.int8(field)] ?? "unknown";
const integer =
  (field: number, otherwise = 0) =>
  (table: FlatTable) =>
    table.int32(field, otherwise);
const bool = (field: number) => (table: FlatTable) => table.bool(field);
const padding = (table: FlatTable) => (table.int8(0) === 0 ? "SAME" : "VALID");

const reduction: OptionReaders = { keepDims: bool(0) };

/** Fields in the words of the schema. */
const optionReaders: ReadonlyMap<string, OptionReaders> = new Map<string, OptionReaders>([
  ["ADD", { fusedActivation: activation(0) }],
  ["SUB", { fusedActivation: activation(0) }],
  ["MUL", { fusedActivation: activation(0) }],
  ["DIV", { fusedActivation: activation(0) }],
  ["CONCATENATION", { axis: integer(0), fusedActivation: activation(1) }],
  [
    "CONV_2D",
    {
      padding,
      strideWidth: integer(1),
      strideHeight: integer(2),
      fusedActivation: activation(3),
      dilationWidth: integer(4, 1),
      dilationHeight: integer(5, 1),
    },
  ],
  [
    "DEPTHWISE_CONV_2D",
    {
      padding,
      strideWidth: integer(1),
      strideHeight: integer(2),
      depthMultiplier: integer(3),
      fusedActivation: activation(4),
      dilationWidth: integer(5, 1),
      dilationHeight: integer(6, 1),
    },
  ],
  ["TRANSPOSE_CONV", { padding, strideWidth: integer(1), strideHeight: integer(2), fusedActivation: activation(3) }],
  ["FULLY_CONNECTED", { fusedActivation: activation(0), keepNumDims: bool(2) }],
  ["SOFTMAX", { beta: (table) => table.float32(0) }],
  ["LEAKY_RELU", { alpha: (table) => table.float32(0) }],
  ["GATHER", { axis: integer(0), batchDims: integer(1) }],
  ["MEAN", reduction],
  ["SUM", reduction],
  ["SPLIT", { numSplits: integer(0) }],
  ["PACK", { valuesCount: integer(0), axis: integer(1) }],
  ["ONE_HOT", { axis: integer(0) }],
  ["BATCH_MATMUL", { adjointX: bool(0), adjointY: bool(1) }],
  ["CALL_ONCE", { initSubgraphIndex: integer(0) }],
  ["VAR_HANDLE", { container: (table) => table.text(0), sharedName: (table) => table.text(1) }],
  [
    "STRIDED_SLICE",
    {
      beginMask: integer(0),
      endMask: integer(1),
      ellipsisMask: integer(2),
      newAxisMask: integer(3),
      shrinkAxisMask: integer(4),
    },
  ],
]);

/** The options of an operator; none where it has none or they are not known here. */
export function readOptions(name: string, table: FlatTable | undefined): Record<string, OptionValue> {
  const readers = table === undefined ? undefined : optionReaders.get(name);
  if (table === undefined || readers === undefined) return {};
  return Object.fromEntries(Object.entries(readers).map(([key, read]) => [key, read(table)]));
}
