"""waveform [B, 1, T] -> log_mel [B, M, F] for any config of a vocoder; F = T // hop, or one more on centred frames."""

from __future__ import annotations

from functools import lru_cache

import librosa
import torch

from ..features import padded_stft
from .config import MelFeaturesConfig


@lru_cache(maxsize=16)
def mel_filters(config: MelFeaturesConfig) -> torch.Tensor:
    """Triangular filters: [M, fft_length // 2 + 1]."""
    return torch.from_numpy(
        librosa.filters.mel(
            sr=config.sample_rate,
            n_fft=config.fft_length,
            n_mels=config.num_mels,
            fmin=config.min_frequency_hz,
            fmax=config.max_frequency_hz,
            htk=config.mel_scale == "htk",
            norm="slaney" if config.norm == "slaney" else None,
        )
    )


def log_mel(waveform: torch.Tensor, config: MelFeaturesConfig) -> torch.Tensor:
    """What the generator takes, and what its loss compares."""
    is_centered = config.padding == "reflect-center"
    edge = (config.fft_length - (0 if is_centered else config.hop_length)) // 2
    spectrum = padded_stft(waveform, config.fft_length, config.hop_length, config.window_length, edge)
    power = torch.view_as_real(spectrum).square().sum(-1) + config.power_offset
    if config.power == 1:
        # The root's slope is infinite at zero, where silence would have it.
        power = power.clamp_min(torch.finfo(torch.float32).tiny).sqrt()
    mel = (mel_filters(config).to(waveform.device) @ power).clamp_min(config.compression.floor)
    logarithm = mel.log() if config.compression.log == "natural" else mel.log10()
    return config.compression.scale * logarithm + config.compression.offset
