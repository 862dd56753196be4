"""What happens to crops on purpose: how much of it, to how many, and again alike from the same seed."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from quantone_training.augmentation import Augmentation, augment, colored_noise, reverberate, rms

RATE = 16000


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(5)


def tones(count: int) -> torch.Tensor:
    return 0.1 * torch.sin(torch.arange(RATE) * 0.2).expand(count, 1, RATE)


def test_nothing_happens_unless_asked() -> None:
    assert torch.equal(augment(tones(4), Augmentation(), RATE, seeded()), tones(4))


@pytest.mark.parametrize("kind", ["reverberant", "noisy", "clipped", "offset"])
def test_a_share_of_the_crops_is_changed(kind: str) -> None:
    options = dataclasses.replace(Augmentation(), **{f"{kind}_fraction": 0.25})
    crops = tones(200)
    worse = augment(crops, options, RATE, seeded())
    changed = (worse != crops).any(2).float().mean()
    assert 0.15 < changed < 0.35
    assert torch.equal(worse, augment(crops, options, RATE, seeded()))


def test_noise_keeps_within_its_ratios() -> None:
    crops = tones(50)
    noisy = augment(crops, Augmentation(noisy_fraction=1), RATE, seeded())
    ratios = [20 * torch.log10(torch.tensor(rms(c) / rms(n - c))) for c, n in zip(crops, noisy, strict=True)]
    assert -0.1 < min(ratios) < 5 and 20 < max(ratios) < 25.1


def test_pink_noise_has_as_much_power_in_every_octave() -> None:
    power = torch.fft.rfft(colored_noise(1 << 16, 1.0, seeded())).abs().square()
    octaves = [power[1 << n : 2 << n].sum() for n in range(8, 15)]
    assert max(octaves) / min(octaves) < 1.3
    white = torch.fft.rfft(colored_noise(1 << 16, 0.0, seeded())).abs().square()
    assert white[1 << 14 : 2 << 14].sum() / white[1 << 13 : 2 << 13].sum() == pytest.approx(2, rel=0.1)


def test_an_overload_flattens_peaks_at_full_scale() -> None:
    clipped = augment(tones(20), Augmentation(clipped_fraction=1), RATE, seeded())
    assert clipped.abs().amax() == 1
    assert ((clipped.abs() == 1).float().mean((1, 2)) > 0.1).any()


def test_a_room_rings_as_long_as_it_says() -> None:
    impulse = torch.zeros(1, RATE)
    impulse[0, 100] = 1.0
    wet = reverberate(impulse, 0.4, RATE, seeded())
    assert rms(wet) == pytest.approx(rms(impulse), rel=1e-3)
    assert wet[:, :100].abs().max() < 1e-5
    early, late = (rms(wet[:, 100 + start : 100 + start + 800]) for start in (800, 4000))
    # 60 dB in 0.4 s are 30 dB in the 0.2 s between the two.
    assert 20 * torch.log10(torch.tensor(early / late)) == pytest.approx(30, abs=3)
