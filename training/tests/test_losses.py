"""Features against librosa, and losses that know good from bad."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import torch

from quantone_training.config import load_codec_config
from quantone_training.discriminator import (
    Discriminators,
    adversarial_loss,
    discriminator_loss,
    feature_loss,
)
from quantone_training.features import causal_phases, log_mel
from quantone_training.losses import ContourLoss, FrameLock, HarmonicLoss, MelLoss, PhaseLoss

from .conftest import ROOT


def test_log_mel_equals_librosa() -> None:
    """Same frames as librosa on the mirrored signal; another window, hop, norm or scale differs by more than 0.1."""
    config = load_codec_config(ROOT / "codecs/speech-16k/config.json").mel
    samples = np.random.default_rng(0).standard_normal(16000).astype(np.float32) * 0.1
    edge = (config.fft_length - config.hop_length) // 2
    expected = librosa.feature.melspectrogram(
        y=np.pad(samples, edge, mode="reflect"),
        sr=16000,
        n_fft=1024,
        win_length=640,
        hop_length=160,
        n_mels=80,
        power=1.0,
        center=False,
    )
    ours = log_mel(torch.from_numpy(samples)[None, None], 16000, config)[0].numpy()
    assert ours.shape == (80, 100)
    assert np.abs(ours - np.log(np.maximum(expected, 1e-5))).max() < 1e-3


def test_phases_of_a_tone() -> None:
    """A tone of 75 Hz stands in the third of the frequencies, at its magnitude to the power of 0.3, with its phase."""
    config = load_codec_config(ROOT / "codecs/speech-16k/config.json")
    time = torch.arange(3200) / 16000
    tone = 0.1 * torch.cos(2 * torch.pi * 75 * time)[None, None]
    phases = causal_phases(tone, 16000, config.mel, config.phase)
    assert phases.shape == (1, 80, 20)
    # The window of frame 9 begins with sample 960, and adds up to half its length.
    magnitude, phase = 0.1 * 320 / 2, 2 * torch.pi * 75 * 960 / 16000
    expected = magnitude**0.3 * torch.tensor([np.cos(phase), np.sin(phase) * -1])
    assert torch.allclose(phases[0, [2, 42], 9], expected.float(), atol=1e-3)
    quiet = causal_phases(1e-3 * tone, 16000, config.mel, config.phase)
    assert float(quiet[0, 2, 9] / phases[0, 2, 9]) == pytest.approx(1e-3**0.3, rel=0.1)


def test_phase_loss_hears_places_and_not_levels() -> None:
    time = torch.arange(8000) / 16000
    voice = sum(torch.sin(2 * torch.pi * 120 * k * time) / k for k in range(1, 5))
    clean = (voice * (1 + torch.sin(2 * torch.pi * 3 * time)))[None, None] * 0.1
    loss = PhaseLoss(16000)
    assert float(loss(0.2 * clean, clean)) < 0.02
    assert float(loss(-clean, clean)) == pytest.approx(2, abs=0.02)
    assert float(loss(0.1 * torch.randn(1, 1, 8000), clean)) == pytest.approx(1, abs=0.2)
    assert float(loss(torch.zeros(1, 1, 8000), clean)) == pytest.approx(1)
    shifted = [float(loss(clean.roll(lag, 2), clean)) for lag in (2, 5, 10)]
    assert 0.0 < shifted[0] < shifted[1] < shifted[2]


def test_phase_loss_counts_its_bands_alike() -> None:
    time = torch.arange(8000) / 16000
    low, high = (0.1 * torch.sin(2 * torch.pi * hz * time)[None, None] for hz in (200, 700))
    loss = PhaseLoss(16000)
    assert float(loss(low - high, low + high)) == pytest.approx(1, abs=0.05)
    assert float(loss(low + high, low + high)) < 1e-3


def test_harmonic_loss_hears_what_lies_between_harmonics() -> None:
    """Ten harmonics whose phases are drawn anew every 20 ms, as loud as before: noise between them."""
    torch.manual_seed(0)
    time = torch.arange(16000) / 16000
    angles = 2 * torch.pi * 150 * torch.arange(1, 11)[:, None] * time
    clean = 0.02 * angles.cos().sum(0)[None, None]
    other_phases = 0.02 * (angles + 6 * torch.rand(10, 1)).cos().sum(0)[None, None]
    jumping = 0.02 * (angles + 6 * torch.rand(10, 50).repeat_interleave(320, 1)).cos().sum(0)[None, None]
    loss = HarmonicLoss(16000)
    assert float(loss(clean, clean)) < 1e-4
    assert float(loss(other_phases, clean)) < 0.2
    assert float(loss(jumping, clean)) > 0.5
    assert float(loss(torch.zeros_like(clean), clean)) == pytest.approx(1, abs=0.1)


def test_contour_loss_hears_levels_and_not_chance() -> None:
    """Another noise of the same level is near; 3 dB are 0.35 nepers; half a second of them counts by its time."""
    config = load_codec_config(ROOT / "codecs" / "speech-16k" / "config.json")
    torch.manual_seed(0)
    contour = ContourLoss(config.mel.hop_length / 16000)

    def loss(decoded: torch.Tensor, clean: torch.Tensor) -> float:
        return float(contour(log_mel(decoded, 16000, config.mel), log_mel(clean, 16000, config.mel)))

    clean, other = 0.1 * torch.randn(2, 1, 1, 32000)
    level = torch.ones(32000)
    level[8000:16000] = 10**0.15
    chance = loss(other, clean)
    assert loss(clean, clean) < 1e-6
    # Without the three bands .21, without the 80 ms .28, of single mels .39.
    assert chance < 0.18
    assert loss(10**0.15 * clean, clean) == pytest.approx(0.345, abs=0.01)
    assert loss(level * clean, clean) == pytest.approx(0.345 / 4, abs=0.02)
    # Below the mask nothing counts: a tone beside the noise, 60 dB above it.
    tone = 30 * torch.sin(2 * torch.pi * 3000 * torch.arange(32000) / 16000)
    assert loss(0.03 * (tone + other), 0.03 * (tone + clean)) < 0.1 * chance
    assert loss(0 * clean, 0 * clean) == 0
    silence = torch.zeros_like(clean, requires_grad=True)
    contour(log_mel(silence, 16000, config.mel), log_mel(clean, 16000, config.mel)).backward()
    assert silence.grad is not None and silence.grad.isfinite().all()


def test_losses_grow_with_the_error_and_vanish_without() -> None:
    clean = 0.1 * torch.randn(2, 1, 8000)
    noise = 0.1 * torch.randn(2, 1, 8000)
    mel = MelLoss(16000)
    terms = {
        "mel": lambda x: mel(x, clean)[0],
        "loudness": lambda x: mel(x, clean)[1],
    }
    for name, term in terms.items():
        none, little, much = (float(term(clean + amount * noise)) for amount in (0.0, 0.1, 0.8))
        assert none < little < much, name
    assert float(mel(clean, clean)[0]) < 1e-6


def test_discriminators_learn_to_tell_noise_from_tone() -> None:
    discriminators = Discriminators(4)
    optimizer = torch.optim.AdamW(discriminators.parameters(), lr=3e-3)
    time = torch.arange(4000) / 16000
    real = 0.3 * torch.sin(2 * torch.pi * 220 * time).repeat(2, 1, 1)
    first = last = 0.0
    for step in range(12):
        loss = discriminator_loss(discriminators(real), discriminators(0.2 * torch.randn(2, 1, 4000)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        last = float(loss.detach())
        first = first if step else last
    assert last < 0.6 * first
    fake = (0.2 * torch.randn(2, 1, 4000)).requires_grad_()
    judged = discriminators(fake)
    (adversarial_loss(judged) + feature_loss(discriminators(real), judged)).backward()
    assert fake.grad is not None and float(fake.grad.abs().max()) > 0
    with torch.no_grad():
        assert float(feature_loss(discriminators(real), discriminators(real))) < 1e-6


def test_frame_lock_hears_one_waveform_in_every_frame() -> None:
    torch.manual_seed(0)
    noise = torch.randn(4, 1, 16000)
    template = torch.randn(1, 1, 320).repeat(4, 1, 50)
    frame_lock = FrameLock(16000, 320, 3000.0)
    # Random phases give one over the number of frames, about 0.02.
    assert frame_lock(noise) < 0.03
    assert frame_lock(template) > 0.99
    assert 0.2 < frame_lock(template + noise) < 0.8
    # Above its band anything goes, and below it as well.
    spectrum = torch.fft.rfft(template)
    hz = torch.fft.rfftfreq(16000, 1 / 16000)
    outside = torch.fft.irfft(spectrum * ((hz < 900) | (hz > 3100)))
    assert frame_lock(outside + 0.1 * noise) < 0.03
    # One crop among others is heard.
    others = torch.randn(3, 1, noise.shape[2])
    assert frame_lock(torch.cat([others, template[:1]])) == pytest.approx(0.25, abs=0.05)
    # Of the same power in other frames, other waveforms: only the lock tells them apart.
    locked = (template + 0.3 * noise).requires_grad_()
    frame_lock(locked).backward()
    assert locked.grad is not None
    less = (locked - 30 * locked.grad).detach()
    assert frame_lock(less) < frame_lock(locked.detach())
