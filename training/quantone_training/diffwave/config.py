"""The vocoder's config: the JSON files of codecs/diffwave that take a mel, shared by Python and TypeScript."""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import prod
from pathlib import Path

from ..config import MelNormalizationConfig, expect, from_mapping
from ..hifigan.config import MelFeaturesConfig


@dataclass(frozen=True)
class NoiseScheduleConfig:
    """Variances of the noise that each step adds, evenly spaced."""

    first: float
    last: float
    num_steps: int


@dataclass(frozen=True)
class AdaptivePriorConfig:
    """The diffusion runs on the waveform over its level, which the mel tells; `prior.py` says how.

    scale: the level is so many times what the mel's bands add up to, at least `floor`; samples over it are clipped at
    `limit`.
    """

    scale: float
    floor: float
    limit: float

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            expect(f"adaptivePrior.{name}", value > 0, "a number above 0", value)


@dataclass(frozen=True)
class DiffwaveConfig:
    """One vocoder: the same words as `DiffwaveConfig` in codecs/diffwave/config.ts."""

    system: str
    name: str
    sample_rate: int
    conditioning: str
    mel: MelFeaturesConfig
    mel_normalization: MelNormalizationConfig
    upsampling: tuple[int, ...]
    num_layers: int
    channels: int
    dilation_cycle: int
    step_embedding_dim: int
    step_hidden_dim: int
    noise_schedule: NoiseScheduleConfig
    fast_schedule: tuple[float, ...]
    adaptive_prior: AdaptivePriorConfig | None = None

    def __post_init__(self) -> None:
        hop = prod(self.upsampling)
        expect("conditioning", self.conditioning == "mel", "mel", self.conditioning)
        expect(
            "mel.hopLength", self.mel.hop_length == hop, f"the product of the upsampling, {hop}", self.mel.hop_length
        )
        compression = self.mel.compression
        is_plain = (compression.log, compression.scale, compression.offset) == ("natural", 1, 0)
        if self.adaptive_prior is not None:
            expect("mel.compression", is_plain, "plain natural logarithms for an adaptive prior", compression)
            expect("mel.power", self.mel.power == 1, "1, magnitudes, for an adaptive prior", self.mel.power)
        expect("upsampling", all(stride % 2 == 0 for stride in self.upsampling), "even strides", self.upsampling)


def load_diffwave_config(path: str | Path) -> DiffwaveConfig:
    """Read one of the JSON files."""
    return from_mapping(DiffwaveConfig, json.loads(Path(path).read_text()))
