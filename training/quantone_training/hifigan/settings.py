"""Settings of a HiFi-GAN run, read from TOML."""

from __future__ import annotations

from dataclasses import dataclass

import torch

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
    multi_resolution_weight: float = 0.0
    loudness_weight: float = 0.0
    """The codec's two losses on mels of six windows (`quantone_training/losses.py`); the paper has neither."""
    feature_weight: float = 2.0
    adversarial_weight: float = 1.0

    def weighted(self, terms: dict[str, torch.Tensor]) -> torch.Tensor:
        """The generator's objective: each term times the weight of its name."""
        return torch.stack([getattr(self, f"{name}_weight") * term for name, term in terms.items()]).sum()


@dataclass(frozen=True, kw_only=True)
class HifiganSettings(AdversarialRunSettings):
    """One run."""

    crop_frames: int
    decoded_fraction: float = 0.0
    """Share of the crops whose mel is what a codec's decoder predicts of it, and not the recording's."""
