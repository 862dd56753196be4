"""SoundStream: waveform [B, 1, T] -> latents [B, D, F] -> tokens [B, K, F], and back; T = F * hop.

Causal SEANet encoder and decoder around a residual vector quantizer with quantizer dropout, and a FiLM layer at the
bottleneck that switches denoising. Everything starts from silence, so a signal may be taken in pieces.
Source: Zeghidour et al. 2021, "SoundStream: An End-to-End Neural Audio Codec", sections III-A to III-E.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from ..blocks import CausalConv
from ..rvq import Rvq, RvqTraining
from .config import SoundstreamConfig

DROPOUT = RvqTraining(min_stages=1, full_fraction=0.0)
"""Section III-C: in training the number of stages is drawn evenly from 1 to all of them."""


class ResidualUnit(nn.Module):
    """x + pointwise(ELU(conv(ELU(x)))): [B, C, T] -> [B, C, T]."""

    def __init__(self, channels: int, kernel_size: int, dilation: int) -> None:
        super().__init__()
        self.conv = CausalConv(channels, channels, kernel_size, dilation=dilation)
        self.pointwise = nn.Conv1d(channels, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        branch: torch.Tensor = self.pointwise(F.elu(self.conv(F.elu(x))))
        return x + branch


def residual_units(channels: int, config: SoundstreamConfig) -> nn.ModuleList:
    return nn.ModuleList(ResidualUnit(channels, config.residual_kernel_size, d) for d in config.dilations)


class CausalTransposedConv(nn.ConvTranspose1d):
    """Raises the rate by `stride`: [B, C, T] -> [B, C', T * stride]; what would lie behind the end is left out."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__(inputs, outputs, 2 * stride, stride)
        self.factor = stride

    def forward(self, x: torch.Tensor, output_size: list[int] | None = None) -> torch.Tensor:
        return super().forward(x, output_size)[..., : x.shape[2] * self.factor]


class Film(nn.Linear):
    """Scales and shifts channels by the denoising mode of each frame: [B, C, F] with modes [B, F] of 0 or 1."""

    def __init__(self, channels: int) -> None:
        super().__init__(2, 2 * channels)
        with torch.no_grad():
            self.bias.zero_()[:channels] = 1

    def modulate(self, x: torch.Tensor, modes: torch.Tensor) -> torch.Tensor:
        one_hot = torch.stack((1 - modes, modes), dim=2).to(x.dtype)
        modulation: torch.Tensor = self(one_hot).transpose(1, 2)
        scale, offset = modulation.chunk(2, dim=1)
        return scale * x + offset


class EncoderStage(nn.Module):
    """Residual units, then a strided convolution to twice the channels: [B, C, T] -> [B, 2C, T / stride]."""

    def __init__(self, channels: int, stride: int, config: SoundstreamConfig) -> None:
        super().__init__()
        self.units = residual_units(channels, config)
        self.down = CausalConv(channels, 2 * channels, 2 * stride, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for unit in self.units:
            x = unit(x)
        down: torch.Tensor = self.down(F.elu(x))
        return down


class DecoderStage(nn.Module):
    """A transposed convolution to half the channels, then residual units: [B, C, T] -> [B, C / 2, T * stride]."""

    def __init__(self, channels: int, stride: int, config: SoundstreamConfig) -> None:
        super().__init__()
        self.up = CausalTransposedConv(channels, channels // 2, stride)
        self.units = residual_units(channels // 2, config)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.up(F.elu(x))
        for unit in self.units:
            x = unit(x)
        return x


class Encoder(nn.Module):
    """Waveform [B, 1, T] -> latents [B, D, F]."""

    def __init__(self, config: SoundstreamConfig) -> None:
        super().__init__()
        widths = [config.encoder_channels * 2**i for i in range(len(config.strides) + 1)]
        self.input = CausalConv(1, widths[0], config.kernel_size)
        self.stages = nn.ModuleList(
            EncoderStage(width, stride, config) for width, stride in zip(widths, config.strides, strict=False)
        )
        self.film = Film(widths[-1]) if config.denoising == "encoder" else None
        self.output = CausalConv(widths[-1], config.latent_dim, config.latent_kernel_size)

    def forward(self, waveform: torch.Tensor, modes: torch.Tensor | None = None) -> torch.Tensor:
        x = self.input(waveform)
        for stage in self.stages:
            x = stage(x)
        x = conditioned(x, self.film, modes)
        latents: torch.Tensor = self.output(F.elu(x))
        return latents


class Decoder(nn.Module):
    """Quantized latents [B, D, F] -> waveform [B, 1, T]."""

    def __init__(self, config: SoundstreamConfig) -> None:
        super().__init__()
        widths = [config.decoder_channels * 2**i for i in range(len(config.strides), -1, -1)]
        self.input = CausalConv(config.latent_dim, widths[0], config.kernel_size)
        self.film = Film(widths[0]) if config.denoising == "decoder" else None
        self.stages = nn.ModuleList(
            DecoderStage(width, stride, config) for width, stride in zip(widths, reversed(config.strides), strict=False)
        )
        self.output = CausalConv(widths[-1], 1, config.kernel_size)

    def forward(self, quantized: torch.Tensor, modes: torch.Tensor | None = None) -> torch.Tensor:
        x = conditioned(self.input(quantized), self.film, modes)
        for stage in self.stages:
            x = stage(x)
        waveform: torch.Tensor = self.output(F.elu(x))
        return waveform


def conditioned(x: torch.Tensor, film: Film | None, modes: torch.Tensor | None) -> torch.Tensor:
    """Modulate [B, C, F] by the modes [B, F]; without modes denoising is off."""
    if film is None:
        return x
    return film.modulate(x, x.new_zeros(x.shape[0], x.shape[2]) if modes is None else modes)


class Soundstream(nn.Module):
    """The whole codec. `modes` [B, F] switch denoising, 0 off and 1 on, in the network that the config names."""

    def __init__(self, config: SoundstreamConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.rvq = Rvq(config.rvq, DROPOUT)
        self.decoder = Decoder(config)

    @torch.no_grad()
    def encode(
        self, waveform: torch.Tensor, active_codebooks: int | None = None, modes: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Waveform [B, 1, T] of whole frames -> tokens [B, K, F]."""
        return self.rvq.encode(self.encoder(waveform, modes), active_codebooks)

    @torch.no_grad()
    def decode(self, tokens: torch.Tensor, modes: torch.Tensor | None = None) -> torch.Tensor:
        """Tokens [B, K, F] -> waveform [B, 1, T]."""
        waveform: torch.Tensor = self.decoder(self.rvq.decode(tokens), modes)
        return waveform

    def forward(self, waveform: torch.Tensor, modes: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """For training: the waveform that comes back, and the quantizer's rate term (see `Rvq.forward`)."""
        quantized, rate = self.rvq(self.encoder(waveform, modes))
        return self.decoder(quantized, modes), rate
