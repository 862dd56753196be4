"""Run checkpoint -> a folder as Hugging Face publishes VITS models, which `loadSpeechModel` takes.

`python -m quantone_training.vits.export_weights --checkpoint RUN/checkpoint.pt --out FOLDER`

The posterior encoder, which speaking does not need, stays behind.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from ..weights_file import FILE_MODE, Average, load_average, revision
from .config import VitsConfig, published_config
from .model import Vits
from .text import num_symbols

PUBLISHED_NAMES = (
    (r"^text_encoder\.layers\.", "text_encoder.encoder.layers."),
    (r"^decoder\.ups\.", "decoder.upsampler."),
)
WAVENET_KERNEL = re.compile(r"\.wavenet\..*\.weight$")
TRAINING_ONLY = re.compile(r"^posterior_encoder\.|^_extra_state$")
TOKENIZER = {
    "tokenizer_class": "VitsTokenizer",
    "add_blank": False,
    "normalize": False,
    "phonemize": True,
    "is_uroman": False,
    "language": "eng",
    "pad_token": "_",
    "unk_token": "_",
}
"""Rules of the text, as transformers writes them. What is no symbol is left out here, and is a blank there."""


def load_checkpoint(path: Path) -> Average[Vits, VitsConfig]:
    """The moving average of a run's checkpoint."""
    vocabulary = torch.load(path, map_location="cpu", weights_only=True)["ema"]["_extra_state"]
    return load_average(path, VitsConfig, lambda config: Vits(config, vocabulary))


def published_tensors(model: Vits) -> dict[str, torch.Tensor]:
    """Tensors in half precision under their published names."""
    tensors: dict[str, torch.Tensor] = {}
    for name, tensor in model.state_dict().items():
        if TRAINING_ONLY.search(name):
            continue
        for pattern, replacement in PUBLISHED_NAMES:
            name = re.sub(pattern, replacement, name)
        tensors |= _weight_norm_factors(name, tensor) if WAVENET_KERNEL.search(name) else {name: tensor}
    return {name: tensor.detach().cpu().half().contiguous() for name, tensor in tensors.items()}


def _weight_norm_factors(name: str, kernel: torch.Tensor) -> dict[str, torch.Tensor]:
    """A kernel's lengths and directions, which is how transformers' WaveNet has it."""
    lengths = kernel.flatten(1).norm(dim=1).view(-1, 1, 1)
    factors = name.replace(".weight", ".parametrizations.weight.original")
    return {f"{factors}0": lengths, f"{factors}1": kernel}


def save_folder(folder: Path, model: Vits, extra: dict[str, str]) -> dict[str, torch.Tensor]:
    """Write weights, config, vocabulary and the rules of the text; returns the tensors."""
    tensors = published_tensors(model)
    folder.mkdir(parents=True, exist_ok=True)
    # transformers refuses files that do not say that they are PyTorch's.
    save_file(tensors, folder / "model.safetensors", {"format": "pt", "revision": revision(tensors), **extra})
    sizes = {"vocab_size": num_symbols(model.vocabulary), "architectures": ["VitsModel"]}
    files: dict[str, dict[str, Any]] = {
        "config.json": {**published_config(model.config), **sizes},
        "vocab.json": model.vocabulary,
        "tokenizer_config.json": TOKENIZER,
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n")
    for path in folder.iterdir():
        path.chmod(FILE_MODE)
    return tensors


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--checkpoint", type=Path, required=True, help="checkpoint.pt of a run")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write")
    options = parser.parse_args(arguments)
    average = load_checkpoint(options.checkpoint)
    tensors = save_folder(options.out, average.network, average.metadata)
    size = (options.out / "model.safetensors").stat().st_size
    print(json.dumps({"out": str(options.out), "bytes": size, "revision": revision(tensors), **average.metadata}))


if __name__ == "__main__":
    main()
