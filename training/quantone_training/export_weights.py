"""Run checkpoint -> the safetensors file that `loadCodec` takes: the moving average's weights and the codebooks.

`python -m quantone_training.export_weights --checkpoint RUN/checkpoint.pt --out WEIGHTS.safetensors`

With `--earlier CHECKPOINT --earlier-share 0.25` of the same run, a weighted mean of both.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file

from .codec import Codec
from .config import CodecConfig, config_hash
from .weights_file import Average, export, export_arguments, load_average

TRAINING_ONLY = ("rvq.usage", "rvq.sums")
"""Buffers of the codebooks' moving averages; decoding never reads them."""


def shipped_tensors(codec: Codec, network_type: torch.dtype, codebook_type: torch.dtype) -> dict[str, torch.Tensor]:
    """The tensors of a weights file, rounded to the storage types."""
    tensors: dict[str, torch.Tensor] = {}
    for name, tensor in codec.state_dict().items():
        if name not in TRAINING_ONLY:
            kind = codebook_type if name.startswith("rvq.") else network_type
            tensors[name] = tensor.detach().cpu().to(kind).contiguous()
    return tensors


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


def load_checkpoint(path: Path) -> Average[Codec, CodecConfig]:
    """The moving average of a run's checkpoint."""
    return load_average(path, CodecConfig, Codec)


@torch.no_grad()
def average_with(codec: Codec, other: Codec, share: float) -> None:
    """Move every number of `codec` towards that of `other` by a share from 0 to 1.

    Two states of one run lie close enough to average. Source: Izmailov et al. 2018 (Averaging Weights Leads to Wider
    Optima and Better Generalization).
    """
    others = other.state_dict()
    for name, tensor in codec.state_dict().items():
        tensor.lerp_(others[name], share)


def main(arguments: list[str] | None = None) -> None:
    parser = export_arguments(__doc__)
    parser.add_argument("--codebooks", choices=("float16", "float32"), default="float16")
    parser.add_argument("--earlier", type=Path, help="an earlier checkpoint of the same run, to average with")
    parser.add_argument("--earlier-share", type=float, default=0.25, help="from 0, the checkpoint alone, to 1")
    options = parser.parse_args(arguments)
    if not 0 <= options.earlier_share <= 1:
        parser.error(f"--earlier-share expected 0 to 1, got {options.earlier_share}")
    average = load_checkpoint(options.checkpoint)
    if options.earlier:
        earlier = load_checkpoint(options.earlier)
        if earlier.config != average.config:
            parser.error(f"--earlier expected a checkpoint of the same config as {options.checkpoint}")
        average_with(average.network, earlier.network, options.earlier_share)
    tensors = shipped_tensors(average.network, torch.float16, getattr(torch, options.codebooks))
    export(options.out, tensors, average)


if __name__ == "__main__":
    main()
