#!/usr/bin/env python3
"""Makes test/golden/lyra-tiny: small TFLite files laid out as Lyra V2's, and what LiteRT makes of a signal with them.

    pip install -r scripts/lyra-v2/requirements.txt
    python scripts/lyra-v2/make_vectors.py test/golden/lyra-tiny

The weights are random. Each kind of layer that the published files have is there: streaming convolutions with strides,
dilations and groups, 8-bit islands between real numbers, sums longer than 256, transposed convolutions with overlap.
"""

import argparse
import hashlib
import json
import pathlib

import ai_edge_litert
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from tflite_builder import Array, Network, Quantization, Value, Writer

SEED = 20261121
HOP_LENGTH = 16
LATENT_DIM = 8
NUM_STAGES = 6
CODEBOOK_SIZE = 16
NUM_FRAMES = 40
SLOPE = 0.3
OPTIONS = schema.BuiltinOptions


class Layers:
    """Adds layers with random weights; values have about unit variance, so 8-bit ones reach from -4 to 4."""

    def __init__(self, network: Network, random: np.random.Generator) -> None:
        self.network = network
        self.random = random
        self.count = 0

    def format(self) -> Quantization:
        """A scale and zero point that no other value has."""
        return Quantization([self.random.uniform(6, 9) / 255], int(self.random.integers(-60, 60)))

    def result_of(self, shape: list[int], is_int8: bool) -> Value:
        """What an operator gives: 8 bits in a format of its own, or real numbers."""
        if not is_int8:
            return self.network.tensor(shape)
        return self.network.tensor(shape, schema.TensorType.INT8, self.format())

    def reshape(self, x: Value, shape: list[int]) -> Value:
        kind = schema.TensorType.FLOAT32 if x.quantization is None else schema.TensorType.INT8
        result = self.network.tensor(shape, kind, x.quantization)
        self.network.add("RESHAPE", [x, self.network.constant(np.array(shape, np.int32))], [result])
        return result

    def quantize(self, x: Value, quantization: Quantization | None = None) -> Value:
        result = self.network.tensor(x.shape, schema.TensorType.INT8, quantization or self.format())
        self.network.add("QUANTIZE", [x], [result])
        return result

    def dequantize(self, x: Value) -> Value:
        result = self.network.tensor(x.shape)
        self.network.add("DEQUANTIZE", [x], [result])
        return result

    def leaky_relu(self, x: Value) -> Value:
        result = self.result_of(x.shape, x.quantization is not None)
        options = schema.LeakyReluOptionsT()
        options.alpha = SLOPE
        self.network.add("LEAKY_RELU", [x], [result], options, OPTIONS.LeakyReluOptions)
        return result

    def sum(self, x: Value, y: Value) -> Value:
        result = self.result_of(x.shape, x.quantization is not None)
        self.network.add("ADD", [x, y], [result], schema.AddOptionsT(), OPTIONS.AddOptions)
        return result

    def concatenate(self, values: list[Value], axis: int) -> Value:
        shape = list(values[0].shape)
        shape[axis] = sum(value.shape[axis] for value in values)
        result = self.network.tensor(shape)
        options = schema.ConcatenationOptionsT()
        options.axis = axis
        self.network.add("CONCATENATION", values, [result], options, OPTIONS.ConcatenationOptions)
        return result

    def rows(self, x: Value, begin: int, end: int) -> Value:
        """Rows from `begin`, to the end where `end` is 0."""
        width = x.shape[3]
        count = -begin if begin < 0 else end - begin
        kind = schema.TensorType.FLOAT32 if x.quantization is None else schema.TensorType.INT8
        result = self.network.tensor([1, count, 1, width], kind, x.quantization)
        bounds = [[0, begin, 0, 0], [0, end, 0, width], [1, 1, 1, 1]]
        options = schema.StridedSliceOptionsT()
        options.beginMask = 13
        options.endMask = 15 if begin < 0 else 13
        constants = [self.network.constant(np.array(bound, np.int32)) for bound in bounds]
        self.network.add("STRIDED_SLICE", [x, *constants], [result], options, OPTIONS.StridedSliceOptions)
        return result

    def with_past(self, x: Value, length: int) -> Value:
        """What a layer remembers, in front; 8-bit values are remembered as real ones."""
        handle, past = self.variable([1, length, 1, x.shape[3]])
        if x.quantization is None:
            joined = self.concatenate([past, x], 1)
            self.network.assign(handle, self.rows(joined, -length, 0))
            return joined
        joined = self.quantize(self.concatenate([past, self.dequantize(x)], 1), x.quantization)
        self.network.assign(handle, self.dequantize(self.rows(joined, -length, 0)))
        return joined

    def variable(self, shape: list[int]) -> tuple[Value, Value]:
        self.count += 1
        return self.network.variable(f"layer_{self.count}/states", shape)

    def conv(self, x: Value, channels: int, size: int, stride: int = 1, groups: int = 1) -> Value:
        x = self.with_past(x, size - stride) if size > stride else x
        width = x.shape[3] // groups
        kernel = self.random.standard_normal([channels, size, 1, width]) * 1.3 / np.sqrt(size * width)
        options = schema.Conv2DOptionsT()
        options.padding = schema.Padding.VALID
        options.strideH, options.strideW = stride, 1
        shape = [1, (x.shape[1] - size) // stride + 1, 1, channels]
        return self.convolve("CONV_2D", x, kernel, 0, shape, options, OPTIONS.Conv2DOptions)

    def depthwise(self, x: Value, dilation: int) -> Value:
        x = self.with_past(x, 2 * dilation)
        channels = x.shape[3]
        kernel = self.random.standard_normal([1, 3, 1, channels]) * 1.3 / np.sqrt(3)
        options = schema.DepthwiseConv2DOptionsT()
        options.padding = schema.Padding.VALID
        options.strideH = options.strideW = options.depthMultiplier = 1
        options.dilationHFactor = dilation
        shape = [1, x.shape[1] - 2 * dilation, 1, channels]
        return self.convolve("DEPTHWISE_CONV_2D", x, kernel, 3, shape, options, OPTIONS.DepthwiseConv2DOptions)

    def convolve(
        self, name: str, x: Value, kernel: Array, axis: int, shape: list[int], options: object, options_type: int
    ) -> Value:
        """Adds weights of the input's kind: depthwise ones have no bias, as published."""
        channels = shape[3]
        bias = 0.1 * self.random.standard_normal(channels) * (axis == 0)
        result = self.result_of(shape, x.quantization is not None)
        weights = self.weights(x, kernel, bias, axis, is_per_channel=True)
        self.network.add(name, [x, *weights], [result], options, options_type)
        return result

    def weights(self, x: Value, kernel: Array, bias: Array, axis: int, is_per_channel: bool) -> list[Value]:
        if x.quantization is None:
            return [self.network.constant(part.astype(np.float32)) for part in (kernel, bias)]
        others = tuple(other for other in range(4) if other != axis)
        largest = np.abs(kernel).max(axis=others, keepdims=True) if is_per_channel else np.abs(kernel).max()
        scale = np.broadcast_to((largest / 127).astype(np.float32), [1] * 4 if not is_per_channel else largest.shape)
        stored = np.clip(np.rint(kernel / scale), -127, 127).astype(np.int8)
        scales = scale.reshape(-1)
        products = scales * np.float32(x.quantization.scale)
        return [
            self.network.constant(stored, Quantization(list(scales), 0, axis)),
            self.network.constant(np.rint(bias / products).astype(np.int32), Quantization(list(products))),
        ]

    def transposed_conv(self, x: Value, channels: int, size: int, stride: int) -> Value:
        """Overlap-add with the frame before: its end waits in a variable, without the bias."""
        width, rows = x.shape[3], x.shape[1]
        overlap = size - stride
        kernel = self.random.standard_normal([channels, size, 1, width]) * 1.3 / np.sqrt(2 * width)
        bias = 0.1 * self.random.standard_normal(channels)
        shape = [1, (rows - 1) * stride + size, 1, channels]
        weights, offsets = self.weights(x, kernel, bias, 0, is_per_channel=False)
        result = self.result_of(shape, x.quantization is not None)
        options = schema.TransposeConvOptionsT()
        options.padding = schema.Padding.VALID
        options.strideH, options.strideW = stride, 1
        size_of = self.network.constant(np.array(shape, np.int32))
        self.network.add(
            "TRANSPOSE_CONV", [size_of, weights, x, offsets], [result], options, OPTIONS.TransposeConvOptions
        )
        frame = result if x.quantization is None else self.dequantize(result)
        handle, past = self.variable([1, overlap, 1, channels])
        zeros = self.network.constant(np.zeros([1, shape[1] - overlap, 1, channels], np.float32))
        whole = self.sum(frame, self.concatenate([past, zeros], 1))
        rest = self.network.tensor([1, overlap, 1, channels])
        end = self.rows(whole, -overlap, 0)
        unbias = self.network.constant(bias.astype(np.float32))
        self.network.add("SUB", [end, unbias], [rest], schema.SubOptionsT(), OPTIONS.SubOptions)
        self.network.assign(handle, rest)
        return self.rows(whole, 0, shape[1] - overlap)

    def split(self, x: Value, parts: int) -> list[Value]:
        shape = [*x.shape[:3], x.shape[3] // parts]
        results = [self.network.tensor(shape, schema.TensorType.INT8, x.quantization) for _ in range(parts)]
        options = schema.SplitOptionsT()
        options.numSplits = parts
        axis = self.network.constant(np.array(-1, np.int32))
        self.network.add("SPLIT", [axis, x], results, options, OPTIONS.SplitOptions)
        return results


def encoder(random: np.random.Generator) -> bytes:
    """Samples [1, 16] -> latents [1, 1, 8]: three strides, the last part in 8 bits."""
    writer = Writer()
    network = Network(writer, "main")
    layers = Layers(network, random)
    samples = network.tensor([1, HOP_LENGTH])
    x = layers.conv(layers.reshape(samples, [1, HOP_LENGTH, 1, 1]), 64, 8, 4)
    hidden = layers.conv(layers.depthwise(layers.leaky_relu(x), 3), 64, 1)
    x = layers.sum(layers.conv(layers.leaky_relu(hidden), 64, 1, groups=2), x)
    # 256 numbers and the bias: the longest sum that is made in order for any width is of 256.
    x = layers.conv(layers.leaky_relu(x), 16, 4, 2)
    hidden = layers.quantize(layers.conv(layers.depthwise(layers.leaky_relu(x), 1), 16, 1))
    branch = layers.conv(layers.leaky_relu(hidden), 16, 1, groups=2)
    x = layers.quantize(layers.sum(layers.dequantize(branch), x))
    hidden = layers.conv(layers.depthwise(layers.leaky_relu(x), 3), 16, 1)
    x = layers.sum(layers.conv(layers.leaky_relu(hidden), 16, 1, groups=2), x)
    x = layers.conv(layers.leaky_relu(x), 32, 4, 2, groups=2)
    x = layers.conv(layers.leaky_relu(x), LATENT_DIM, 3)
    latents = layers.dequantize(layers.reshape(x, [1, 1, LATENT_DIM]))
    return writer.finish(network, [samples], [latents], "serving_default")


def decoder(random: np.random.Generator) -> bytes:
    """Quantized latents [1, 1, 8] -> samples [1, 16]."""
    writer = Writer()
    network = Network(writer, "main")
    layers = Layers(network, random)
    quantized = network.tensor([1, 1, LATENT_DIM])
    x = layers.conv(layers.reshape(quantized, [1, 1, 1, LATENT_DIM]), 32, 3, groups=4)
    halves = layers.split(layers.quantize(layers.leaky_relu(x)), 2)
    x = layers.concatenate([layers.transposed_conv(half, 8, 4, 2) for half in halves], -1)
    first = layers.quantize(layers.leaky_relu(x))
    hidden = layers.conv(layers.depthwise(first, 1), 16, 1)
    branch = layers.conv(layers.leaky_relu(hidden), 16, 1, groups=2)
    x = layers.sum(layers.dequantize(branch), x)
    x = layers.transposed_conv(layers.quantize(layers.leaky_relu(x)), 8, 4, 2)
    x = layers.transposed_conv(layers.leaky_relu(x), 1, 8, 4)
    return writer.finish(network, [quantized], [layers.reshape(x, [1, HOP_LENGTH])], "serving_default")


def quantizer(codebooks: Array) -> bytes:
    """Latents [1, 1, 8] -> tokens [6, 1], as a search behind a search."""
    writer = Writer()
    network = Network(writer, "encode")
    latents = network.tensor([1, 1, LATENT_DIM])
    last = network.constant(np.array(-1, np.int32))
    residual, tokens = latents, []
    for codebook in codebooks:
        squares = network.tensor([1, CODEBOOK_SIZE, LATENT_DIM])
        network.add("SQUARED_DIFFERENCE", [residual, network.constant(codebook[None])], [squares])
        distances = network.tensor([1, CODEBOOK_SIZE])
        network.add("SUM", [squares, last], [distances], schema.ReducerOptionsT(), OPTIONS.ReducerOptions)
        token = network.tensor([1], schema.TensorType.INT32)
        options = schema.ArgMinOptionsT()
        options.outputType = schema.TensorType.INT32
        network.add("ARG_MIN", [distances, last], [token], options, OPTIONS.ArgMinOptions)
        codeword = network.tensor([1, LATENT_DIM])
        network.add(
            "GATHER", [network.constant(codebook), token], [codeword], schema.GatherOptionsT(), OPTIONS.GatherOptions
        )
        rest = network.tensor([1, 1, LATENT_DIM])
        network.add("SUB", [residual, codeword], [rest], schema.SubOptionsT(), OPTIONS.SubOptions)
        residual = rest
        tokens.append(token)
    result = network.tensor([NUM_STAGES, 1], schema.TensorType.INT32)
    pack = schema.PackOptionsT()
    pack.valuesCount = NUM_STAGES
    network.add("PACK", tokens, [result], pack, OPTIONS.PackOptions)
    return writer.finish(network, [latents], [result], "encode")


def run(model: bytes, frames: Array) -> Array:
    """What LiteRT makes of frames, one after the other."""
    interpreter = Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    outputs = []
    for frame in frames:
        interpreter.set_tensor(source["index"], frame.reshape(source["shape"]))
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(target["index"]).reshape(-1).copy())
    return np.array(outputs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    out: pathlib.Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(SEED)
    files = {"encoder.tflite": encoder(random)}
    # Loud and silent stretches, so that 8-bit values reach their bounds too.
    level = np.repeat([1.0, 0.1, 0.0, 4.0], NUM_FRAMES // 4)[:, None]
    samples = (level * random.standard_normal([NUM_FRAMES, HOP_LENGTH])).astype(np.float32)
    latents = run(files["encoder.tflite"], samples)
    spread = latents.std() * 0.7 ** np.arange(NUM_STAGES)
    codebooks = (spread[:, None, None] * random.standard_normal([NUM_STAGES, CODEBOOK_SIZE, LATENT_DIM])).astype(
        np.float32
    )
    files["quantizer.tflite"] = quantizer(codebooks)
    tokens = run(files["quantizer.tflite"], latents)
    files["decoder.tflite"] = decoder(random)
    quantized = np.zeros([NUM_FRAMES, LATENT_DIM], np.float32)
    for stage in range(NUM_STAGES):
        quantized += codebooks[stage][tokens[:, stage]]
    decoded = run(files["decoder.tflite"], quantized)
    for name, content in files.items():
        (out / name).write_bytes(content)
    arrays = {"samples": samples, "latents": latents, "decoded": decoded}
    manifest = {
        "generator": "scripts/lyra-v2/make_vectors.py",
        "versions": {"ai-edge-litert": ai_edge_litert.__version__, "numpy": np.__version__},
        "seed": SEED,
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        "tokens": tokens.reshape(-1).tolist(),
        **{name: np.asarray(array, "<f4").reshape(-1).tolist() for name, array in arrays.items()},
    }
    (out / "manifest.json").write_text(json.dumps(manifest) + "\n")
    config = {
        "system": "lyra-v2",
        "name": "lyra-tiny",
        "sampleRate": 800,
        "hopLength": HOP_LENGTH,
        "frameRate": 50,
        "latentDim": LATENT_DIM,
        "files": {part: f"{part}.tflite" for part in ("encoder", "quantizer", "decoder")},
        "rvq": {"numCodebooks": NUM_STAGES, "codebookSize": CODEBOOK_SIZE, "codebookDim": LATENT_DIM},
    }
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    print(f"latents: rms {latents.std():.2f}, decoded: rms {decoded.std():.2f}")


if __name__ == "__main__":
    main()
