"""Settings of a DiffWave run, read from TOML."""

from __future__ import annotations

from dataclasses import dataclass

from ..settings import RunSettings


@dataclass(frozen=True)
class DiffwaveSettings(RunSettings):
    """One run."""

    crop_frames: int
    step_exponent: float = 1.0
    """Diffusion steps are drawn as uniform numbers to this power: 1 is the paper's, 2 prefers those of little noise."""
