"""quantized [B, D, F] -> for vocoders: spectrum [B, 2 * bins, F' + factor], log_mel [B, M, F'], baseline [B, 1, T].

Residual units at the frame rate, one upsampling, residual units at the subframe rate (F' = factor * F), then two linear
heads. Everything is causal and comes one frame late: the baseline, which inverts the encoder's bypass, waits for its
overlap, and the network uses that time to hear the next frame, since MDCT latents of one frame alone are aliased.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from .blocks import CausalConv, Residual, Upsample
from .config import CodecConfig
from .features import mdct_basis

LOOKAHEAD_FRAMES = 1
"""Frames that the network hears beyond the one it decodes: what the baseline's overlap waits for anyway."""

HEAD_WEIGHT_SCALE = 0.1
"""The spectrum head starts nearly silent beside the baseline."""


class DecoderOutput(NamedTuple):
    """What the decoder gives.

    spectrum: real bins, then imaginary bins; its first `factor` subframes lie before the signal and overlap with it.
    log_mel: natural logarithm, from the signal's first subframe on. baseline: waveform of the bypass.
    """

    spectrum: torch.Tensor
    log_mel: torch.Tensor
    baseline: torch.Tensor


class SynthesisBypass(nn.Module):
    """Overlap-adds D basis vectors a frame: [B, D, F] -> [B, 1, F * hop], always in float32."""

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.hop_length = config.hop_length
        self.weight = nn.Parameter(mdct_basis(config.latent_dim, config.hop_length))

    def forward(self, quantized: torch.Tensor) -> torch.Tensor:
        hop = self.hop_length
        with torch.autocast(quantized.device.type, enabled=False):
            full = F.conv_transpose1d(quantized.float(), self.weight, stride=hop)
        return full[:, :, hop : hop + quantized.shape[2] * hop]


class Decoder(nn.Module):
    """The network behind the quantizer; vocoder.py turns its spectrum and baseline into the waveform."""

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        sizes = config.decoder
        kernel_size = config.residual_kernel_size
        self.input = CausalConv(config.latent_dim, sizes.frame_channels, sizes.input_kernel_size)
        self.frame_units = nn.ModuleList(Residual(sizes.frame_channels, kernel_size, d) for d in sizes.frame_dilations)
        self.upsample = Upsample(
            sizes.frame_channels, sizes.subframe_channels, sizes.upsample_kernel_size, sizes.upsample_factor
        )
        self.subframe_units = nn.ModuleList(
            Residual(sizes.subframe_channels, kernel_size, d) for d in sizes.subframe_dilations
        )
        self.spectrum = nn.Conv1d(sizes.subframe_channels, config.vocoder.fft_length + 2, 1)
        self.log_mel = nn.Conv1d(sizes.subframe_channels, config.mel.num_mels, 1)
        self.bypass = SynthesisBypass(config)
        with torch.no_grad():
            self.spectrum.weight.mul_(HEAD_WEIGHT_SCALE)

    def forward(self, quantized: torch.Tensor) -> DecoderOutput:
        x = self.input(F.pad(quantized, (0, LOOKAHEAD_FRAMES)))
        for unit in self.frame_units:
            x = unit(x)
        x = self.upsample(F.elu(x))
        for unit in self.subframe_units:
            x = unit(x)
        trunk = F.elu(x)
        log_mel = self.log_mel(trunk[:, :, LOOKAHEAD_FRAMES * self.upsample.factor :])
        return DecoderOutput(self.spectrum(trunk).float(), log_mel.float(), self.bypass(quantized))
