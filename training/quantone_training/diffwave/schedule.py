"""The diffusion's numbers, as codecs/diffwave/noise-schedule.ts has them: noise levels, steps, their embeddings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from .config import DiffwaveConfig


@dataclass(frozen=True)
class ReverseStep:
    """`scale * (x - noise_gain * noise) + deviation * z`."""

    position: float
    scale: float
    noise_gain: float
    deviation: float


def signal_levels(config: DiffwaveConfig) -> np.ndarray:
    """How much of the signal's power each training step leaves: [num_steps], float64."""
    schedule = config.noise_schedule
    levels: np.ndarray = np.cumprod(1 - np.linspace(schedule.first, schedule.last, schedule.num_steps))
    return levels


def fast_steps(config: DiffwaveConfig) -> list[ReverseStep]:
    """The few steps of the fast schedule, from noise to signal; each lies between two of training's."""
    betas = np.array(config.fast_schedule)
    levels, trained = np.cumprod(1 - betas), np.sqrt(signal_levels(config))
    before = np.concatenate([[1.0], levels[:-1]])
    # Amplitudes fall from step to step; np.interp wants them to rise.
    positions = np.interp(-np.sqrt(levels), -trained, np.arange(len(trained)))
    deviations = np.sqrt((1 - before) / (1 - levels) * betas)
    steps = [
        ReverseStep(float(p), float((1 - beta) ** -0.5), float(beta / (1 - level) ** 0.5), float(deviation))
        for p, beta, level, deviation in zip(positions, betas, levels, deviations, strict=True)
    ]
    return steps[::-1]


def step_embeddings(config: DiffwaveConfig) -> torch.Tensor:
    """Sines and cosines of every training step: [num_steps, D]."""
    half = config.step_embedding_dim // 2
    steps = torch.arange(config.noise_schedule.num_steps, dtype=torch.float32)[:, None]
    angles = steps * 10.0 ** (torch.arange(half) * 4.0 / (half - 1))
    return torch.cat([angles.sin(), angles.cos()], dim=1)
