"""Reconstruction losses: what was decoded, and the clean ones where a loss compares, -> scalars.

Waveforms are [B, 1, T]; ContourLoss takes log-mels.
"""

from __future__ import annotations

import itertools
import math

import torch
import torch.nn.functional as F
from torch import nn

from .excitation import LOUDEST_LOG_MEL
from .features import mel_filters

MEL_RESOLUTIONS = ((64, 5), (128, 10), (256, 20), (512, 40), (1024, 80), (2048, 160))
"""Window length (samples) and number of mel bands; hops are a quarter of the window."""

MEL_FLOOR = 3e-4
"""Added to mel magnitudes of a 1024 window (in proportion for others): about 80 dB below a full-scale tone, so that no
capacity is spent on noise floors."""

LOUDNESS_EXPONENT = 0.46
"""Zwicker's law: loudness grows as power to the 0.23."""

LOUDNESS_MIN_WINDOW = 512
"""Loudness is compared over windows of 32 ms and more, about what the ear integrates over."""

CONTOUR_SECONDS = 0.08
"""Hissing sounds are told apart by their levels over such times."""

MASKED_POWER = 10**-4.5
"""Of the loudest band of a frame, added to all its bands: what is 45 dB weaker is hardly heard beside it."""

SILENT_POWER = 1e-9
"""Added to powers of mels: 10 dB above those of silence, which are 1e-10, and 109 dB below a full-scale tone's band."""

HARMONIC_WINDOWS = (512, 1024, 2048)
"""Windows (samples) of single bins: 32 ms tells the harmonics of a high voice apart, 128 ms those of a low one."""

BIN_FLOOR = 1e-5
"""Added to the magnitudes of single bins, which are half those of a tone: 94 dB below full scale."""


def magnitudes(spectrum: torch.Tensor) -> torch.Tensor:
    """Absolute values of a complex tensor with a gradient that stays finite at zero."""
    return (spectrum.real.square() + spectrum.imag.square() + 1e-12).sqrt()


class MelLoss(nn.Module):
    """Multi-resolution mel distances: of logarithms, and of loudness, where loud frames and bands count for more."""

    def __init__(self, sample_rate: int) -> None:
        super().__init__()
        for size, bands in MEL_RESOLUTIONS:
            filters = mel_filters(sample_rate, size, bands, 0.0, sample_rate / 2)
            self.register_buffer(f"filters{size}", filters, persistent=False)
            self.register_buffer(f"window{size}", torch.hann_window(size), persistent=False)

    def mel(self, waveform: torch.Tensor, size: int) -> torch.Tensor:
        window = self.get_buffer(f"window{size}")
        spectrum = torch.stft(waveform[:, 0], size, size // 4, window=window, return_complex=True)
        floor = MEL_FLOOR * size / 1024
        return self.get_buffer(f"filters{size}") @ magnitudes(spectrum) + floor

    def forward(self, decoded: torch.Tensor, clean: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns (L1 of log10 mels, relative loudness error), each a mean over its resolutions."""
        logarithmic: list[torch.Tensor] = []
        loudness: list[torch.Tensor] = []
        for size, _ in MEL_RESOLUTIONS:
            log_decoded = self.mel(decoded, size).log()
            with torch.no_grad():
                log_clean = self.mel(clean, size).log()
            logarithmic.append(F.l1_loss(log_decoded, log_clean) / math.log(10))
            if size >= LOUDNESS_MIN_WINDOW:
                loudness.append(relative_loudness_error(log_decoded, log_clean))
        return torch.stack(logarithmic).mean(), torch.stack(loudness).mean()


def relative_loudness_error(log_decoded: torch.Tensor, log_clean: torch.Tensor) -> torch.Tensor:
    """Natural-log mels [B, M, F'] -> mean over frames of the error's norm over bands, by that of the clean loudness."""
    clean = (log_clean * LOUDNESS_EXPONENT).exp()
    error = (log_decoded * LOUDNESS_EXPONENT).exp() - clean
    return (error.square().mean(1) + 1e-12).sqrt().mean() / clean.square().mean(1).sqrt().mean()


class ContourLoss(nn.Module):
    """How far levels lie apart: L1 of the logarithms of root mean squares, of mels over 80 ms and three bands.

    The level of a single mel of a hiss is chance. A loss on single mels makes tokens hold that chance, and hardly
    notices the level around it.
    """

    kernel: torch.Tensor

    def __init__(self, mel_hop_seconds: float) -> None:
        super().__init__()
        over_time = torch.hann_window(round(CONTOUR_SECONDS / mel_hop_seconds) + 2, periodic=False)[1:-1]
        over_bands = torch.tensor([0.25, 0.5, 0.25])
        kernel = over_bands[:, None] * over_time / over_time.sum()
        self.register_buffer("kernel", kernel[None, None], persistent=False)

    def forward(self, decoded: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
        """Natural-log mels [B, M, F'], M at least 3 and F' at least the frames of 80 ms -> a mean without the edges."""
        a, b = self._power(decoded), self._power(clean)
        floor = MASKED_POWER * b.amax(1, keepdim=True) + SILENT_POWER
        return F.l1_loss((a + floor).log(), (b + floor).log()) / 2

    def _power(self, log_mel: torch.Tensor) -> torch.Tensor:
        power = (2 * log_mel.float().clamp_max(LOUDEST_LOG_MEL)).exp()
        return F.conv2d(power[:, None], self.kernel, stride=(1, 2))[:, 0]


class HarmonicLoss(nn.Module):
    """Relative loudness error of single bins, below a highest frequency: what lies between harmonics counts.

    Bands of mels hold several harmonics from a few hundred Hz on, and with them the noise of a voice whose phases do
    not follow on from frame to frame. Above, speech is noise, whose single bins cannot be told.
    """

    def __init__(self, sample_rate: int, highest_hz: float = 4000.0) -> None:
        super().__init__()
        self.num_bins = {size: round(highest_hz * size / sample_rate) for size in HARMONIC_WINDOWS}
        for size in HARMONIC_WINDOWS:
            self.register_buffer(f"window{size}", torch.hann_window(size), persistent=False)

    def forward(self, decoded: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
        """Mean over the windows."""
        errors = []
        for size in HARMONIC_WINDOWS:
            log_decoded, log_clean = (self._log_magnitudes(x, size) for x in (decoded, clean))
            errors.append(relative_loudness_error(log_decoded, log_clean))
        return torch.stack(errors).mean()

    def _log_magnitudes(self, waveform: torch.Tensor, size: int) -> torch.Tensor:
        window = self.get_buffer(f"window{size}")
        spectrum = torch.stft(waveform[:, 0], size, size // 4, window=window, return_complex=True)
        return (magnitudes(spectrum[:, 1 : self.num_bins[size]]) / window.sum() + BIN_FLOOR).log()


class PhaseLoss(nn.Module):
    """How far low frequencies are from moving with the clean ones: 0 for a copy of any level, 1 for no relation.

    Few tokens cannot hold the phases of a whole voice; those of its lowest harmonics keep it in its place, and keep it
    clear of noise. One number for each crop and band, so that silence gains nothing. Magnitudes count by their square
    roots.
    """

    window: torch.Tensor

    def __init__(self, sample_rate: int, bands_hz: tuple[float, ...] = (0.0, 500.0, 1000.0), size: int = 512) -> None:
        super().__init__()
        self.size = size
        edges = [round(hz * size / sample_rate) + 1 for hz in bands_hz]
        self.bands = [slice(first, behind) for first, behind in itertools.pairwise(edges)]
        self.register_buffer("window", torch.hann_window(size), persistent=False)

    def forward(self, decoded: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
        """Mean over crops and bands."""
        a, b = (self._spectrum(x) for x in (decoded, clean))
        return torch.stack([self._distance(a[:, band], b[:, band]) for band in self.bands]).mean()

    @staticmethod
    def _distance(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        product = (a * b).sum((1, 2, 3))
        norms = a.square().sum((1, 2, 3)) * b.square().sum((1, 2, 3))
        return (1 - product / (norms + 1e-12).sqrt()).mean()

    def _spectrum(self, waveform: torch.Tensor) -> torch.Tensor:
        """[B, bins, F, 2]: real and imaginary parts over the root of the magnitude."""
        spectrum = torch.stft(waveform[:, 0], self.size, self.size // 4, window=self.window, return_complex=True)
        spectrum = spectrum[:, : self.bands[-1].stop]
        return torch.view_as_real(spectrum) / (magnitudes(spectrum)[..., None] + 1e-3).sqrt()


class FrameLock(nn.Module):
    """How far phases of a band are the same in every frame: 1 for one frame repeated, little for speech.

    Fricatives and breath have random phases, which a decoder without noise of its own likes to make as one waveform,
    again in every frame: a buzz at the frame rate, to which losses on magnitudes are deaf. The band is what such a
    decoder says itself and tokens do not hold. Each crop is heard by itself: in the mean of a batch one crop that
    hisses would count for nothing.
    """

    window: torch.Tensor

    def __init__(
        self, sample_rate: int, hop_length: int, highest_hz: float, lowest_hz: float = 1000.0, size: int = 512
    ) -> None:
        super().__init__()
        self.size, self.hop_length = size, hop_length
        self.bins = slice(*(round(hz * size / sample_rate) for hz in (lowest_hz, highest_hz)))
        self.register_buffer("window", torch.hann_window(size), persistent=False)

    def forward(self, decoded: torch.Tensor) -> torch.Tensor:
        """Mean over crops [B, 1, T] and bins of the squared length of the frames' mean phase, 1 / F by chance alone."""
        spectrum = torch.stft(
            decoded[:, 0], self.size, self.hop_length, window=self.window, center=False, return_complex=True
        )[:, self.bins]
        phases = spectrum / magnitudes(spectrum)
        mean = phases.mean(2)
        return (mean.real.square() + mean.imag.square()).mean()
