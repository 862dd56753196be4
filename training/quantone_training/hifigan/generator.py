"""log_mel [B, M, F] -> waveform [B, 1, T], T = F * hop: transposed convolutions and multi-receptive-field fusion.

Layers carry the names of the published checkpoints. The TypeScript twin is src/graph/blocks/hifi-gan-generator.ts.
Source: Kong et al. 2020, "HiFi-GAN", section 2.2 and appendix A.1.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from ..channels_last import Conv1d, ConvTranspose1d, channels_last
from .config import GeneratorConfig

SLOPE = 0.1
LAST_SLOPE = 0.01
"""The published code leaves the last activation at PyTorch's default."""

OUTER_KERNEL_SIZE = 7
INITIAL_DEVIATION = 0.01
"""Weights start as small normal noise, in all layers but the first."""


def _conv(channels: int, kernel_size: int, dilation: int) -> Conv1d:
    padding = (kernel_size - 1) * dilation // 2
    conv = Conv1d(channels, channels, kernel_size, dilation=dilation, padding=padding)
    nn.init.normal_(conv.weight, 0.0, INITIAL_DEVIATION)
    return conv


class ResidualBlock1(nn.Module):
    """Steps of a dilated and a plain convolution, each step with a connection around it."""

    def __init__(self, channels: int, kernel_size: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.convs1 = nn.ModuleList(_conv(channels, kernel_size, dilation) for dilation in dilations)
        self.convs2 = nn.ModuleList(_conv(channels, kernel_size, 1) for _ in dilations)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for dilated, plain in zip(self.convs1, self.convs2, strict=True):
            x = x + plain(F.leaky_relu(dilated(F.leaky_relu(x, SLOPE)), SLOPE))
        return x


class ResidualBlock2(nn.Module):
    """Steps of one dilated convolution."""

    def __init__(self, channels: int, kernel_size: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.convs = nn.ModuleList(_conv(channels, kernel_size, dilation) for dilation in dilations)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for conv in self.convs:
            x = x + conv(F.leaky_relu(x, SLOPE))
        return x


class Generator(nn.Module):
    """The vocoder. Its weights are plain, unlike the published training's: Muon moves whole kernels."""

    def __init__(self, config: GeneratorConfig, num_mels: int) -> None:
        super().__init__()
        self.num_blocks = len(config.residual_kernel_sizes)
        channels = config.initial_channels
        edge = (OUTER_KERNEL_SIZE - 1) // 2
        self.conv_pre = Conv1d(num_mels, channels, OUTER_KERNEL_SIZE, padding=edge)
        block = ResidualBlock1 if config.residual_kind == 1 else ResidualBlock2
        self.ups, self.resblocks = nn.ModuleList(), nn.ModuleList()
        for rate, size in zip(config.upsample_rates, config.upsample_kernel_sizes, strict=True):
            up = ConvTranspose1d(channels, channels // 2, size, rate, padding=(size - rate) // 2)
            nn.init.normal_(up.weight, 0.0, INITIAL_DEVIATION)
            self.ups.append(up)
            channels //= 2
            for kernel_size, dilations in zip(config.residual_kernel_sizes, config.residual_dilations, strict=True):
                self.resblocks.append(block(channels, kernel_size, dilations))
        post = Conv1d(channels, 1, OUTER_KERNEL_SIZE, padding=edge)
        nn.init.normal_(post.weight, 0.0, INITIAL_DEVIATION)
        self.conv_post = post

    def forward(self, log_mel: torch.Tensor) -> torch.Tensor:
        x = self.conv_pre(channels_last(log_mel))
        for stage, up in enumerate(self.ups):
            x = up(F.leaky_relu(x, SLOPE))
            blocks = list(self.resblocks)[stage * self.num_blocks : (stage + 1) * self.num_blocks]
            x = sum(block(x) for block in blocks) / self.num_blocks
        # Never in bfloat16, whose eight bits would be heard as noise.
        with torch.autocast(x.device.type, enabled=False):
            samples: torch.Tensor = torch.tanh(self.conv_post(F.leaky_relu(x.float(), LAST_SLOPE)))
        return samples[:, :, 0]
