"""Writes test/golden/checkpoints: small files of torch.save, safetensors and ONNX, and the values in them.

Run `python training/make_checkpoint_vectors.py` with torch 2.13.0, safetensors 0.8.0, onnx 1.23.2, ai-edge-litert 2.3.0
and flatbuffers 25.12.19.
Every value is exact in float32, or rounded here the way that readers must round it. The legacy files differ at each
run in the names of their storages, which are addresses.
"""

import argparse
import collections
import json
from pathlib import Path

import flatbuffers
import numpy as np
import onnx
import torch
from ai_edge_litert import schema_py_generated as schema
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils import parametrizations

OUT = Path(__file__).resolve().parent.parent / "test" / "golden" / "checkpoints"

DTYPES = {
    "f32": torch.float32,
    "f16": torch.float16,
    "bf16": torch.bfloat16,
    "f64": torch.float64,
    "i64": torch.int64,
    "i32": torch.int32,
    "i16": torch.int16,
    "i8": torch.int8,
    "u8": torch.uint8,
    "bool": torch.bool,
}
# These have no storage class of their own and are written through another function of torch.
NEWER_DTYPES = {"u16": torch.uint16, "u32": torch.uint32, "u64": torch.uint64}


def every_dtype(newer: bool) -> dict[str, torch.Tensor]:
    """One tensor of each type with the extremes that it has, one scalar, one without elements."""
    tensors = {}
    for name, dtype in {**DTYPES, **(NEWER_DTYPES if newer else {})}.items():
        values = torch.tensor([[0, 1, 2], [3, 100, 127]], dtype=torch.float64)
        if dtype.is_floating_point:
            info = torch.finfo(dtype)
            values = torch.tensor(
                [[0.1, -1.5, info.max], [info.smallest_normal, float("inf"), -0.0]], dtype=torch.float64
            )
        elif dtype.is_signed:
            values = -values
        tensors[name] = values.to(dtype)
    tensors["scalar"] = torch.tensor(2.5)
    tensors["empty"] = torch.zeros(0, 3)
    return tensors


def windows() -> dict[str, torch.Tensor]:
    """Tensors that share one storage in every way that windows can."""
    base = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
    return {
        "base": base,
        "transposed": base.permute(2, 0, 1),
        "sliced": base[:, 1:, ::2],
        "one": base[1, 2, 3],
        "expanded": base[:1, :, :1].expand(5, 3, 2),
        "tied": base,
        "column": base.half()[:, :, 1],
    }


def normed_modules(parametrized: bool) -> nn.ModuleDict:
    """Weight norm over each axis that is met: convolutions, transposed ones, an LSTM, a scalar magnitude."""
    norm = parametrizations.weight_norm if parametrized else torch.nn.utils.weight_norm
    modules = nn.ModuleDict(
        {
            "conv": norm(nn.Conv1d(3, 4, 5)),
            "transposed": norm(nn.ConvTranspose1d(3, 2, 4), dim=1),
            "linear": norm(nn.Linear(6, 2), dim=0),
            "whole": norm(nn.Linear(3, 2, bias=False), dim=None),
            "plain": nn.Linear(2, 2),
            "lstm": norm(nn.LSTM(2, 3), name="weight_hh_l0"),
        }
    )
    with torch.no_grad():
        for parameter in modules.parameters():
            parameter.mul_(1.5)
    return modules


def folded(modules: nn.ModuleDict, parametrized: bool) -> dict[str, torch.Tensor]:
    """The weights as the modules use them: computed in double precision, rounded once."""
    state = {name: tensor.double() for name, tensor in modules.state_dict().items()}
    result = {}
    for name, tensor in state.items():
        if parametrized and name.endswith(".original0"):
            prefix, parameter, _ = name.replace(".parametrizations", "").rsplit(".", 2)
            base, direction = f"{prefix}.{parameter}", state[name[:-1] + "1"]
        elif not parametrized and name.endswith("_g"):
            base, direction = name[:-2], state[name[:-1] + "v"]
        elif name.endswith(("_v", ".original1")):
            continue
        else:
            result[name] = tensor.float()
            continue
        axes = [axis for axis in range(direction.ndim) if tensor.ndim == 0 or tensor.shape[axis] == 1]
        result[base] = (tensor * direction / direction.square().sum(axes, keepdim=True).sqrt()).float()
    return result


def check_folded(modules: nn.ModuleDict, expected: dict[str, torch.Tensor]) -> None:
    """The rule above is that of the modules: recomputed weights of torch agree to float32's last digits."""
    inputs = {"conv": (1, 3, 9), "transposed": (1, 3, 9), "linear": (1, 6), "whole": (1, 3)}
    for name, shape in inputs.items():
        # The old form computes its weight only when the module runs.
        modules[name](torch.zeros(shape))
        torch.testing.assert_close(modules[name].weight.detach(), expected[f"{name}.weight"], rtol=1e-6, atol=1e-7)


class Opaque:
    """Stands for a class of somebody's training code that is not installed where the file is read."""

    def __init__(self) -> None:
        self.note = "kept as data"


def training_checkpoint() -> tuple[dict, dict[str, torch.Tensor]]:
    """What a training script saves: weights beside an optimizer, settings, an average, history."""
    model = nn.Sequential(collections.OrderedDict(conv=nn.Conv1d(2, 3, 3), norm=nn.BatchNorm1d(3)))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    model(torch.randn(2, 2, 8)).square().sum().backward()
    optimizer.step()
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    checkpoint = {
        "best_state": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "epoch": 17,
        "steps": 2**40 + 1,
        "best_loss": 0.125,
        "history": [{"loss": 0.5, "valid": None}, {"loss": 0.25, "valid": True}],
        "args": argparse.Namespace(lr=1e-3, strides=[8, 5, 4, 2], name="größer", device=torch.device("cpu")),
        "shape": torch.Size([2, 3]),
        "settings": collections.OrderedDict(kwargs={"strides": (2, 4), "rate": 44100}),
        "random": torch.get_rng_state()[:16].clone(),
        "numpy": np.float64(1.5),
        "opaque": Opaque(),
        "dtype": torch.float16,
    }
    return checkpoint, state


def parameters() -> dict[str, torch.Tensor]:
    """Parameters, which are written through another call than tensors."""
    return {
        "weight": nn.Parameter(torch.tensor([1.0, -2.0])),
        "frozen": nn.Parameter(torch.tensor([3.0]), requires_grad=False),
    }


def save_onnx(path: Path) -> dict[str, torch.Tensor]:
    """A model with weights in every way that ONNX stores them."""
    values = np.array([[0.5, -1.25, 3.0]], dtype=np.float32)
    listed = {
        "float_data": (onnx.TensorProto.FLOAT, values),
        "double_data": (onnx.TensorProto.DOUBLE, values.astype(np.float64)),
        "int64_data": (onnx.TensorProto.INT64, np.array([[-1, 2**20, 7]])),
        "int32_data": (onnx.TensorProto.INT8, np.array([[-128, 0, 127]])),
        "half_data": (onnx.TensorProto.FLOAT16, values.astype(np.float16)),
    }
    tensors = [onnx.helper.make_tensor(name, kind, [1, 3], data.reshape(-1)) for name, (kind, data) in listed.items()]
    expected = {name: torch.from_numpy(data) for name, (_, data) in listed.items()}
    for dtype in (np.float32, np.float16, np.float64, np.int32, np.uint8):
        name = f"raw_{np.dtype(dtype).name}"
        expected[name] = torch.from_numpy(np.abs(values).astype(dtype))
        tensors.append(onnx.numpy_helper.from_array(expected[name].numpy(), name))
    expected["constant"] = torch.tensor([2.0, 4.0])
    value = onnx.numpy_helper.from_array(expected["constant"].numpy())
    nodes = [
        onnx.helper.make_node("Constant", [], ["constant"], value=value),
        onnx.helper.make_node("Identity", ["constant"], ["y"]),
    ]
    outputs = [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [2])]
    model = onnx.helper.make_model(onnx.helper.make_graph(nodes, "weights", [], outputs, tensors), ir_version=8)
    onnx.helper.set_model_props(model, {"author": "training"})
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return expected


def save_tflite(path: Path) -> dict[str, torch.Tensor]:
    """A model of one convolution: float, half and whole numbers, with one scale and with one for each channel."""
    stored = np.arange(-6, 6, dtype=np.int8).reshape(2, 1, 2, 3)
    scales = np.array([0.1, 0.3, 0.7], dtype=np.float32)
    float_type, half_type, int8_type = schema.TensorType.FLOAT32, schema.TensorType.FLOAT16, schema.TensorType.INT8
    uint8_type = schema.TensorType.UINT8
    items = [
        ("input", float_type, np.zeros((1, 1, 2, 3), np.float32), None, False),
        ("float", float_type, np.array([0.5, -2.0], np.float32), None, True),
        ("half", half_type, np.array([0.5, -2.0], np.float16), None, True),
        ("channels", int8_type, stored, (scales, np.array([0, 1, -2]), 3), True),
        ("whole", uint8_type, np.arange(4, dtype=np.uint8), (scales[:1], np.array([128]), 0), True),
    ]
    model = schema.ModelT(
        version=3, description="made by hand", buffers=[schema.BufferT()], operatorCodes=[], subgraphs=[]
    )
    graph = schema.SubGraphT(tensors=[], operators=[], inputs=[0], outputs=[0], name="main")
    expected = {}
    for name, kind, data, quantization, is_constant in items:
        tensor = schema.TensorT(name=name, type=kind, shape=list(data.shape), buffer=0)
        if is_constant:
            tensor.buffer = len(model.buffers)
            model.buffers.append(schema.BufferT(data=list(data.tobytes())))
            expected[name] = torch.from_numpy(data)
        if quantization is not None:
            scale, zero_point, axis = quantization
            tensor.quantization = schema.QuantizationParametersT(
                scale=scale.tolist(), zeroPoint=zero_point.tolist(), quantizedDimension=axis
            )
            real = data.astype(np.float32) - zero_point.astype(np.float32)
            expected[name] = torch.from_numpy(real * scale)
        graph.tensors.append(tensor)
    options = schema.Conv2DOptionsT(padding=1, strideW=2, strideH=3, fusedActivationFunction=1)
    kind = schema.BuiltinOptions.Conv2DOptions
    model.operatorCodes.append(schema.OperatorCodeT(builtinCode=3, deprecatedBuiltinCode=3))
    operator = schema.OperatorT(inputs=[0, 3, -1], outputs=[0], builtinOptionsType=kind, builtinOptions=options)
    graph.operators.append(operator)
    model.subgraphs.append(graph)
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return expected


def described(tensor: torch.Tensor) -> dict:
    """A tensor for the manifest: JSON has no infinities, so numbers are their bits in float32."""
    values = np.asarray(tensor.detach().double().numpy() if tensor.is_floating_point() else tensor.numpy())
    with np.errstate(over="ignore"):
        values = values.astype(np.float32)
    return {"shape": list(tensor.shape), "bits": np.ascontiguousarray(values).reshape(-1).view(np.uint32).tolist()}


def main() -> None:
    torch.manual_seed(20)
    OUT.mkdir(parents=True, exist_ok=True)
    files = {}

    def save(name: str, value: object, expected: dict[str, torch.Tensor], **fields: object) -> None:
        for form, is_zip in (("zip", True), ("legacy", False)):
            if not is_zip and fields.get("zip_only"):
                continue
            torch.save(value, OUT / f"{name}-{form}.pt", _use_new_zipfile_serialization=is_zip)
            entry = {key: field for key, field in fields.items() if key != "zip_only"}
            files[f"{name}-{form}.pt"] = {
                "format": f"torch-{form}",
                **entry,
                "tensors": {key: described(item) for key, item in expected.items()},
            }

    save("dtypes", every_dtype(False), every_dtype(False))
    save("newer-dtypes", every_dtype(True), every_dtype(True), zip_only=True)
    save("windows", windows(), windows())
    save("parameters", parameters(), parameters())
    for name, parametrized in (("weight-norm", False), ("parametrized", True)):
        modules = normed_modules(parametrized)
        expected = folded(modules, parametrized)
        check_folded(modules, expected)
        save(name, modules.state_dict(), expected)
    checkpoint, expected = training_checkpoint()
    save("training", checkpoint, expected, select=["best_state"])
    gan = {"generator": {"w": torch.ones(2)}, "discriminator": {"w": torch.zeros(2)}}
    save("gan", gan, gan["generator"], select=["generator"])

    save_file(every_dtype(True), OUT / "dtypes.safetensors", metadata={"author": "training"})
    others = {
        "dtypes.safetensors": ("safetensors", every_dtype(True)),
        "weights.onnx": ("onnx", save_onnx(OUT / "weights.onnx")),
        "weights.tflite": ("tflite", save_tflite(OUT / "weights.tflite")),
    }
    for name, (form, expected) in others.items():
        files[name] = {"format": form, "tensors": {key: described(item) for key, item in expected.items()}}

    manifest = {"torch": torch.__version__, "numpy": np.__version__, "files": files}
    (OUT / "manifest.json").write_text(json.dumps(manifest, separators=(",", ":")) + "\n")
    print(sum(path.stat().st_size for path in OUT.iterdir()), "bytes in", len(files), "files")


if __name__ == "__main__":
    main()
