"""A checkpoint's moving average -> the safetensors file that ships, with its name and revision in the metadata."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from safetensors.torch import load_file, save_file

from .config import config_hash, from_mapping

FILE_MODE = 0o644
"""safetensors writes files that only their owner can read."""

Network = TypeVar("Network", bound=torch.nn.Module)
Config = TypeVar("Config")


@dataclass(frozen=True)
class Average(Generic[Network, Config]):
    """The moving average of a run, in evaluation mode, and how long it was trained."""

    network: Network
    config: Config
    steps: int
    seconds: float

    @property
    def metadata(self) -> dict[str, str]:
        return {"steps": str(self.steps), "trainedSeconds": str(round(self.seconds))}


def load_average(checkpoint: Path, kind: type[Config], build: Callable[[Config], Network]) -> Average[Network, Config]:
    """Read a run's checkpoint, whose config is of the given dataclass."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    config = from_mapping(kind, state["config"], f"config in {checkpoint}")
    network = build(config).eval()
    network.load_state_dict(state["ema"])
    return Average(network, config, state["step"], state["seconds"])


def half_precision(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Every tensor of the network, rounded to float16."""
    return {name: tensor.detach().cpu().half().contiguous() for name, tensor in network.state_dict().items()}


def revision(tensors: dict[str, torch.Tensor]) -> str:
    """First 12 hex digits of the SHA-256 over names and bytes of all tensors, in the order of their names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].numpy().tobytes())
    return digest.hexdigest()[:12]


def save_weights(path: Path, tensors: dict[str, torch.Tensor], config: Any, extra: dict[str, str]) -> None:
    """Write the file with the config's name and hash, the revision, and whatever else belongs in its metadata."""
    metadata = {"format": "quantone", "name": config.name, "configHash": config_hash(config)}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, {**metadata, "revision": revision(tensors), **extra})
    path.chmod(FILE_MODE)


def read_weights(path: Path, network: Network) -> Network:
    """The network in evaluation mode with a file's weights, in float32."""
    network.load_state_dict({name: tensor.float() for name, tensor in load_file(path).items()})
    return network.eval()


def export_arguments(description: str | None) -> argparse.ArgumentParser:
    """The arguments of every export, before one adds its own; the first line of the docstring is shown."""
    parser = argparse.ArgumentParser(description=(description or "").split("\n")[0])
    parser.add_argument("--checkpoint", type=Path, required=True, help="checkpoint.pt of a run")
    parser.add_argument("--out", type=Path, required=True, help="the .safetensors file to write")
    return parser


def export(path: Path, tensors: dict[str, torch.Tensor], average: Average[Any, Any]) -> None:
    """Write what a run came to, and print what was written as a line of JSON."""
    save_weights(path, tensors, average.config, average.metadata)
    written = {"out": str(path), "bytes": path.stat().st_size, "revision": revision(tensors)}
    print(json.dumps({**written, **average.metadata}))


def export_half(
    description: str | None, load: Callable[[Path], Average[Any, Any]], arguments: list[str] | None
) -> None:
    """The command of networks that ship as they are, in half precision."""
    options = export_arguments(description).parse_args(arguments)
    average = load(options.checkpoint)
    export(options.out, half_precision(average.network), average)
