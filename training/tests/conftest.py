"""Fixtures in miniature: a tiny codec config, synthetic speech-like audio, and the place of the shared recordings."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from quantone_training.config import CodecConfig, from_mapping
from quantone_training.make_vectors import TINY
from quantone_training.rvq import RvqTraining
from quantone_training.settings import LossWeights, Settings
from quantone_training.training_loop import Trainable, load_state, save_state

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _repeatable() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)


@pytest.fixture
def tiny() -> CodecConfig:
    return from_mapping(CodecConfig, TINY)


@pytest.fixture
def settings() -> Settings:
    weights = LossWeights(mel=5, loudness=5, log_mel=1, contour=1, mel_contour=1, rate=0.3, phase=1, frame_lock=0.5)
    return Settings(
        seed=1,
        batch_size=2,
        crop_seconds=0.5,
        others_scale=0.2,
        learning_rate=1e-2,
        final_learning_rate=5e-4,
        warmup_steps=2,
        clip_norm=5,
        weight_decay=0,
        ema_decay=0.9,
        autoencoder_steps=4,
        kmeans_batches=2,
        losses=weights,
        rvq=RvqTraining(),
    )


@pytest.fixture
def audio() -> np.ndarray:
    """Four seconds of a gliding harmonic tone with syllable-like gaps, int16."""
    time = np.arange(4 * 16000) / 16000
    pitch = 140 + 40 * np.sin(2 * np.pi * 0.7 * time)
    phase = 2 * np.pi * np.cumsum(pitch) / 16000
    tone = sum(np.sin(k * phase) / k for k in range(1, 12))
    level = 0.25 * (0.55 + 0.45 * np.sin(2 * np.pi * 3 * time))
    noise = 0.01 * np.random.default_rng(0).standard_normal(len(time))
    return np.asarray((level * tone + noise) / 1.5 * 32767, dtype=np.int16)


@pytest.fixture
def shared() -> Path:
    """The folder of shared recordings; tests that need it are skipped, visibly, where it is not."""
    folder = Path(os.environ.get("QUANTONE_SHARED", ROOT / "../shared"))
    if not folder.is_dir():
        pytest.skip(f"no shared recordings at {folder}; set QUANTONE_SHARED")
    return folder


def expect_exact_resume(make: Callable[[], Trainable], folder: Path) -> None:
    """Two steps, a checkpoint, and a third step of the trainer that wrote it and of the one that read it."""
    straight = make()
    for _ in range(2):
        straight.train_step(0.0)
    save_state(folder / "checkpoint.pt", straight)
    resumed = make()
    load_state(folder / "checkpoint.pt", resumed)
    assert straight.train_step(0.5) == resumed.train_step(0.5)
