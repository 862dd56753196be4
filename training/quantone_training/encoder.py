"""waveform [B, 1, T] -> latents [B, D, F], F = T / hop.

Strided causal convolutions with residual units, plus an MDCT bypass: a strided convolution started from MDCT basis
vectors whose output is added to the network's. Its sibling in decoder.py inverts it, so the autoencoder starts from a
low-passed copy of the signal and not from noise.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from .blocks import CausalConv, Residual
from .config import CodecConfig
from .features import mdct_basis

OUTPUT_WEIGHT_SCALE = 0.05
"""The network's last layer starts nearly silent beside the bypass."""


class EncoderStage(nn.Module):
    """Strided convolution (stage 0's is the encoder's stem and lives there), residual units, ELU."""

    def __init__(self, inputs: int | None, config: CodecConfig, index: int) -> None:
        super().__init__()
        stage = config.encoder.stages[index]
        if inputs is not None:
            self.down: CausalConv | None = CausalConv(inputs, stage.channels, stage.kernel_size, stage.stride)
        else:
            self.down = None
        self.units = nn.ModuleList(
            Residual(stage.channels, config.residual_kernel_size, dilation) for dilation in stage.dilations
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x if self.down is None else self.down(x)
        for unit in self.units:
            x = unit(x)
        return F.elu(x)


class AnalysisBypass(nn.Conv1d):
    """Correlates each frame and the one before it with D basis vectors: [B, 1, T] -> [B, D, F], always in float32."""

    def __init__(self, config: CodecConfig) -> None:
        super().__init__(1, config.latent_dim, config.bypass.kernel_size, config.hop_length, bias=False)
        self.left_padding = config.bypass.kernel_size - config.hop_length
        with torch.no_grad():
            self.weight.copy_(mdct_basis(config.latent_dim, config.hop_length))

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        with torch.autocast(waveform.device.type, enabled=False):
            return super().forward(F.pad(waveform.float(), (self.left_padding, 0)))


class Encoder(nn.Module):
    """The whole encoder; the number of samples must be a multiple of the hop."""

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        stages = config.encoder.stages
        self.stem = CausalConv(1, stages[0].channels, stages[0].kernel_size, stages[0].stride)
        self.stages = nn.ModuleList(
            EncoderStage(None if i == 0 else stages[i - 1].channels, config, i) for i in range(len(stages))
        )
        self.out = CausalConv(stages[-1].channels, config.latent_dim, config.encoder.output_kernel_size)
        self.bypass = AnalysisBypass(config)
        with torch.no_grad():
            self.out.weight.mul_(OUTPUT_WEIGHT_SCALE)

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        x = self.stem(waveform)
        for stage in self.stages:
            x = stage(x)
        latents: torch.Tensor = self.bypass(waveform) + self.out(x).float()
        return latents
