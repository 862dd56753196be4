"""spectrum [B, 2 * bins, F'] -> the last T samples of what it says, [B, 1, T]: an inverse STFT head, no parameters.

The spectrum is linear (real and imaginary bins), which learns far sooner than magnitude and phase.
Source: Siuzdak 2023 (Vocos), section 3, for the inverse STFT as the last stage.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from .config import VocoderConfig


class Vocoder(nn.Module):
    """Windowed overlap-add, divided by the overlap-added squared window."""

    window: torch.Tensor

    def __init__(self, config: VocoderConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("window", torch.hann_window(config.fft_length), persistent=False)

    def overlap_add(self, frames: torch.Tensor) -> torch.Tensor:
        """[B, fft_length, F'] -> [B, F' * hop], the (fft_length - hop) / 2 samples at either end cropped."""
        size, hop = self.config.fft_length, self.config.hop_length
        length = (frames.shape[2] - 1) * hop + size
        crop = (size - hop) // 2
        full = F.fold(frames, (1, length), (1, size), stride=(1, hop))[:, 0, 0]
        return full[:, crop : crop + frames.shape[2] * hop]

    def forward(self, spectrum: torch.Tensor, num_samples: int) -> torch.Tensor:
        real, imaginary = (spectrum.float() * self.config.spectrum_gain).chunk(2, 1)
        window = self.window[:, None]
        frames = torch.fft.irfft(torch.complex(real, imaginary), n=self.config.fft_length, dim=1) * window
        weight = self.overlap_add((window**2)[None].expand(1, -1, frames.shape[2]))
        waveform = self.overlap_add(frames) / weight.clamp_min(self.config.window_sum_floor)
        return waveform[:, None, -num_samples:]
