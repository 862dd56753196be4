"""Run checkpoint -> the safetensors file that ships: the moving average's weights and the codebooks, with metadata.

`python -m quantone_training.export_weights --checkpoint RUN/checkpoint.pt --out WEIGHTS.safetensors`
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from .codec import Codec
from .config import CodecConfig, config_hash, from_mapping, load_codec_config

TRAINING_ONLY = ("rvq.usage", "rvq.sums")
"""Buffers of the codebooks' moving averages; decoding never reads them."""

FILE_MODE = 0o644
"""safetensors writes files that only their owner can read."""


def shipped_tensors(codec: Codec, network_type: torch.dtype, codebook_type: torch.dtype) -> dict[str, torch.Tensor]:
    """The tensors of a weights file, rounded to the storage types."""
    tensors: dict[str, torch.Tensor] = {}
    for name, tensor in codec.state_dict().items():
        if name not in TRAINING_ONLY:
            kind = codebook_type if name.startswith("rvq.") else network_type
            tensors[name] = tensor.detach().cpu().to(kind).contiguous()
    return tensors


def revision(tensors: dict[str, torch.Tensor]) -> str:
    """First 12 hex digits of the SHA-256 over names and bytes of all tensors, in the order of their names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].numpy().tobytes())
    return digest.hexdigest()[:12]


def save_weights(path: Path, tensors: dict[str, torch.Tensor], config: CodecConfig, extra: dict[str, str]) -> None:
    """Write the file with name, revision and config hash in its metadata."""
    metadata = {"format": "quantone", "name": config.name, "configHash": config_hash(config)}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, {**metadata, "revision": revision(tensors), **extra})
    path.chmod(FILE_MODE)


def load_weights(path: Path, config: CodecConfig) -> Codec:
    """A codec in evaluation mode with the file's weights, in float32.

    Raises
    ------
    ValueError
        When the file was written for another config, or its tensors do not match the codec's.
    """
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata() or {}
    if metadata.get("configHash") != config_hash(config):
        raise ValueError(f'"{path}" expected config hash {config_hash(config)}, got {metadata.get("configHash")}')
    codec = Codec(config).eval()
    tensors = {name: tensor.float() for name, tensor in load_file(path).items()}
    missing, unexpected = codec.load_state_dict(tensors, strict=False)
    if unexpected or set(missing) != set(TRAINING_ONLY):
        raise ValueError(f'"{path}" expected the tensors of {config.name}, got missing {missing}, unknown {unexpected}')
    return codec


def load_checkpoint(path: Path) -> tuple[Codec, dict[str, int | float]]:
    """The moving average of a run's checkpoint, in evaluation mode, and how long it was trained."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    codec = Codec(from_mapping(CodecConfig, state["config"])).eval()
    codec.load_state_dict(state["ema"])
    return codec, {"steps": state["step"], "seconds": state["seconds"]}


def main(arguments: list[str] | None = None) -> None:
    root = Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--config", type=Path, default=root / "codecs/speech-16k/config.json")
    parser.add_argument("--out", type=Path, default=root / "codecs/speech-16k/weights/speech-16k.safetensors")
    parser.add_argument("--codebooks", choices=("float16", "float32"), default="float16")
    options = parser.parse_args(arguments)
    codec, trained = load_checkpoint(options.checkpoint)
    config = load_codec_config(options.config)
    if config != codec.config:
        parser.error(f"{options.checkpoint} was trained with another config than {options.config}")
    tensors = shipped_tensors(codec, torch.float16, getattr(torch, options.codebooks))
    extra = {"steps": str(trained["steps"]), "trainedSeconds": str(round(trained["seconds"]))}
    save_weights(options.out, tensors, config, extra)
    written = {"out": str(options.out), "bytes": options.out.stat().st_size, "revision": revision(tensors)}
    print(json.dumps({**written, **extra}))


if __name__ == "__main__":
    main()
