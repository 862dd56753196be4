"""Run checkpoint -> the safetensors file that `loadVocoder` takes: the moving average.

`python -m quantone_training.diffwave.export_weights --checkpoint RUN/checkpoint.pt --out diffwave-16k.safetensors`
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from ..config import from_mapping
from ..export_weights import FILE_MODE, revision
from .config import DiffwaveConfig
from .model import Denoiser


def load_checkpoint(path: Path) -> tuple[Denoiser, DiffwaveConfig, dict[str, int | float]]:
    """The moving average of a run's checkpoint, in evaluation mode, and how long it was trained."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    config = from_mapping(DiffwaveConfig, state["config"])
    denoiser = Denoiser(config).eval()
    denoiser.load_state_dict(state["ema"])
    return denoiser, config, {"steps": state["step"], "seconds": state["seconds"]}


def save_denoiser(path: Path, denoiser: Denoiser, name: str, extra: dict[str, str]) -> dict[str, torch.Tensor]:
    """Write the file in half precision; returns the tensors that are in it."""
    tensors = {key: value.detach().cpu().half().contiguous() for key, value in denoiser.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, {"format": "quantone", "name": name, "revision": revision(tensors), **extra})
    path.chmod(FILE_MODE)
    return tensors


def load_denoiser(path: Path, config: DiffwaveConfig) -> Denoiser:
    """A network in evaluation mode with a file's weights, in float32."""
    denoiser = Denoiser(config).eval()
    denoiser.load_state_dict({name: tensor.float() for name, tensor in load_file(path).items()})
    return denoiser


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    denoiser, config, trained = load_checkpoint(options.checkpoint)
    extra = {"steps": str(trained["steps"]), "trainedSeconds": str(round(trained["seconds"]))}
    tensors = save_denoiser(options.out, denoiser, config.name, extra)
    written = {"out": str(options.out), "bytes": options.out.stat().st_size, "revision": revision(tensors)}
    print(json.dumps({**written, **extra}))


if __name__ == "__main__":
    main()
