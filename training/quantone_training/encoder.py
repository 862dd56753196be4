"""waveform [B, 1, T] -> latents [B, D, F], F = T / hop.

The log-mel of the signal so far, with the phases of its lowest frequencies, then causal convolutions at the frame rate
with residual units. More phases no codec of this bitrate can carry: a network that heard them all spent its tokens on
them (EXPERIMENTS.md, section 12).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from .blocks import CausalConv, Residual
from .config import CodecConfig
from .features import causal_log_mel, causal_phases


class Encoder(nn.Module):
    """The whole encoder; the number of samples must be a multiple of the hop."""

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.config = config
        sizes = config.encoder
        stride = config.decoder.upsample_factor
        num_features = config.mel.num_mels + 2 * config.phase.num_frequencies
        self.input = CausalConv(num_features, sizes.channels, sizes.input_kernel_size, stride)
        self.units = nn.ModuleList(
            Residual(sizes.channels, config.residual_kernel_size, dilation) for dilation in sizes.dilations
        )
        self.out = CausalConv(sizes.channels, config.latent_dim, sizes.output_kernel_size)

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        x = self.input(self.features(waveform))
        for unit in self.units:
            x = unit(x)
        latents: torch.Tensor = self.out(F.elu(x)).float()
        return latents

    def features(self, waveform: torch.Tensor) -> torch.Tensor:
        """[B, 1, T] -> [B, M + 2 * N, F'], all of about the size of one, always in float32."""
        config, normalization = self.config, self.config.mel_normalization
        with torch.autocast(waveform.device.type, enabled=False):
            log_mel = causal_log_mel(waveform, config.sample_rate, config.mel)
            phases = causal_phases(waveform, config.sample_rate, config.mel, config.phase)
        return torch.cat([(log_mel - normalization.mean) / normalization.deviation, phases], 1)
