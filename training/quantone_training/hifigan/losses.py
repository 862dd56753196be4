"""The paper's losses: least squares, feature matching, and the distance of log-mel spectra.

Sums over discriminators and layers, means within each: the published weights (1, 2 and 45) belong to these.
Source: Kong et al. 2020 (HiFi-GAN), section 2.4; Mao et al. 2017 (least squares).
"""

from __future__ import annotations

import torch

from ..discriminator import Judgement


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
