"""The whole codec on one page: waveform -> latents -> tokens -> quantized -> spectrum -> waveform."""

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
        """Start with biases of zero, and with input layers that pass on the level of what they are given.

        PyTorch's default shrinks the signal by the square root of three at every layer while the biases stay, so that
        it drowns in constants and hundreds of steps pass before anything is learned.
        """
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                parameter.zero_()
        for layer in (self.encoder.input, self.encoder.out, self.decoder.input, self.decoder.upsample):
            layer.weight.mul_(math.sqrt(3))
        self.decoder.excitation.start_with_noise()

    def synthesize(self, quantized: torch.Tensor) -> torch.Tensor:
        """quantized [B, D, F] -> waveform [B, 1, F * hop]."""
        num_samples = quantized.shape[2] * self.config.hop_length
        waveform: torch.Tensor = self.vocoder(self.decoder(quantized).spectrum, num_samples)
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
