"""Settings of a training run, read from TOML: a base file and any number of small overlays that change some keys."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from .augmentation import Augmentation
from .config import from_mapping
from .rvq import RvqTraining


@dataclass(frozen=True)
class RunSettings:
    """What every run is told, of whatever network; `training_loop.py` says what the values do.

    others_scale: learning rate of all but the kernels, relative to the kernels', which Muon moves.
    """

    seed: int
    batch_size: int
    learning_rate: float
    final_learning_rate: float
    others_scale: float
    warmup_steps: int
    clip_norm: float
    ema_decay: float


S = TypeVar("S", bound=RunSettings)


@dataclass(frozen=True)
class LossWeights:
    """Factors of the generator's losses; a weight of zero switches the term off."""

    mel: float
    loudness: float
    log_mel: float
    rate: float
    phase: float = 0.0
    harmonics: float = 0.0
    frame_lock: float = 0.0
    contour: float = 0.0
    mel_contour: float = 0.0


@dataclass(frozen=True)
class AdversarialSettings:
    """The adversarial phase, which alternates discriminator and codec steps.

    start_step: not before this step of the run.
    warmup_steps: so many steps the discriminators learn before the codec hears them.
    """

    start_step: int
    learning_rate: float
    adversarial_weight: float
    feature_weight: float
    crop_seconds: float
    channels: int
    warmup_steps: int


@dataclass(frozen=True)
class Settings(RunSettings):
    """One run of a codec. Steps count optimizer steps of the codec.

    lossy_fraction: share of the crops that lose frames on their way to the decoder, so that it learns to conceal them.
    max_lost_frames: the most that such a crop loses; each draws its own share up to this.
    """

    crop_seconds: float
    weight_decay: float
    autoencoder_steps: int
    kmeans_batches: int
    losses: LossWeights
    lossy_fraction: float = 0.0
    max_lost_frames: float = 0.0
    augmentation: Augmentation = field(default_factory=Augmentation)
    rvq: RvqTraining = field(default_factory=RvqTraining)
    adversarial: AdversarialSettings | None = None


def _overlay(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        merged[key] = _overlay(merged.get(key, {}), value) if isinstance(value, dict) else value
    return merged


def load_settings(kind: type[S], paths: list[Path]) -> S:
    """Read the base file and lay the others over it, in order."""
    mapping: dict[str, Any] = {}
    for path in paths:
        mapping = _overlay(mapping, tomllib.loads(path.read_text()))
    return from_mapping(kind, mapping, "settings")
