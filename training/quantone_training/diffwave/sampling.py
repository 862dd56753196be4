"""log_mel [B, M, F] -> waveform [B, F * hop], in the steps of the fast schedule."""

from __future__ import annotations

import torch

from .config import DiffwaveConfig
from .model import Denoiser
from .prior import prior_level
from .schedule import fast_steps


@torch.no_grad()
def sample(denoiser: Denoiser, config: DiffwaveConfig, mel: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Draws the noise of all steps from `random`: a signal of it at first, then what each step but the last adds."""
    shape = (mel.shape[0], mel.shape[2] * config.mel.hop_length)
    limit = config.adaptive_prior.limit if config.adaptive_prior else 1.0
    x = torch.randn(shape, generator=random).to(mel.device)
    for step in fast_steps(config):
        noise = denoiser(x, mel, torch.tensor([step.position], device=mel.device))
        x = step.scale * (x - step.noise_gain * noise)
        if step.deviation > 0:
            x = x + step.deviation * torch.randn(shape, generator=random).to(mel.device)
        x = x.clamp(-limit, limit)
    return x * prior_level(mel, config)
