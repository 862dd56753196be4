"""Crops [B, 1, T] -> crops as microphones, rooms and wrong levels make them; the codec must give them back as they are.

A codec that hears only studio speech turns quiet speech into mush, clipped speech down, and noise into a buzz.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

LOWEST_RATIO_DB, HIGHEST_RATIO_DB = 0.0, 25.0
"""Speech over noise."""
LONGEST_REVERBERATION = 0.8
SHORTEST_REVERBERATION = 0.15
"""Seconds until the echo has decayed by 60 dB."""
HIGHEST_OVERLOAD_DB = 18.0
HIGHEST_OFFSET = 0.1


@dataclass(frozen=True)
class Augmentation:
    """Which share of the crops gets what; gains are log-uniform from `min_gain` to 1."""

    min_gain: float = 0.15
    reverberant_fraction: float = 0.0
    noisy_fraction: float = 0.0
    clipped_fraction: float = 0.0
    offset_fraction: float = 0.0


def augment(crops: torch.Tensor, options: Augmentation, sample_rate: int, random: torch.Generator) -> torch.Tensor:
    """Each crop's own draw of room, noise, gain beyond full scale and offset, in the order in which they happen."""

    def uniform(low: float, high: float) -> float:
        return low + (high - low) * float(torch.rand((), generator=random))

    def happens(fraction: float) -> bool:
        return uniform(0, 1) < fraction

    worse = []
    for crop in crops:
        if happens(options.reverberant_fraction):
            crop = reverberate(crop, uniform(SHORTEST_REVERBERATION, LONGEST_REVERBERATION), sample_rate, random)
        if happens(options.noisy_fraction):
            noise = colored_noise(crop.shape[-1], uniform(0, 1), random)
            crop = crop + noise * rms(crop) * 10 ** (-uniform(LOWEST_RATIO_DB, HIGHEST_RATIO_DB) / 20)
        if happens(options.clipped_fraction):
            overload = 10 ** (uniform(0, HIGHEST_OVERLOAD_DB) / 20)
            crop = (crop * overload / float(crop.abs().max() + 1e-6)).clamp(-1, 1)
        if happens(options.offset_fraction):
            crop = crop + uniform(-HIGHEST_OFFSET, HIGHEST_OFFSET)
        worse.append(crop)
    return torch.stack(worse)


def rms(waveform: torch.Tensor) -> float:
    return float(waveform.square().mean().sqrt())


def colored_noise(num_samples: int, exponent: float, random: torch.Generator) -> torch.Tensor:
    """Noise of level one, [T], whose power falls as 1 / f ** exponent: 0 is white, 1 is pink."""
    white = torch.randn(num_samples, generator=random)
    spectrum = torch.fft.rfft(white)
    frequency = torch.arange(len(spectrum)).clamp_min(1)
    noise: torch.Tensor = torch.fft.irfft(spectrum * frequency ** (-exponent / 2), n=num_samples)
    return noise / rms(noise)


def reverberate(crop: torch.Tensor, seconds: float, sample_rate: int, random: torch.Generator) -> torch.Tensor:
    """A crop [1, T] in a room: itself and decaying noise, at the crop's level.

    Source: Polack 1988, of which the exponentially decaying Gaussian noise is the usual short form.
    """
    length = math.ceil(seconds * sample_rate)
    decay = 10 ** (-3 * torch.arange(length) / length)
    response = torch.randn(length, generator=random) * decay
    # About as much of the sound comes straight as comes around.
    response = response / response.square().sum().sqrt()
    response[0] = 1.0
    size = 1 << math.ceil(math.log2(crop.shape[-1] + length))
    wet: torch.Tensor = torch.fft.irfft(torch.fft.rfft(crop, n=size) * torch.fft.rfft(response, n=size), n=size)
    wet = wet[..., : crop.shape[-1]]
    return wet * (rms(crop) / (rms(wet) + 1e-9))
