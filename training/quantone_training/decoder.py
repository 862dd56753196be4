"""quantized [B, D, F] -> for vocoders: spectrum [B, 2 * bins, F' + late], log_mel [B, M, F'].

Residual units at the frame rate, one upsampling, residual units at the subframe rate (F' = factor * F), then linear
heads: of the log-mel, of the spectrum's lower part, and of the masks of what is added to it (excitation.py). The layers
are causal and come `late` = lookahead_frames * factor subframes late, as the network hears so far ahead; of log_mel
these are cut off.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from .blocks import CausalConv, Residual, Upsample
from .config import CodecConfig
from .excitation import Excitation


class DecoderOutput(NamedTuple):
    """What the decoder gives.

    spectrum: real bins, then imaginary bins; its first subframes lie before the signal and overlap with it.
    log_mel: natural logarithm, from the signal's first subframe on.
    """

    spectrum: torch.Tensor
    log_mel: torch.Tensor


class Decoder(nn.Module):
    """The network behind the quantizer; vocoder.py turns its spectrum into the waveform."""

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        sizes = config.decoder
        kernel_size = config.residual_kernel_size
        self.lookahead_frames = sizes.lookahead_frames
        self.input = CausalConv(config.latent_dim, sizes.frame_channels, sizes.input_kernel_size)
        self.frame_units = nn.ModuleList(Residual(sizes.frame_channels, kernel_size, d) for d in sizes.frame_dilations)
        self.upsample = Upsample(
            sizes.frame_channels, sizes.subframe_channels, sizes.upsample_kernel_size, sizes.upsample_factor
        )
        self.subframe_units = nn.ModuleList(
            Residual(sizes.subframe_channels, kernel_size, d) for d in sizes.subframe_dilations
        )
        self.direct = nn.Conv1d(sizes.subframe_channels, 2 * sizes.excitation.direct_bins, 1)
        self.log_mel = nn.Conv1d(sizes.subframe_channels, config.mel.num_mels, 1)
        self.excitation = Excitation(config)

    def forward(self, quantized: torch.Tensor) -> DecoderOutput:
        heard = F.pad(quantized, (0, self.lookahead_frames))
        x = self.input(heard)
        for unit in self.frame_units:
            x = unit(x)
        x = self.upsample(F.elu(x))
        for unit in self.subframe_units:
            x = unit(x)
        trunk = F.elu(x)
        log_mel = self.log_mel(trunk).float()
        spectrum = self.excitation(self.direct(trunk), log_mel, heard, trunk)
        return DecoderOutput(spectrum, log_mel[:, :, self.lookahead_frames * self.upsample.factor :])
