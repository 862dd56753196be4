"""The config of a SoundStream: codecs/soundstream/config.json and the like, with the same words in snake_case."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

from ..config import RvqConfig, expect, from_mapping


@dataclass(frozen=True)
class SoundstreamConfig:
    """Everything that fixes the shapes of the tensors. `denoising` is the network that FiLM conditions, if one."""

    system: str
    sample_rate: int
    hop_length: int
    frame_rate: float
    latent_dim: int
    encoder_channels: int
    decoder_channels: int
    strides: tuple[int, ...]
    kernel_size: int
    latent_kernel_size: int
    residual_kernel_size: int
    dilations: tuple[int, ...]
    rvq: RvqConfig
    denoising: str | None = None

    def __post_init__(self) -> None:
        hop = math.prod(self.strides)
        expect("system", self.system == "soundstream", "soundstream", self.system)
        expect("hopLength", self.hop_length == hop, f"the product of the strides, {hop}", self.hop_length)
        expect("frameRate", self.frame_rate * hop == self.sample_rate, "sampleRate / hopLength", self.frame_rate)
        expect("rvq.codebookDim", self.rvq.codebook_dim == self.latent_dim, "latentDim", self.rvq.codebook_dim)
        expect("denoising", self.denoising in (None, "encoder", "decoder"), "encoder, decoder or null", self.denoising)


def load_soundstream_config(path: str | Path) -> SoundstreamConfig:
    """Read a `config.json`."""
    return from_mapping(SoundstreamConfig, json.loads(Path(path).read_text()))
