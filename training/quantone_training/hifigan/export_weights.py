"""Run checkpoint -> the safetensors file that `loadVocoder` takes: the moving average with weight norm folded.

`python -m quantone_training.hifigan.export_weights --checkpoint RUN/checkpoint.pt --out hifigan-16k.safetensors`
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from ..config import from_mapping
from ..export_weights import FILE_MODE, revision
from .config import HifiganConfig
from .generator import Generator


def load_checkpoint(path: Path) -> tuple[Generator, HifiganConfig, dict[str, int | float]]:
    """The moving average of a run's checkpoint, in evaluation mode, and how long it was trained."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    config = from_mapping(HifiganConfig, state["config"])
    generator = Generator(config.generator, config.mel.num_mels).eval()
    generator.load_state_dict(state["ema"])
    return generator, config, {"steps": state["step"], "seconds": state["seconds"]}


def save_generator(path: Path, generator: Generator, name: str, extra: dict[str, str]) -> dict[str, torch.Tensor]:
    """Write the file in half precision; returns the tensors that are in it. Folds the generator's weight norm."""
    generator.fold_weight_norm()
    tensors = {key: value.detach().cpu().half().contiguous() for key, value in generator.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, {"format": "quantone", "name": name, "revision": revision(tensors), **extra})
    path.chmod(FILE_MODE)
    return tensors


def load_generator(path: Path, config: HifiganConfig) -> Generator:
    """A generator in evaluation mode with a file's weights, in float32."""
    generator = Generator(config.generator, config.mel.num_mels).eval().fold_weight_norm()
    generator.load_state_dict({name: tensor.float() for name, tensor in load_file(path).items()})
    return generator


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    generator, config, trained = load_checkpoint(options.checkpoint)
    extra = {"steps": str(trained["steps"]), "trainedSeconds": str(round(trained["seconds"]))}
    tensors = save_generator(options.out, generator, config.name, extra)
    written = {"out": str(options.out), "bytes": options.out.stat().st_size, "revision": revision(tensors)}
    print(json.dumps({**written, **extra}))


if __name__ == "__main__":
    main()
