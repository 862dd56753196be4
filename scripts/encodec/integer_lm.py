"""The language model of `.ecdc` files in whole numbers, written a second time from docs/ecdc-integer.md.

It shares nothing with codecs/encodec/language-model/integer: where the two agree to the bit, the page says enough. Sums are
made with int64 and cut to 32 bits; the functions of the tables use Python's floats, operation by operation.
"""

from __future__ import annotations

import io
import json
import math
import struct
from typing import Any

import numpy as np
from encodec.quantization.ac import ArithmeticCoder

LN_10000 = 9.210340371976184
LN_2 = 0.6931471805599453
TWO_PI = 6.283185307179586
SQRT_TWO_PI = 2.5066282746310002
LOG2_E = 1512775

Array = np.ndarray[Any, Any]


def half_up(x: float) -> int:
    return math.floor(x + 0.5)


def exp(x: float) -> float:
    reduced, term, total, n = x / 1024, 1.0, 1.0, 1
    while abs(term) > 1e-20:
        term *= reduced / n
        total += term
        n += 1
    for _ in range(10):
        total *= total
    return total


def cosine(turns: float) -> float:
    angle = TWO_PI * (turns - 1 if turns > 0.5 else turns)
    term, total, n = 1.0, 1.0, 2
    while abs(term) > 1e-20:
        term *= (-angle * angle) / (n * (n - 1))
        total += term
        n += 2
    return total


def upper_tail(x: float) -> float:
    term = total = x
    n = 3
    while term > 1e-20:
        term *= (x * x) / n
        total += term
        n += 2
    return 0.5 - (total * exp((-x * x) / 2)) / SQRT_TWO_PI


POWERS = [half_up(2**28 * exp((-i / 1024) * LN_2)) for i in range(1024)]
GELU_LOSS = [half_up(i * upper_tail(i / 2048)) for i in range(6 * 2048)]
WAVE = [half_up(2048 * cosine(i / 8192)) for i in range(8192)]


def clamp(values: Array) -> Array:
    return np.clip(values, -32768, 32767)


def wrap(values: Array) -> Array:
    return (values + 2**31) % 2**32 - 2**31


def exponentials(values: Array, bits: int) -> list[int]:
    largest = int(values.max())
    out = []
    for value in values.tolist():
        power = (largest - value) * LOG2_E >> (bits + 10)
        octaves = power >> 10
        out.append(0 if octaves > 28 else POWERS[power & 1023] >> octaves)
    return out


class Linear:
    def __init__(self, weight: Array, bias: Array) -> None:
        weight, bias = weight.astype(np.float64), bias.astype(np.float64)
        inputs = weight.shape[1]
        square, largest = 0.0, float(np.abs(weight).max())
        for row in weight:
            total = 0.0
            for value in row.tolist():
                total += value * value
            square = max(square, total)
        bits = 20
        while bits > 2 and (square * 4**bits >= 4**20 / (64 * inputs) or largest * 2**bits >= 32767):
            bits -= 1
        self.bits = bits
        self.weight = clamp(np.floor(weight * 2**bits + 0.5)).astype(np.int64)
        self.bias = np.floor(bias * 2 ** (bits + 11) + 0.5).astype(np.int64)

    def sums(self, x: Array) -> Array:
        return wrap(self.weight @ x + self.bias)

    def __call__(self, x: Array) -> Array:
        return clamp(((self.sums(x) >> (self.bits - 1)) + 1) >> 1)


class Norm:
    def __init__(self, gain: Array, bias: Array, bits: int) -> None:
        self.gain = np.floor(gain.astype(np.float64) * 2**12 + 0.5).astype(np.int64)
        self.bias = np.floor(bias.astype(np.float64) * 2**24 + 0.5).astype(np.int64)
        self.epsilon = half_up(1e-5 * 4 ** (bits + 4))

    def __call__(self, values: Array) -> Array:
        count = len(values)
        distance = values * 16 - int(values.sum()) * 16 // count
        deviation = max(1, math.isqrt(int((distance**2).sum()) // count + self.epsilon))
        normal = distance * 2**12 // deviation
        return clamp((normal * self.gain + self.bias + 2**12) >> 13)


class Attention:
    def __init__(self, heads: int, context: int, dim: int) -> None:
        self.heads, self.context = heads, context
        self.keys = [np.zeros(dim, np.int64)]
        self.values = [np.zeros(dim, np.int64)]

    def __call__(self, query: Array, key: Array, value: Array) -> Array:
        self.keys = [*self.keys, key][-self.context - 1 :]
        self.values = [*self.values, value][-self.context - 1 :]
        out = []
        for part in np.split(np.arange(len(query)), self.heads):
            scores = wrap(np.stack(self.keys)[:, part] @ query[part])
            e = exponentials(scores, 22)
            total = sum(e)
            shares = np.array([min(32767, (value * 2**16 + total) // (2 * total)) for value in e])
            sums = wrap(shares @ np.stack(self.values)[:, part])
            out.append(clamp(((sums >> 14) + 1) >> 1))
        return np.concatenate(out)


class IntegerLm:
    """One segment; `next` gives the ends of ranges [K, N]."""

    def __init__(self, weights: dict[str, Array], config: dict[str, int], codebooks: int) -> None:
        self.config = config
        dim, heads = config["dim"], config["numHeads"]
        tables = [weights[f"emb.{k}.weight"].astype(np.float64) for k in range(codebooks)]
        largest = max(float(np.abs(table).max()) for table in tables)
        bits = next(b for b in range(24, -1, -1) if b == 0 or largest * 2**b < 4096)
        self.tables = [np.floor(table * 2**bits + 0.5).astype(np.int64) for table in tables]
        norm = "transformer.norm_in"
        self.norm_in = Norm(weights[f"{norm}.weight"], weights[f"{norm}.bias"], bits)
        self.layers = [self.layer(weights, f"transformer.layers.{n}", dim, heads) for n in range(config["numLayers"])]
        self.heads = [Linear(weights[f"linears.{k}.weight"], weights[f"linears.{k}.bias"]) for k in range(codebooks)]
        half = dim // 2
        self.steps = [half_up((2**40 / TWO_PI) * exp((-i / (half - 1)) * LN_10000)) for i in range(half)]
        self.phases = [0] * half

    def layer(self, weights: dict[str, Array], path: str, dim: int, heads: int) -> dict[str, Any]:
        projections = np.split(weights[f"{path}.self_attn.in_proj_weight"], 3)
        biases = np.split(weights[f"{path}.self_attn.in_proj_bias"], 3)
        factor = 1 / math.sqrt(dim // heads)
        query = [(part.astype(np.float64) * factor).astype(np.float32) for part in (projections[0], biases[0])]
        output = weights[f"{path}.self_attn.out_proj.weight"]
        bias = weights[f"{path}.self_attn.out_proj.bias"].astype(np.float64)
        for row in range(dim):
            for column in range(dim):
                bias[row] += float(biases[2][column]) * float(output[row, column])
        zeros = np.zeros(dim)

        def take(name: str) -> tuple[Array, Array]:
            return weights[f"{path}.{name}.weight"], weights[f"{path}.{name}.bias"]

        return {
            "query": Linear(*query),
            "key": Linear(projections[1], zeros),
            "value": Linear(projections[2], zeros),
            "attention": Attention(heads, self.config["contextFrames"], dim),
            "output": Linear(output, bias.astype(np.float32)),
            "norm1": Norm(*take("norm1"), 11),
            "widen": Linear(*take("linear1")),
            "narrow": Linear(*take("linear2")),
            "norm2": Norm(*take("norm2"), 11),
        }

    def next(self, previous: Array | None) -> list[list[int]]:
        rows = [0] * len(self.tables) if previous is None else [int(code) + 1 for code in previous]
        x = self.norm_in(sum(table[row] for table, row in zip(self.tables, rows, strict=True)))
        index = [half_up(phase / 2**27) for phase in self.phases]
        waves = [WAVE[i % 8192] for i in index] + [WAVE[(i - 2048) % 8192] for i in index]
        x = clamp(x + np.array(waves))
        self.phases = [(phase + step) % 2**40 for phase, step in zip(self.phases, self.steps, strict=True)]
        for layer in self.layers:
            mixed = layer["attention"](layer["query"](x), layer["key"](x), layer["value"](x))
            x = layer["norm1"](x + layer["output"](mixed))
            hidden = layer["widen"](x)
            loss = np.array([GELU_LOSS[abs(v)] if abs(v) < len(GELU_LOSS) else 0 for v in hidden.tolist()])
            x = layer["norm2"](x + layer["narrow"](np.maximum(hidden, 0) - loss))
        ends = []
        for head in self.heads:
            e = exponentials(head.sums(x), head.bits + 11)
            shared, total = 2**24 - 2 * len(e), sum(e)
            ends.append(np.cumsum([2 + value * shared // total for value in e]).tolist())
        return ends


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


class Exact(list[int]):
    """Ends of ranges as upstream's coder asks for them, whose `item` is the number itself."""

    def __getitem__(self, index: Any) -> Any:
        return np.int64(super().__getitem__(index))


def integer_file(header: dict[str, Any], codes: Array, lm: IntegerLm) -> bytes:
    """A file of version 1 with one segment of codes [F, K]."""
    text = json.dumps(header).encode()
    file = io.BytesIO(struct.pack("!4sBI", b"ECDC", 1, len(text)) + text)
    file.seek(0, io.SEEK_END)
    coder = ArithmeticCoder(file)
    previous = None
    for frame in codes:
        for code, ends in zip(frame.tolist(), lm.next(previous), strict=True):
            coder.push(code, Exact(ends))  # type: ignore[arg-type]
        previous = frame
    coder.flush()
    return file.getvalue() + struct.pack("!I", crc32c(file.getvalue()))
