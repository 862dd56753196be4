"""Discriminators: waveform [B, 1, T] -> a score map and the feature maps of every layer, for each of several views.

STFT discriminators see real and imaginary parts at three resolutions; period discriminators see the waveform folded
into rows of 2, 3, 5, 7 and 11 samples. They judge decoded speech during training and never ship.
Source: Kong et al. 2020 (HiFi-GAN, section 2.3); Zeghidour et al. 2021 (SoundStream, section III.D); Mao et al. 2017.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

STFT_SIZES = (512, 1024, 2048)
PERIODS = (2, 3, 5, 7, 11)
SLOPE = 0.1


@dataclass
class Judgement:
    """One discriminator's score map (1 = real, 0 = decoded) and its layers' outputs."""

    score: torch.Tensor
    features: list[torch.Tensor]


def _conv(inputs: int, outputs: int, kernel: tuple[int, int], stride: tuple[int, int]) -> nn.Module:
    padding = (kernel[0] // 2, kernel[1] // 2)
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding)
    assert conv.bias is not None
    nn.init.zeros_(conv.bias)
    normalized: nn.Module = weight_norm(conv)
    return normalized


class Stack(nn.Module):
    """Convolutions with leaky ReLU, then a score layer."""

    def __init__(self, layers: list[nn.Module], score: nn.Module) -> None:
        super().__init__()
        self.layers, self.score = nn.ModuleList(layers), score

    def forward(self, x: torch.Tensor) -> Judgement:
        features: list[torch.Tensor] = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), SLOPE)
            features.append(x)
        return Judgement(self.score(x), features)


class StftDiscriminator(nn.Module):
    """Judges the complex STFT [B, 2, F', bins] with convolutions that stride over frequency."""

    window: torch.Tensor

    def __init__(self, size: int, channels: int) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("window", torch.hann_window(size), persistent=False)
        widths = [2, channels, channels, 2 * channels, 2 * channels]
        layers = [_conv(a, b, (3, 9), (1, 2)) for a, b in itertools.pairwise(widths)]
        self.stack = Stack(layers, _conv(widths[-1], 1, (3, 3), (1, 1)))

    def forward(self, waveform: torch.Tensor) -> Judgement:
        spectrum = torch.stft(
            waveform[:, 0].float(), self.size, self.size // 4, window=self.window, normalized=True, return_complex=True
        )
        # Square root of the magnitude, same phase: weak high frequencies are heard beside strong low ones.
        spectrum = spectrum * (spectrum.abs() + 1e-4).rsqrt()
        stacked: Judgement = self.stack(torch.stack([spectrum.real, spectrum.imag], 1).transpose(2, 3))
        return stacked


class PeriodDiscriminator(nn.Module):
    """Judges the waveform folded into rows of `period` samples, [B, 1, T / period, period]."""

    def __init__(self, period: int, channels: int) -> None:
        super().__init__()
        self.period = period
        widths = [1, channels, 2 * channels, 4 * channels, 4 * channels]
        layers = [_conv(a, b, (5, 1), (3, 1)) for a, b in itertools.pairwise(widths)]
        self.stack = Stack(layers, _conv(widths[-1], 1, (3, 1), (1, 1)))

    def forward(self, waveform: torch.Tensor) -> Judgement:
        whole = waveform.shape[2] // self.period * self.period
        folded = waveform[:, :, :whole].reshape(waveform.shape[0], 1, whole // self.period, self.period)
        judged: Judgement = self.stack(folded)
        return judged


class Discriminators(nn.Module):
    """All views together."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        views: list[nn.Module] = [StftDiscriminator(size, channels) for size in STFT_SIZES]
        self.views = nn.ModuleList(views + [PeriodDiscriminator(period, channels) for period in PERIODS])

    def forward(self, waveform: torch.Tensor) -> list[Judgement]:
        return [view(waveform) for view in self.views]


def discriminator_loss(real: list[Judgement], decoded: list[Judgement]) -> torch.Tensor:
    """Least squares: real maps towards one, decoded maps towards zero; mean over views."""
    terms = [
        (1 - r.score.float()).square().mean() + d.score.float().square().mean()
        for r, d in zip(real, decoded, strict=True)
    ]
    return torch.stack(terms).mean()


def adversarial_loss(decoded: list[Judgement]) -> torch.Tensor:
    """What the codec minimises: decoded maps towards one."""
    return torch.stack([(1 - d.score.float()).square().mean() for d in decoded]).mean()


def feature_loss(real: list[Judgement], decoded: list[Judgement]) -> torch.Tensor:
    """L1 between the layers' outputs, relative to the real ones; mean over layers and views."""
    terms = [
        (a.detach().float() - b.float()).abs().mean() / (a.detach().float().abs().mean() + 1e-6)
        for r, d in zip(real, decoded, strict=True)
        for a, b in zip(r.features, d.features, strict=True)
    ]
    return torch.stack(terms).mean()
