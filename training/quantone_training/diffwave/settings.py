"""Settings of a DiffWave run, read from TOML."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ..config import expect
from ..settings import RunSettings


@dataclass(frozen=True)
class DiffwaveSettings(RunSettings):
    """One run."""

    crop_frames: int
    step_exponent: float = 1.0
    """Diffusion steps are drawn as uniform numbers to this power: 1 is the paper's, 2 prefers those of little noise."""
    noise_weight: float = 1.0
    """The paper's loss, and its only one."""
    multi_resolution_weight: float = 0.0
    loudness_weight: float = 0.0
    """The codec's two losses (`quantone_training/losses.py`) on the waveform that each step takes for the clean one."""
    blind_fraction: float = 0.0
    """Share of the crops that begin as the sampler does, from noise with nothing of the waveform in it."""

    def __post_init__(self) -> None:
        expect("blindFraction", 0 <= self.blind_fraction < 1, "0 or more, and less than 1", self.blind_fraction)

    @property
    def is_spectral(self) -> bool:
        return self.multi_resolution_weight > 0 or self.loudness_weight > 0

    def weighted(self, terms: dict[str, torch.Tensor]) -> torch.Tensor:
        """The objective: each term times the weight of its name."""
        return torch.stack([getattr(self, f"{name}_weight") * term for name, term in terms.items()]).sum()
