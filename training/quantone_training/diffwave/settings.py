"""Settings of a DiffWave run, read from TOML."""

from __future__ import annotations

from dataclasses import dataclass

from ..settings import RunSettings


@dataclass(frozen=True)
class DiffwaveSettings(RunSettings):
    """One run."""

    crop_frames: int
