"""The whole codec on one page: waveform -> latents -> tokens -> quantized -> spectrum and baseline -> waveform."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn

from .config import CodecConfig
from .decoder import Decoder
from .encoder import Encoder
from .rvq import Rvq, RvqTraining
from .vocoder import Vocoder

STEM_WEIGHT_SCALE = 20.0
"""Brings speech of ordinary level (0.05 of full scale) to about one at the first layer's output."""


class Codec(nn.Module):
    """Encoder, quantizer, decoder and vocoder of one config."""

    def __init__(self, config: CodecConfig, rvq_training: RvqTraining | None = None) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.rvq = Rvq(config.rvq, rvq_training)
        self.decoder = Decoder(config)
        self.vocoder = Vocoder(config.vocoder)
        self._keep_signal_level()

    @torch.no_grad()
    def _keep_signal_level(self) -> None:
        """Start with biases of zero and with layers that pass on the level of their input.

        PyTorch's default shrinks the signal by the square root of three at every layer while the biases stay, so that
        speech at a twentieth of full scale drowns in constants and hundreds of steps pass before anything is learned.
        """
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                parameter.zero_()
            if name.endswith("down.weight"):
                parameter.mul_(math.sqrt(3))
        self.encoder.stem.weight.mul_(STEM_WEIGHT_SCALE)
        self.decoder.input.weight.mul_(math.sqrt(3))
        self.decoder.upsample.weight.mul_(math.sqrt(3))

    def synthesize(self, quantized: torch.Tensor) -> torch.Tensor:
        """quantized [B, D, F] -> waveform [B, 1, F * hop]."""
        output = self.decoder(quantized)
        waveform: torch.Tensor = self.vocoder(output.spectrum, output.baseline)
        return waveform

    @torch.no_grad()
    def encode(self, waveform: torch.Tensor, active_codebooks: int | None = None) -> torch.Tensor:
        """waveform [B, 1, T] -> tokens [B, K, F] with F = ceil(T / hop) + 1.

        The extra frame of zeros carries the second half of the last window; without it the last hop of audio would be
        decoded from half of its overlap.
        """
        hop = self.config.hop_length
        padding = -waveform.shape[2] % hop + hop
        return self.rvq.encode(self.encoder(F.pad(waveform, (0, padding))), active_codebooks)

    @torch.no_grad()
    def decode(self, tokens: torch.Tensor, num_samples: int) -> torch.Tensor:
        """tokens [B, K, F] -> waveform [B, 1, num_samples]."""
        return self.synthesize(self.rvq.decode(tokens))[:, :, :num_samples]

    @torch.no_grad()
    def weight_bypass(self, power: torch.Tensor, exponent: float, num_coefficients: int | None = None) -> None:
        """Shape the bypass's noise for the ear: analysis rows times power ** exponent, synthesis by its inverse.

        With exponent -0.25 the quantizer's white error comes back shaped like the square root of the long-term
        spectrum. The scale is chosen so that the kept latents have mean power one. Rows from `num_coefficients` on
        start at zero and leave their latents to the networks.

        power: mean power of each latent under the plain MDCT basis, [D].
        """
        scale = power.clamp_min(1e-12) ** exponent
        kept = num_coefficients or len(scale)
        scale = scale / (power * scale**2)[:kept].mean().sqrt()
        inverse = 1 / scale
        scale[kept:] = 0
        inverse[kept:] = 0
        self.encoder.bypass.weight.mul_(scale[:, None, None])
        self.decoder.bypass.weight.mul_(inverse[:, None, None])
