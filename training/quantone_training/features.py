"""Fixed transforms: the mel filter bank and the log-mels that encoders and vocoders take.

waveform [B, 1, T] -> log_mel [B, M, F'] with F' = T / hop. No parameters are learned here.
Source: the mel convention is that of HiFi-GAN (Kong et al. 2020).
"""

from __future__ import annotations

import math
from functools import lru_cache

import librosa
import torch
import torch.nn.functional as F

from .config import MelConfig, PhaseConfig


@lru_cache(maxsize=16)
def mel_filters(sample_rate: int, fft_length: int, num_mels: int, low_hz: float, high_hz: float) -> torch.Tensor:
    """Slaney-style triangular filters with area normalisation: [M, fft_length // 2 + 1]."""
    return torch.from_numpy(
        librosa.filters.mel(sr=sample_rate, n_fft=fft_length, n_mels=num_mels, fmin=low_hz, fmax=high_hz)
    )


def padded_stft(
    waveform: torch.Tensor, fft_length: int, hop_length: int, window_length: int, edge: int
) -> torch.Tensor:
    """[B, 1, T] -> complex [B, fft_length // 2 + 1, F], with `edge` mirrored samples on both sides."""
    return _stft(F.pad(waveform.float(), (edge, edge), mode="reflect")[:, 0], fft_length, hop_length, window_length)


def _stft(samples: torch.Tensor, fft_length: int, hop_length: int, window_length: int) -> torch.Tensor:
    """[B, T] -> complex [B, fft_length // 2 + 1, F] under a periodic Hann window in the middle of each transform."""
    window = torch.hann_window(window_length, device=samples.device)
    return torch.stft(
        samples, fft_length, hop_length, win_length=window_length, window=window, center=False, return_complex=True
    )


def log_mel(waveform: torch.Tensor, sample_rate: int, config: MelConfig) -> torch.Tensor:
    """Natural logarithm of the mel magnitudes: [B, 1, T] -> [B, M, T // hop].

    Edges are (fft_length - hop) / 2, so that frame i is centred on sample (i + 0.5) * hop.
    """
    edge = (config.fft_length - config.hop_length) // 2
    spectrum = padded_stft(waveform, config.fft_length, config.hop_length, config.window_length, edge)
    return _log_mel_of(spectrum, sample_rate, config)


def causal_log_mel(waveform: torch.Tensor, sample_rate: int, config: MelConfig) -> torch.Tensor:
    """`log_mel` of what an encoder has heard by each hop's end: frame i's window ends before sample (i + 1) * hop.

    Before the signal there is silence.
    """
    # PyTorch centres the window in the transform; what lies beside it counts for nothing.
    beside = (config.fft_length - config.window_length) // 2
    padded = F.pad(waveform.float(), (beside + config.window_length - config.hop_length, beside))
    spectrum = _stft(padded[:, 0], config.fft_length, config.hop_length, config.window_length)
    return _log_mel_of(spectrum, sample_rate, config)


def causal_phases(waveform: torch.Tensor, sample_rate: int, mel: MelConfig, config: PhaseConfig) -> torch.Tensor:
    """Real and imaginary parts of the lowest frequencies, in the windows of `causal_log_mel`: [B, 2 * N, T // hop].

    Magnitudes are compressed: a part of a quiet voice counts nearly as much as one of a loud voice.
    """
    frequencies = config.spacing_hz * torch.arange(1, config.num_frequencies + 1, dtype=torch.float64)
    angles = 2 * math.pi * frequencies[:, None] / sample_rate * torch.arange(mel.window_length)
    window = torch.hann_window(mel.window_length, dtype=torch.float64)
    kernels = (torch.cat([angles.cos(), angles.sin()]) * window)[:, None].float().to(waveform.device)
    padded = F.pad(waveform.float(), (mel.window_length - mel.hop_length, 0))
    real, imaginary = F.conv1d(padded, kernels, stride=mel.hop_length).chunk(2, 1)
    gain = ((real.square() + imaginary.square()).sqrt() + config.floor) ** (config.exponent - 1)
    return torch.cat([real * gain, imaginary * gain], 1)


def _log_mel_of(spectrum: torch.Tensor, sample_rate: int, config: MelConfig) -> torch.Tensor:
    filters = mel_filters(
        sample_rate, config.fft_length, config.num_mels, config.min_frequency_hz, config.max_frequency_hz
    ).to(spectrum.device)
    return (filters @ spectrum.abs()).clamp_min(config.floor).log()
