"""The paper's losses: least squares, feature matching, and the distance of log-mel spectra; and two more that it lacks.

Sums over discriminators and layers, means within each: the published weights (1, 2 and 45) belong to these.
Source: Kong et al. 2020 (HiFi-GAN), section 2.4; Mao et al. 2017 (least squares).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from ..discriminator import Judgement
from ..losses import MelLoss
from .config import MelFeaturesConfig
from .features import log_mel
from .settings import AdversarialRunSettings


def discriminator_loss(real: list[Judgement], generated: list[Judgement]) -> torch.Tensor:
    """Real maps towards one, generated maps towards zero."""
    terms = [
        (1 - r.score.float()).square().mean() + g.score.float().square().mean()
        for r, g in zip(real, generated, strict=True)
    ]
    return torch.stack(terms).sum()


def adversarial_loss(generated: list[Judgement]) -> torch.Tensor:
    """What the generator minimises: its maps towards one."""
    return torch.stack([(1 - g.score.float()).square().mean() for g in generated]).sum()


def feature_loss(real: list[Judgement], generated: list[Judgement]) -> torch.Tensor:
    """L1 between the outputs of the discriminators' layers."""
    terms = [
        (a.detach().float() - b.float()).abs().mean()
        for r, g in zip(real, generated, strict=True)
        for a, b in zip(r.features, g.features, strict=True)
    ]
    return torch.stack(terms).sum()


class SpectralLosses(nn.Module):
    """What the generator hears of its spectra, waveforms [B, 1, T] each -> terms by the names of their weights.

    Distances of logarithms, such as the paper's mel loss, count decibels alike in speech and in pauses; loudness counts
    those of loud cells for more.
    """

    def __init__(self, mel: MelFeaturesConfig, settings: AdversarialRunSettings) -> None:
        super().__init__()
        self.mel = mel
        is_needed = settings.multi_resolution_weight > 0 or settings.loudness_weight > 0
        self.mel_loss = MelLoss(mel.sample_rate) if is_needed else None

    def forward(self, generated: torch.Tensor, clean: torch.Tensor) -> dict[str, torch.Tensor]:
        generated = generated.float()
        terms = {"mel": F.l1_loss(log_mel(generated, self.mel), log_mel(clean, self.mel))}
        if self.mel_loss is not None:
            terms["multi_resolution"], terms["loudness"] = self.mel_loss(generated, clean)
        return terms
