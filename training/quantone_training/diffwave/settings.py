"""Settings of a DiffWave run, read from TOML."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from ..config import from_mapping


@dataclass(frozen=True)
class DiffwaveSettings:
    """One run."""

    seed: int
    batch_size: int
    crop_frames: int
    learning_rate: float
    final_learning_rate: float
    warmup_steps: int
    clip_norm: float
    ema_decay: float


def load_diffwave_settings(path: Path) -> DiffwaveSettings:
    """Read one TOML file."""
    return from_mapping(DiffwaveSettings, tomllib.loads(path.read_text()), "settings")
