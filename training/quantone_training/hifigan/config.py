"""The vocoder's config: the JSON files of codecs/hifi-gan, shared by Python and TypeScript."""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import prod
from pathlib import Path

from ..config import expect, from_mapping


@dataclass(frozen=True)
class CompressionConfig:
    """The logarithm of what the mel filters give, floored; `scale` and `offset` behind it."""

    log: str
    floor: float
    scale: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True)
class MelFeaturesConfig:
    """Which log-mel goes in: the same words as `MelConfig` in src/features/mel-spectrogram.ts."""

    sample_rate: int
    fft_length: int
    window_length: int
    hop_length: int
    num_mels: int
    min_frequency_hz: float
    max_frequency_hz: float
    mel_scale: str
    norm: str
    power: int
    padding: str
    compression: CompressionConfig
    power_offset: float = 0.0


@dataclass(frozen=True)
class GeneratorConfig:
    """Sizes of the generator's layers: the same words as `GeneratorSizes` in src/graph/blocks/hifi-gan-generator.ts."""

    initial_channels: int
    upsample_rates: tuple[int, ...]
    upsample_kernel_sizes: tuple[int, ...]
    residual_kind: int
    residual_kernel_sizes: tuple[int, ...]
    residual_dilations: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class HifiganConfig:
    """One vocoder."""

    system: str
    name: str
    mel: MelFeaturesConfig
    generator: GeneratorConfig
    normalizes_features: bool = False

    def __post_init__(self) -> None:
        sizes, hop = self.generator, prod(self.generator.upsample_rates)
        expect("mel.hopLength", self.mel.hop_length == hop, f"the product of the rates, {hop}", self.mel.hop_length)
        for rate, size in zip(sizes.upsample_rates, sizes.upsample_kernel_sizes, strict=True):
            expect("generator.upsampleKernelSizes", size >= rate and (size - rate) % 2 == 0, f"{rate} + 2 * n", size)


def load_hifigan_config(path: str | Path) -> HifiganConfig:
    """Read one of the JSON files."""
    return from_mapping(HifiganConfig, json.loads(Path(path).read_text()))
