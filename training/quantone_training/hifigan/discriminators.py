"""Discriminators: waveform [B, 1, T] -> score maps (1 = real) and the feature maps of every layer.

Multi-period ones see the waveform folded into rows of 2, 3, 5, 7 and 11 samples; multi-scale ones see it as it is and
twice averaged down. They judge during training and never ship.
Source: Kong et al. 2020 (HiFi-GAN), section 2.3; Kumar et al. 2019 (MelGAN) for the scales.
"""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

from ..channels_last import Conv1d, channels_last
from ..discriminator import Judgement, Stack

PERIODS = (2, 3, 5, 7, 11)
NUM_SCALES = 3
PERIOD_WIDTHS = (32, 128, 512, 1024, 1024)
SCALE_LAYERS = (
    # channels, kernel, stride, groups
    (128, 15, 1, 1),
    (128, 41, 2, 4),
    (256, 41, 2, 16),
    (512, 41, 4, 16),
    (1024, 41, 4, 16),
    (1024, 41, 1, 16),
    (1024, 5, 1, 1),
)
"""The published widths; a run may take a fraction of them."""

GROUP_CHANNELS = 16
"""A thinner discriminator has fewer groups, not thinner ones, which would cost more time than none."""


def _scaled(channels: int, width: float) -> int:
    """A fraction of a number of channels, as a multiple of 16, which the groups divide."""
    return max(16, round(channels * width / 16) * 16)


def _group_count(published: int, channels: int) -> int:
    """The published groups, or as many of them as `GROUP_CHANNELS` channels each allow."""
    return min(published, max(1, channels // GROUP_CHANNELS))


class PeriodDiscriminator(nn.Module):
    """Judges the waveform folded into rows of `period` samples, [B, 1, T / period, period]."""

    def __init__(self, period: int, width: float) -> None:
        super().__init__()
        self.period = period
        channels = [1, *(_scaled(value, width) for value in PERIOD_WIDTHS)]
        last = len(channels) - 2
        layers: list[nn.Module] = [
            weight_norm(nn.Conv2d(a, b, (5, 1), (1 if index == last else 3, 1), (2, 0)))
            for index, (a, b) in enumerate(itertools.pairwise(channels))
        ]
        self.stack = Stack(layers, weight_norm(nn.Conv2d(channels[-1], 1, (3, 1), 1, (1, 0))))

    def forward(self, waveform: torch.Tensor) -> Judgement:
        padded = F.pad(waveform, (0, -waveform.shape[2] % self.period), mode="reflect")
        judged: Judgement = self.stack(
            padded.view(len(padded), 1, -1, self.period).contiguous(memory_format=torch.channels_last)
        )
        return judged


class ScaleDiscriminator(nn.Module):
    """Judges the waveform with wide strided convolutions in groups."""

    def __init__(self, width: float, is_spectral: bool) -> None:
        super().__init__()
        norm = spectral_norm if is_spectral else weight_norm
        layers: list[nn.Module] = []
        before = 1
        for channels, kernel, stride, groups in SCALE_LAYERS:
            after = _scaled(channels, width)
            groups = _group_count(groups, before)
            layers.append(norm(Conv1d(before, after, kernel, stride, (kernel - 1) // 2, groups=groups)))
            before = after
        self.stack = Stack(layers, norm(Conv1d(before, 1, 3, 1, 1)))

    def forward(self, waveform: torch.Tensor) -> Judgement:
        judged: Judgement = self.stack(channels_last(waveform))
        return judged


class Discriminators(nn.Module):
    """All periods and all scales. The first scale is normalized spectrally, as in the published code."""

    def __init__(self, period_width: float, scale_width: float) -> None:
        super().__init__()
        self.periods = nn.ModuleList(PeriodDiscriminator(period, period_width) for period in PERIODS)
        self.scales = nn.ModuleList(ScaleDiscriminator(scale_width, scale == 0) for scale in range(NUM_SCALES))

    def forward(self, waveform: torch.Tensor) -> list[Judgement]:
        judgements = [period(waveform) for period in self.periods]
        for scale in self.scales:
            judgements.append(scale(waveform))
            waveform = F.avg_pool1d(waveform, 4, 2, padding=2)
        return judgements
