"""Harmonics are multiples of the low ones, in step with them, at any level; noise is new in every hop."""

from __future__ import annotations

import math

import pytest
import torch

from quantone_training.config import CodecConfig, load_codec_config
from quantone_training.excitation import Excitation, interpolation, mel_to_level, smoothing
from quantone_training.features import log_mel
from quantone_training.vocoder import Vocoder

from .conftest import ROOT

SPACING_BINS = 4
"""Harmonics of the test's voice lie 125 Hz apart: between two of them a Hann window has a zero."""


@pytest.fixture
def config() -> CodecConfig:
    return load_codec_config(ROOT / "codecs/speech-16k/config.json")


def voice(size: int, delay: float = 0.0) -> torch.Tensor:
    """Seven harmonics of pulses, up to 875 Hz, through a window: complex [1, bins, 1]."""
    time = torch.arange(size, dtype=torch.float64) - size / 2 - delay
    angles = 2 * math.pi * SPACING_BINS / size * time
    pulses = torch.stack([torch.cos(n * angles) for n in range(1, 8)]).sum(0)
    return torch.fft.rfft(pulses * torch.hann_window(size, dtype=torch.float64))[None, :, None].cfloat()


def harmonics_of_peaks(config: CodecConfig, delay: float = 0.0) -> torch.Tensor:
    """Pulses that point up and such as point down, each through two rectifiers that cut them: [4, bins]."""
    excite, bins = Excitation(config).harmonics, config.decoder.excitation.direct_bins
    up, down = (excite(sign * voice(512, delay)[:, :bins])[0, :, :, 0] for sign in (1, -1))
    return torch.cat([up[1:], down[:2]])


@torch.no_grad()
def test_harmonics_are_multiples_of_the_low_harmonics(config: CodecConfig) -> None:
    """Bins at multiples stand out of those between, up to 4 kHz: noise would score about 1, cut windows 3."""
    made = harmonics_of_peaks(config).abs()
    first, last = config.decoder.excitation.low_bins + SPACING_BINS, 128
    at = made[:, first:last:SPACING_BINS].mean(1)
    between = made[:, first + SPACING_BINS // 2 : last : SPACING_BINS].mean(1)
    assert (at / between > 1000).all()
    assert ((made[:, first:last].square().mean(1).sqrt() - 1).abs() < 0.2).all()


@torch.no_grad()
def test_harmonics_move_with_the_low_harmonics(config: CodecConfig) -> None:
    """A voice that comes ten samples later has its multiples ten samples later; phases of their own would score 2."""
    before, after = (harmonics_of_peaks(config, delay) for delay in (0, 10))
    harmonics = torch.arange(36, 128, SPACING_BINS)
    turned = before[:, harmonics] * torch.polar(torch.ones(len(harmonics)), -2 * math.pi * harmonics * 10 / 512)
    error = (after[:, harmonics] - turned).abs().square().sum(1) / turned.abs().square().sum(1)
    assert (error < 1e-6).all()


@torch.no_grad()
def test_noise_is_drawn_by_what_was_quantized(config: CodecConfig) -> None:
    """Equal tokens give equal points of the unit circle; others give others, centred, and near ones near ones."""
    excitation = Excitation(config)
    quantized = 1.2 * torch.randn(1, 64, 200)
    quantized[:, :, 1] = quantized[:, :, 0]
    phases = excitation.phases(quantized)[0]
    assert phases.shape == (2, 79, 400)
    assert torch.allclose(phases.square().sum(0), torch.ones(79, 400))
    assert torch.equal(phases[:, :, :2], phases[:, :, 2:4]) and not torch.equal(phases[:, :, 2:4], phases[:, :, 4:6])
    assert not torch.equal(phases[:, :, 0], phases[:, :, 1])
    # By chance alone the mean of 400 has a length of .05; one that is again in every hop has 1.
    assert phases.mean(2).norm(dim=0).mean() < 0.1
    later = excitation.phases(quantized + 0.005 * torch.randn(1, 64, 200))[0]
    assert 0.97 < (phases * later).sum(0).mean() < 0.999


@torch.no_grad()
def test_tones_of_a_hop_are_equally_loud(config: CodecConfig) -> None:
    """Hops of the decoded waveform: 79 equal tones and nothing at 8 kHz.

    Gaussian noise, hops that are cut elsewhere, and real parts used twice score .5.
    """
    spectra = Excitation(config).noise(1.2 * torch.randn(1, 64, 100))
    waveform = Vocoder(config.vocoder)(torch.cat([spectra.real, spectra.imag], 1), 32_000)[0, 0]
    # The newest hop of a window ends with it: (512 - 160) / 2 samples further on, which is a hop and 16.
    hops = torch.fft.rfft(waveform[816:].unfold(0, 160, 160)[:180]).abs()
    tones = hops[:, 1:80]
    assert tones.std() / tones.mean() < 0.02
    assert hops[:, 80].mean() < 0.01 * tones.mean()


@torch.no_grad()
def test_noise_wavers_less_than_chance(config: CodecConfig) -> None:
    """Over 80 ms and 400 Hz the level of the noise wavers half as much as that of Gaussian noise; its bins are one."""
    spectra = Excitation(config).noise(1.2 * torch.randn(1, 64, 800))
    assert spectra.shape == (1, 257, 1600)
    # A gain that is 1 dB off scores .8 or 1.26.
    assert spectra[:, :, 8:].abs().square().mean() == pytest.approx(1, abs=0.05)
    waveform = Vocoder(config.vocoder)(torch.cat([spectra.real, spectra.imag], 1), 250_000)[0, 0, 2000:]

    def levels(samples: torch.Tensor) -> torch.Tensor:
        window = torch.hann_window(1280)
        power = torch.stft(samples, 1280, 1280, window=window, return_complex=True).abs().square()
        return 10 * power[32:608, 1:-1].view(18, 32, -1).mean(1).log10()

    ours, chance = levels(waveform), levels(torch.randn(248_000))
    assert (ours.mean(1) - ours.mean()).abs().max() < 0.2
    assert 0.9 < chance.std(1).mean() < 1.3
    assert ours.std(1).mean() < 0.6


@torch.no_grad()
def test_masks_weigh_what_is_added(config: CodecConfig) -> None:
    excitation = Excitation(config)
    excitation.start_with_noise()
    direct, mel, trunk = torch.randn(2, 192, 8), torch.randn(2, 80, 8) - 3, torch.randn(2, 384, 8)
    quantized = torch.randn(2, 64, 4)
    begun = excitation(direct, mel, quantized, trunk)
    # Before it has learned, noise comes above the direct bins only (a band lies four bins wide around its own).
    assert torch.equal(begun[:, :93], direct[:, :93]) and torch.equal(begun[:, 257:350], direct[:, 96:189])
    assert begun[:, 100:256].square().mean(1).min() > 0
    torch.nn.init.zeros_(excitation.masks.bias)  # type: ignore[arg-type]
    silent = excitation(direct, mel, quantized, trunk)
    assert torch.equal(silent[:, :96], direct[:, :96]) and torch.equal(silent[:, 257:353], direct[:, 96:])
    assert silent[:, 96:257].abs().max() == silent[:, 353:].abs().max() == 0
    torch.nn.init.normal_(excitation.masks.weight, std=0.05)
    excited = excitation(direct, mel, quantized, trunk)
    # A level higher by a neper is e times the excitation; of each other frames know the last three hops of noise.
    louder = excitation(direct, mel + 1, quantized, trunk)
    assert torch.allclose(louder - silent, math.e * (excited - silent), rtol=1e-3, atol=1e-4)
    alone = excitation(direct[:, :, 2:], mel[:, :, 2:], quantized[:, :, 1:], trunk[:, :, 2:])
    assert torch.allclose(alone[:, :, 3:], excited[:, :, 5:], atol=1e-5)
    assert not torch.allclose(alone[:, :, 2], excited[:, :, 4], atol=1e-5)
    # A mel beyond all bounds is as loud as anything can be, and no louder.
    wild = excitation(direct, mel + 100, quantized, trunk)
    assert wild.abs().max() < 1000


@torch.no_grad()
def test_the_mel_says_the_level_of_noise(config: CodecConfig) -> None:
    """White noise, and what the decoder makes of its log-mel with a mask of one: as loud within 1.5 dB."""
    white = 0.1 * torch.randn(1, 1, 160_000)
    excitation = Excitation(config)
    level = mel_to_level(config) @ log_mel(white, 16000, config.mel).exp()
    noise = level * excitation.noise(torch.randn(1, 64, 500))
    decoded = Vocoder(config.vocoder)(torch.cat([noise.real, noise.imag], 1), 160_000)
    sizes = {"n_fft": 512, "window": torch.hann_window(512), "return_complex": True}
    a, b = (torch.stft(x[:, 0], **sizes).abs().square().mean((0, 2))[8:-8] for x in (white, decoded))
    # A tenth of the spectrum at a time. A mel is a mean of magnitudes, 1 dB below that of powers; frames that were
    # drawn apart, or hops in another order, would lose 5 dB where they overlap.
    before, after = (power[:240].view(10, 24).mean(1) for power in (a, b))
    assert (10 * (after / before).log10()).abs().max() < 1.5


@torch.no_grad()
def test_silence_stays_silent(config: CodecConfig) -> None:
    excitation = Excitation(config)
    torch.nn.init.normal_(excitation.masks.weight, std=0.05)
    mel = torch.full((1, 80, 4), math.log(config.mel.floor))
    excited = excitation(torch.zeros(1, 192, 4), mel, torch.zeros(1, 64, 2), torch.randn(1, 384, 4))
    assert excited.abs().max() < 1e-3


def test_gradients_reach_masks_and_direct_bins_alone(config: CodecConfig) -> None:
    """Through the excitation none come down to the low band, the mel or the tokens."""
    excitation = Excitation(config)
    torch.nn.init.normal_(excitation.masks.weight, std=0.05)
    direct, mel = torch.randn(1, 192, 4, requires_grad=True), torch.zeros(1, 80, 4, requires_grad=True)
    quantized = torch.randn(1, 64, 2, requires_grad=True)
    excited = excitation(direct, mel, quantized, torch.randn(1, 384, 4))
    excited.square().sum().backward()
    lower = torch.cat([excited[:, :96], excited[:, 257:353]], 1)
    assert direct.grad is not None and torch.allclose(direct.grad, 2 * lower.detach())
    assert mel.grad is None and quantized.grad is None
    assert excitation.masks.weight.grad is not None and excitation.masks.weight.grad.abs().max() > 0


def test_bands_and_means_cover_every_bin() -> None:
    for num_bins, spacing in ((257, 4), (65, 4), (65, 3), (10, 7)):
        bands = interpolation(num_bins, spacing)
        assert torch.allclose(bands.sum(1), torch.ones(num_bins))
        assert torch.allclose(bands @ (spacing * torch.arange(bands.shape[1]).float()), torch.arange(num_bins).float())
    assert torch.allclose(smoothing(65, 8).sum(1), torch.ones(65))
    assert smoothing(65, 3)[20].count_nonzero() == 7
