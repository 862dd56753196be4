"""Settings of a HiFi-GAN run, read from TOML."""

from __future__ import annotations

from dataclasses import dataclass

from ..settings import RunSettings


@dataclass(frozen=True, kw_only=True)
class AdversarialRunSettings(RunSettings):
    """A run whose generator learns from HiFi-GAN's discriminators. Steps count optimizer steps of the generator."""

    period_width: float
    """Fraction of the published channels of the period discriminators."""
    scale_width: float
    """The same for the scale discriminators, whose wide strided kernels take most of a CPU's time."""
    judged_frames: int
    """The discriminators hear a random stretch of each crop, of so many frames."""
    discriminator_start_step: int
    """Until this step the generator learns without them, which is cheaper and comes first anyway."""
    mel_weight: float = 45.0
    feature_weight: float = 2.0
    adversarial_weight: float = 1.0


@dataclass(frozen=True, kw_only=True)
class HifiganSettings(AdversarialRunSettings):
    """One run."""

    crop_frames: int
