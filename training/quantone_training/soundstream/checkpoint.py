"""Files of weights that carry their config: `.safetensors` (as JSON in the metadata) or `.pt` (beside the tensors).

TypeScript reads both with `loadCodec("soundstream", { weights })`, and so does `load_checkpoint`.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from ..config import from_mapping, to_mapping
from ..weights_file import FILE_MODE
from .config import SoundstreamConfig
from .model import Soundstream

TRAINING_BUFFERS = ("rvq.usage", "rvq.sums")
"""What the moving averages need and nobody who only codes."""


def save_checkpoint(path: str | Path, model: Soundstream) -> None:
    """Write the config and the tensors that coding needs, by the name's ending."""
    tensors = {
        name: tensor.detach().contiguous()
        for name, tensor in model.state_dict().items()
        if name not in TRAINING_BUFFERS
    }
    config = {key: value for key, value in to_mapping(model.config).items() if value is not None}
    if Path(path).suffix == ".safetensors":
        save_file(tensors, path, metadata={"config": json.dumps(config)})
        Path(path).chmod(FILE_MODE)
    else:
        torch.save({"config": config, "weights": tensors}, path)


def load_checkpoint(path: str | Path) -> Soundstream:
    """Read what `save_checkpoint` wrote."""
    if Path(path).suffix == ".safetensors":
        with safe_open(path, framework="pt") as file:
            config = json.loads(file.metadata()["config"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    else:
        saved = torch.load(path, weights_only=True)
        config, tensors = saved["config"], saved["weights"]
    model = Soundstream(from_mapping(SoundstreamConfig, config))
    missing, unexpected = model.load_state_dict(tensors, strict=False)
    wrong = [name for name in missing if name not in TRAINING_BUFFERS] + unexpected
    if wrong:
        raise ValueError(f'"{path}" expected the tensors of its config, differs in {wrong}')
    return model.eval()
