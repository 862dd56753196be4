"""The three building blocks of encoder and decoder; all causal, with zeros as the past before the first sample."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

INITIAL_GAIN = 0.3
"""Residual branches start quiet: an untrained network passes on what it is given."""


class CausalConv(nn.Conv1d):
    """Convolution that sees the past only: [B, C, T] -> [B, C', T / stride]."""

    def __init__(self, inputs: int, outputs: int, kernel_size: int, stride: int = 1, dilation: int = 1) -> None:
        super().__init__(inputs, outputs, kernel_size, stride, dilation=dilation)
        self.left_padding = (kernel_size - 1) * dilation + 1 - stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(F.pad(x, (self.left_padding, 0)))


class Upsample(CausalConv):
    """Multiply the frame rate: a causal convolution whose channels c * factor + phase are interleaved in time."""

    def __init__(self, inputs: int, outputs: int, kernel_size: int, factor: int) -> None:
        super().__init__(inputs, outputs * factor, kernel_size)
        self.factor = factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        phases = super().forward(x)
        batch, channels, frames = phases.shape
        split = phases.view(batch, channels // self.factor, self.factor, frames)
        return split.permute(0, 1, 3, 2).reshape(batch, channels // self.factor, frames * self.factor)


class Residual(nn.Module):
    """x + gain * pointwise(ELU(conv(ELU(x)))), with one learned gain a channel."""

    def __init__(self, channels: int, kernel_size: int, dilation: int) -> None:
        super().__init__()
        self.conv = CausalConv(channels, channels, kernel_size, dilation=dilation)
        self.pointwise = nn.Conv1d(channels, channels, 1)
        self.gain = nn.Parameter(torch.full((channels,), INITIAL_GAIN))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        branch: torch.Tensor = self.pointwise(F.elu(self.conv(F.elu(x))))
        return x + self.gain[:, None] * branch
