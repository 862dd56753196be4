"""What VITS adds to HiFi-GAN's losses: the distance of posterior and prior, and that of durations.

Source: Kim, Kong and Son 2021 (VITS), sections 2.1.3 and 2.2.2; the durations' is that of Poisson regression.
"""

from __future__ import annotations

import torch

from .model import Latents

ROUNDING = 0.5
"""Speaking rounds durations up to whole frames; half a frame less comes back as what it was."""


def kl_loss(latents: Latents) -> torch.Tensor:
    """Divergence of the posterior from the prior, in nats a frame, by the sample that was drawn."""
    distance = (latents.flowed - latents.prior_means).square() * torch.exp(-2 * latents.prior_log_deviations)
    terms = latents.prior_log_deviations - latents.posterior_log_deviations - 0.5 + 0.5 * distance
    return (terms * latents.mask).sum() / latents.mask.sum()


def duration_loss(latents: Latents) -> torch.Tensor:
    """Divergence of the predicted durations from those of the alignment, in frames a symbol; zero where they are equal.

    Its best guess of what it cannot know is the mean, so that sentences last as long as they should. The best guess by
    the squared error of logarithms, which is the paper's, is the geometric mean: of durations of one frame here and six
    there, speech comes out a third too fast.
    """
    target = (latents.durations - ROUNDING).clamp_min(ROUNDING)
    error = latents.log_durations.exp() - target + target * (target.log() - latents.log_durations)
    return (error * latents.symbol_mask).sum() / latents.symbol_mask.sum()
