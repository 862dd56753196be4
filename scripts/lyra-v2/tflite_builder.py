"""Writes TFLite files operator by operator, in the manner of the streaming networks that Lyra V2 was published as."""

from collections.abc import Sequence

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

Array = np.ndarray
RESOURCE = schema.TensorType.RESOURCE
TENSOR_TYPES = {
    np.dtype(np.float32): schema.TensorType.FLOAT32,
    np.dtype(np.int8): schema.TensorType.INT8,
    np.dtype(np.int32): schema.TensorType.INT32,
}
# Of operators whose meaning has grown; those of published files. 8-bit activations and sums came with version 2.
VERSIONS = {
    "ADD": 2,
    "CONV_2D": 6,
    "DEPTHWISE_CONV_2D": 3,
    "DEQUANTIZE": 2,
    "LEAKY_RELU": 2,
    "SPLIT": 2,
    "STRIDED_SLICE": 2,
    "TRANSPOSE_CONV": 3,
}


class Quantization:
    """How whole numbers stand for real ones: one scale, or one for each index along an axis."""

    def __init__(self, scales: Sequence[float], zero_point: int = 0, axis: int = 0) -> None:
        self.scales = [float(np.float32(scale)) for scale in scales]
        self.zero_points = [zero_point] * len(self.scales)
        self.axis = axis

    @property
    def scale(self) -> float:
        return self.scales[0]


class Value:
    """A tensor of the network under construction."""

    def __init__(self, index: int, shape: Sequence[int], quantization: Quantization | None) -> None:
        self.index = index
        self.shape = list(shape)
        self.quantization = quantization


class Network:
    """One subgraph; variables are zero at first."""

    def __init__(self, writer: "Writer", name: str) -> None:
        self.writer = writer
        self.graph = schema.SubGraphT()
        self.graph.name = name.encode()
        self.graph.tensors = []
        self.graph.operators = []
        self.variables: list[tuple[str, Sequence[int]]] = []
        self.constants: dict[bytes, Value] = {}

    def tensor(
        self,
        shape: Sequence[int],
        tensor_type: int = schema.TensorType.FLOAT32,
        quantization: Quantization | None = None,
        data: Array | None = None,
    ) -> Value:
        """Adds a tensor, a constant where there is data."""
        tensor = schema.TensorT()
        index = len(self.graph.tensors)
        tensor.name = f"{self.graph.name.decode()}/{index}".encode()
        tensor.shape = list(shape)
        tensor.type = tensor_type
        tensor.buffer = self.writer.buffer(data)
        if quantization is not None:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = quantization.scales
            tensor.quantization.zeroPoint = quantization.zero_points
            tensor.quantization.quantizedDimension = quantization.axis
        self.graph.tensors.append(tensor)
        return Value(index, shape, quantization)

    def constant(self, data: Array, quantization: Quantization | None = None) -> Value:
        """Adds numbers; the same numbers without a scale are one tensor, as in published files."""
        key = bytes(f"{data.dtype}{data.shape}", "ascii") + data.tobytes()
        if quantization is None and key in self.constants:
            return self.constants[key]
        value = self.tensor(data.shape, TENSOR_TYPES[data.dtype], quantization, data)
        self.constants[key] = value
        return value

    def add(
        self,
        name: str,
        inputs: Sequence[Value],
        outputs: Sequence[Value],
        options: object | None = None,
        options_type: int = schema.BuiltinOptions.NONE,
    ) -> None:
        """Adds an operator."""
        operator = schema.OperatorT()
        operator.opcodeIndex = self.writer.opcode(name)
        operator.inputs = [value.index for value in inputs]
        operator.outputs = [value.index for value in outputs]
        operator.builtinOptions = options
        operator.builtinOptionsType = options_type
        self.graph.operators.append(operator)

    def variable(self, name: str, shape: Sequence[int]) -> tuple[Value, Value]:
        """The handle of a variable, and what it holds."""
        handle = self.tensor([], RESOURCE)
        options = schema.VarHandleOptionsT()
        options.sharedName = name.encode()
        self.add("VAR_HANDLE", [], [handle], options, schema.BuiltinOptions.VarHandleOptions)
        past = self.tensor(shape)
        self.add("READ_VARIABLE", [handle], [past])
        self.variables.append((name, shape))
        return handle, past

    def assign(self, handle: Value, value: Value) -> None:
        self.add("ASSIGN_VARIABLE", [handle, value], [])


class Writer:
    """A whole file."""

    def __init__(self) -> None:
        self.model = schema.ModelT()
        self.model.version = 3
        self.model.description = b"random weights"
        self.model.operatorCodes = []
        self.model.buffers = [schema.BufferT()]
        self.model.subgraphs = []
        self.model.signatureDefs = []
        self.opcodes: dict[str, int] = {}

    def buffer(self, data: Array | None) -> int:
        if data is None:
            return 0
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), dtype=np.uint8)
        self.model.buffers.append(buffer)
        return len(self.model.buffers) - 1

    def opcode(self, name: str) -> int:
        if name not in self.opcodes:
            code = schema.OperatorCodeT()
            number = getattr(schema.BuiltinOperator, name)
            code.builtinCode = number
            code.deprecatedBuiltinCode = min(number, 127)
            code.version = VERSIONS.get(name, 1)
            self.opcodes[name] = len(self.model.operatorCodes)
            self.model.operatorCodes.append(code)
        return self.opcodes[name]

    def finish(self, network: Network, inputs: Sequence[Value], outputs: Sequence[Value], signature: str) -> bytes:
        """The bytes of a file with this network, and one that sets its variables to zero."""
        network.graph.inputs = [value.index for value in inputs]
        network.graph.outputs = [value.index for value in outputs]
        self.model.subgraphs.append(network.graph)
        if network.variables:
            self.model.subgraphs.append(self.initializer(network))
            options = schema.CallOnceOptionsT()
            options.initSubgraphIndex = 1
            network.add("CALL_ONCE", [], [], options, schema.BuiltinOptions.CallOnceOptions)
            network.graph.operators.insert(0, network.graph.operators.pop())
        definition = schema.SignatureDefT()
        definition.signatureKey = signature.encode()
        definition.subgraphIndex = 0
        definition.inputs = [self.named("input", inputs[0])]
        definition.outputs = [self.named("output", outputs[0])]
        self.model.signatureDefs.append(definition)
        builder = flatbuffers.Builder(1 << 16)
        builder.Finish(self.model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())

    def initializer(self, network: Network) -> "schema.SubGraphT":
        start = Network(self, "start")
        for name, shape in network.variables:
            handle = start.tensor([], RESOURCE)
            options = schema.VarHandleOptionsT()
            options.sharedName = name.encode()
            start.add("VAR_HANDLE", [], [handle], options, schema.BuiltinOptions.VarHandleOptions)
            start.assign(handle, start.constant(np.zeros(shape, np.float32)))
        start.graph.inputs = []
        start.graph.outputs = []
        return start.graph

    @staticmethod
    def named(name: str, value: Value) -> "schema.TensorMapT":
        entry = schema.TensorMapT()
        entry.name = name.encode()
        entry.tensorIndex = value.index
        return entry
