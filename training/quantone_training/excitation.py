"""What is added to the decoder's spectrum: harmonics and noise. Above the direct bins there is nothing else.

direct [B, 2 * direct_bins, F'], log_mel [B, M, F'], quantized [B, D, F], trunk [B, C, F'] -> [B, 2 * bins, F'].

Harmonics: each frame's lowest bins become a waveform of one window, which goes through rectifiers. What comes out has
all the multiples of its harmonics, in step with them from frame to frame.
Noise: a waveform whose every hop has random phases, drawn from what was quantized, so that they are others in each, and
the same for the same tokens. Layers that are given no noise make one waveform of a hiss, again in every frame.
All are flat, come to the level that the log-mel says, and are weighed by complex masks that the network gives.
Source: Makhoul and Berouti 1979, "High-frequency regeneration in speech coding systems"; McCree and Barnwell 1995, "A
mixed excitation LPC vocoder model for low bit rate speech coding"; how it is made here is this project's
(docs/decisions/0007; EXPERIMENTS.md, sections 14 and 15).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn

from .config import CodecConfig
from .features import mel_filters

NOISE_STEEPNESS = 0.5
"""Standard deviation of the noise's directions, in turns: latents are about ten long, so that others are far off."""

NOISE_SEED = 7
"""Of the directions of new runs. Those of trained weights are in their file, in float16: close to a checkpoint's."""

LOUDEST_LOG_MEL = math.log(20)
"""Of tones of full scale the highest band of speech-16k is 8.5. Whatever a network says of a mel it never heard, its
exponential stays within bounds."""

INITIAL_NOISE = 1.0
"""The noise's masks above the direct bins, where speech is mostly noise."""


class Excitation(nn.Module):
    """Its one layer is the linear head of the masks."""

    window: torch.Tensor
    bands_to_bins: torch.Tensor
    smoothing: torch.Tensor
    mel_to_level: torch.Tensor
    noise_directions: torch.Tensor
    noise_offsets: torch.Tensor

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.sizes = config.decoder.excitation
        self.fft_length, self.upsample_factor = config.vocoder.fft_length, config.decoder.upsample_factor
        num_bins = self.fft_length // 2 + 1
        window = torch.hann_window(self.fft_length)
        self.register_buffer("window", window / window.square().mean().sqrt(), persistent=False)
        self.register_buffer("bands_to_bins", interpolation(num_bins, self.sizes.bins_per_band), persistent=False)
        self.register_buffer("smoothing", smoothing(num_bins, self.sizes.smoothing_bins), persistent=False)
        self.register_buffer("mel_to_level", mel_to_level(config), persistent=False)
        self.num_bins = num_bins
        self.num_sources = len(self.sizes.thresholds) + 1
        num_bands = self.bands_to_bins.shape[1]
        self.masks = nn.Conv1d(config.decoder.subframe_channels, 2 * self.num_sources * num_bands, 1)
        self.hop_length = config.vocoder.hop_length
        # Those with whole turns in a hop, below half the sample rate: there only a cosine would be left.
        self.num_tones = (self.hop_length - 1) // 2
        random = torch.Generator().manual_seed(NOISE_SEED)
        directions = torch.randn(self.num_tones * self.upsample_factor, config.latent_dim, generator=random)
        self.register_buffer("noise_directions", NOISE_STEEPNESS * directions)
        self.register_buffer("noise_offsets", torch.rand(len(directions), generator=random))

    @torch.no_grad()
    def start_with_noise(self) -> None:
        """Masks of an untrained network: no harmonics, and noise where there is nothing else."""
        for parameter in self.masks.parameters():
            parameter.zero_()
        assert self.masks.bias is not None
        noise = self.masks.bias.view(2, self.num_sources, -1)[0, -1]
        noise[self.sizes.direct_bins // self.sizes.bins_per_band :] = INITIAL_NOISE

    def forward(
        self, direct: torch.Tensor, log_mel: torch.Tensor, quantized: torch.Tensor, trunk: torch.Tensor
    ) -> torch.Tensor:
        masks = self.masks(trunk).float()
        masks = masks.view(len(masks), 2, self.num_sources, -1, masks.shape[2])
        with torch.autocast(direct.device.type, enabled=False):
            real, imaginary = direct.float().chunk(2, 1)
            # No gradient goes down any of these ways: the low band and the mel have losses of their own, and near
            # silence it would be immense.
            harmonics = self.harmonics(torch.complex(real.detach(), imaginary.detach()))
            sources = torch.cat([harmonics, self.noise(quantized.detach().float())[:, None]], 1)
            level = self.mel_to_level @ log_mel.float().detach().clamp_max(LOUDEST_LOG_MEL).exp()
            weights_real, weights_imaginary = (self.bands_to_bins @ masks).unbind(1)
            excitation = level * (torch.complex(weights_real, weights_imaginary) * sources).sum(1)
            beyond = (0, 0, 0, self.num_bins - self.sizes.direct_bins)
            return torch.cat([F.pad(real, beyond) + excitation.real, F.pad(imaginary, beyond) + excitation.imag], 1)

    def harmonics(self, direct: torch.Tensor) -> torch.Tensor:
        """Complex [B, direct bins, F'] -> complex [B, K, bins, F'], whose bins have about the size of one."""
        low = direct[:, : self.sizes.low_bins + 1].clone()
        low[:, 0] = 0
        frame = torch.fft.irfft(low, n=self.fft_length, dim=1)
        frame = frame / (frame.square().mean(1, keepdim=True) + self.sizes.level_floor**2).sqrt()
        # The frame is a signal times the window. Limits times the window rectify the signal, whose harmonics stay as
        # narrow as they were. Less what a rectifier makes of silence, which would only cost precision.
        rectified = [
            (frame - limit * self.window[:, None]).clamp_min(0) - max(-limit, 0) * self.window[:, None]
            for limit in self.sizes.thresholds
        ]
        overtones = torch.fft.rfft(torch.stack(rectified, 1), dim=2)
        overtones[:, :, 0] = 0
        power = overtones.real.square() + overtones.imag.square()
        harmonics: torch.Tensor = overtones / (self.smoothing @ power + self.sizes.power_floor).sqrt()
        return harmonics

    def noise(self, quantized: torch.Tensor) -> torch.Tensor:
        """[B, D, F] -> complex [B, bins, F'] of a waveform whose newest hop is drawn from the newest frame heard.

        The tones of a hop are equally loud and only their phases are drawn: the level of noise that is drawn sample by
        sample wavers by a decibel over 80 ms and 400 Hz, that of this by half of it. A waveform, and not each frame's
        spectrum: frames that are drawn apart cancel in part where they overlap.
        """
        real, imaginary = self.phases(quantized).unbind(1)
        tones = F.pad(torch.complex(real, imaginary), (0, 0, 1, self.hop_length // 2 - self.num_tones))
        hops = torch.fft.irfft(tones, n=self.hop_length, dim=1) * (self.hop_length / math.sqrt(2 * self.num_tones))
        num_frames = hops.shape[2]
        num_past = -(-self.fft_length // self.hop_length) - 1
        before = F.pad(hops, (num_past, 0))
        samples = torch.cat([before[:, :, past : past + num_frames] for past in range(num_past + 1)], 1)
        windowed = self.window[:, None] * samples[:, -self.fft_length :]
        noise: torch.Tensor = torch.fft.rfft(windowed, dim=1) / math.sqrt(self.fft_length)
        noise[:, 0] = 0
        return noise

    def phases(self, quantized: torch.Tensor) -> torch.Tensor:
        """[B, D, F] -> points of the unit circle, real and imaginary parts [B, 2, tones, F'].

        Of the directions, row c * factor + p has tone c of subframe p. A point goes round a square that stands on its
        tip, and is brought from there to the circle; near the tips it is more often than half way between. Triangles
        have no jumps, as fractions have, at which two computers that add in other orders would draw other numbers.
        """
        turns = self.noise_directions @ quantized + self.noise_offsets[:, None]
        batch, _, frames = turns.shape
        by_tone = turns.view(batch, self.num_tones, self.upsample_factor, frames)
        by_subframe = by_tone.permute(0, 1, 3, 2).flatten(2)
        square = triangle(torch.stack([by_subframe, by_subframe + 0.25], 1))
        return square / square.square().sum(1, keepdim=True).sqrt()


def triangle(turns: torch.Tensor) -> torch.Tensor:
    """From 1 at whole turns to -1 at half ones, in straight lines."""
    return 4 * (turns - turns.floor() - 0.5).abs() - 1


def interpolation(num_bins: int, spacing: int) -> torch.Tensor:
    """Bands to bins by straight lines, [bins, bands]: band j lies at bin j * spacing."""
    num_bands = (num_bins - 2) // spacing + 2
    distance = (torch.arange(num_bins)[:, None] - spacing * torch.arange(num_bands)).abs()
    return (1 - distance / spacing).clamp_min(0)


def smoothing(num_bins: int, reach: int) -> torch.Tensor:
    """A mean over the bins nearer than `reach` + 1, [bins, bins], near ones counting for more."""
    distance = (torch.arange(num_bins)[:, None] - torch.arange(num_bins)).abs()
    weights = (1 - distance / (reach + 1)).clamp_min(0)
    return weights / weights.sum(1, keepdim=True)


def mel_to_level(config: CodecConfig) -> torch.Tensor:
    """Mel magnitudes to magnitudes of the spectrum's bins, [bins, M], as noise has them in its windows."""
    mel, vocoder = config.mel, config.vocoder
    bands = mel_filters(
        config.sample_rate, vocoder.fft_length, mel.num_mels, mel.min_frequency_hz, mel.max_frequency_hz
    )
    nearness = bands.T / bands.sum(0)[:, None].clamp_min(1e-9)
    # A filter's weights sum to one over Hz, so a mel over bins of so many Hz is a mean magnitude; that of noise grows
    # with the root of the window.
    mean_of_band = config.sample_rate / mel.fft_length
    return nearness * mean_of_band * math.sqrt(vocoder.fft_length / mel.window_length) / vocoder.spectrum_gain
