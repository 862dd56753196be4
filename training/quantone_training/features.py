"""Fixed transforms: the MDCT basis of the bypass, the mel filter bank and the log-mel features a vocoder takes.

waveform [B, 1, T] -> log_mel [B, M, F'] with F' = T / hop. No parameters are learned here.
Source: Princen and Bradley 1986 (MDCT with the sine window); the mel convention is that of HiFi-GAN (Kong et al. 2020).
"""

from __future__ import annotations

import math
from functools import lru_cache

import librosa
import torch
import torch.nn.functional as F

from .config import MelConfig


def mdct_basis(num_coefficients: int, hop_length: int) -> torch.Tensor:
    """The lowest MDCT basis vectors under a sine window, orthonormal over overlapping frames: [D, 1, 2 * hop]."""
    sample = torch.arange(2 * hop_length, dtype=torch.float64)
    index = torch.arange(num_coefficients, dtype=torch.float64)[:, None]
    window = torch.sin(math.pi * (sample + 0.5) / (2 * hop_length)) * math.sqrt(2 / hop_length)
    basis = window * torch.cos(math.pi / hop_length * (sample + 0.5 + hop_length / 2) * (index + 0.5))
    return basis[:, None, :].float()


@lru_cache(maxsize=16)
def mel_filters(sample_rate: int, fft_length: int, num_mels: int, low_hz: float, high_hz: float) -> torch.Tensor:
    """Slaney-style triangular filters with area normalisation: [M, fft_length // 2 + 1]."""
    return torch.from_numpy(
        librosa.filters.mel(sr=sample_rate, n_fft=fft_length, n_mels=num_mels, fmin=low_hz, fmax=high_hz)
    )


def padded_stft(
    waveform: torch.Tensor, fft_length: int, hop_length: int, window_length: int, edge: int
) -> torch.Tensor:
    """[B, 1, T] -> complex [B, fft_length // 2 + 1, F], with `edge` mirrored samples on both sides.

    The window is periodic Hann, which may be shorter than the transform and is centred in it.
    """
    padded = F.pad(waveform.float(), (edge, edge), mode="reflect")[:, 0]
    window = torch.hann_window(window_length, device=waveform.device)
    return torch.stft(
        padded, fft_length, hop_length, win_length=window_length, window=window, center=False, return_complex=True
    )


def log_mel(waveform: torch.Tensor, sample_rate: int, config: MelConfig) -> torch.Tensor:
    """Natural logarithm of the mel magnitudes: [B, 1, T] -> [B, M, T // hop].

    Edges are (fft_length - hop) / 2, so that frame i is centred on sample (i + 0.5) * hop.
    """
    edge = (config.fft_length - config.hop_length) // 2
    magnitude = padded_stft(waveform, config.fft_length, config.hop_length, config.window_length, edge).abs()
    filters = mel_filters(
        sample_rate, config.fft_length, config.num_mels, config.min_frequency_hz, config.max_frequency_hz
    ).to(waveform.device)
    return (filters @ magnitude).clamp_min(config.floor).log()
