"""Settings of a HiFi-GAN run, read from TOML."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from ..config import from_mapping


@dataclass(frozen=True)
class HifiganSettings:
    """One run. Steps count optimizer steps of the generator."""

    seed: int
    batch_size: int
    crop_frames: int
    learning_rate: float
    final_learning_rate: float
    warmup_steps: int
    clip_norm: float
    ema_decay: float
    period_width: float
    """Fraction of the published channels of the period discriminators."""
    scale_width: float
    """The same for the scale discriminators, whose wide strided kernels take most of a CPU's time."""
    judged_frames: int
    """The discriminators hear a random stretch of each crop, of so many frames."""
    discriminator_start_step: int
    """Until this step the generator learns from the mel loss alone, which is cheaper and comes first anyway."""
    mel_weight: float = 45.0
    feature_weight: float = 2.0
    adversarial_weight: float = 1.0


def load_hifigan_settings(path: Path) -> HifiganSettings:
    """Read one TOML file."""
    return from_mapping(HifiganSettings, tomllib.loads(path.read_text()), "settings")
