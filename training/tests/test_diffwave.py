"""DiffWave's training in miniature: the loss falls, runs resume, an export reads back, schedules fit together."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from quantone_training.config import from_mapping, to_mapping
from quantone_training.diffwave.config import DiffwaveConfig, load_diffwave_config
from quantone_training.diffwave.export_weights import load_checkpoint, main
from quantone_training.diffwave.model import Denoiser
from quantone_training.diffwave.prior import prior_level
from quantone_training.diffwave.schedule import fast_steps, signal_levels
from quantone_training.diffwave.settings import DiffwaveSettings
from quantone_training.diffwave.train import DiffwaveTrainer, copy_synthesis
from quantone_training.hifigan.config import load_hifigan_config
from quantone_training.hifigan.features import log_mel
from quantone_training.settings import load_settings
from quantone_training.training_loop import Budget, run
from quantone_training.weights_file import read_weights

from .conftest import ROOT, expect_exact_resume

CONFIG = ROOT / "codecs/diffwave/config-16k.json"


@pytest.fixture
def config() -> DiffwaveConfig:
    """The shipped config with fewer and thinner layers."""
    return replace(load_diffwave_config(CONFIG), num_layers=6, channels=16, dilation_cycle=3, step_hidden_dim=32)


@pytest.fixture
def diffwave_settings() -> DiffwaveSettings:
    shipped = load_settings(DiffwaveSettings, [ROOT / "training/configs/diffwave-16k.toml"])
    return replace(shipped, batch_size=4, crop_frames=20, learning_rate=1e-2, warmup_steps=2, ema_decay=0.9)


def test_loss_falls(config: DiffwaveConfig, diffwave_settings: DiffwaveSettings, audio: np.ndarray) -> None:
    trainer = DiffwaveTrainer(config, diffwave_settings, audio)
    rows = [trainer.train_step(0.0) for _ in range(60)]
    losses = [row["noise"] for row in rows]
    # At first it finds no noise at all, which is off by the mean absolute value of a normal number.
    assert losses[0] == pytest.approx((2 / np.pi) ** 0.5, abs=0.02)
    assert np.mean(losses[-10:]) < 0.7 * losses[0]
    for name in ("multi_resolution", "loudness"):
        assert np.mean([row[name] for row in rows[-10:]]) < 0.8 * rows[0][name]


class Listener(torch.nn.Module):
    """In the denoiser's place: keeps what it is given, and answers with what it is told."""

    def __init__(self, answer: torch.Tensor) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, noisy: torch.Tensor, mel: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
        self.noisy, self.steps = noisy, steps
        return self.answer


def test_the_noise_itself_has_no_loss_of_either_kind(
    config: DiffwaveConfig, diffwave_settings: DiffwaveSettings, audio: np.ndarray
) -> None:
    trainer = DiffwaveTrainer(config, replace(diffwave_settings, blind_fraction=0.0), audio)
    clean = trainer.sampler.batch(4, trainer.random)
    state = trainer.random.get_state()
    torch.rand(4, generator=trainer.random)
    noise = torch.randn(clean[:, 0].shape, generator=trainer.random)
    for answer, expected in ((noise, 0.0), (0.9 * noise, 0.08)):
        trainer.denoiser = Listener(answer)
        trainer.random.set_state(state)
        terms = trainer.losses(clean)
        assert float(terms["noise"]) == pytest.approx(expected, abs=5e-3)
        assert (float(terms["multi_resolution"]) < 1e-3) == (expected == 0)
        assert (float(terms["loudness"]) < 1e-3) == (expected == 0)


def test_blind_crops_hold_nothing_of_the_waveform(
    config: DiffwaveConfig, diffwave_settings: DiffwaveSettings, audio: np.ndarray
) -> None:
    trainer = DiffwaveTrainer(config, replace(diffwave_settings, blind_fraction=0.5), audio)
    clean = trainer.sampler.batch(4, trainer.random)
    state = trainer.random.get_state()
    listener = trainer.denoiser = Listener(torch.zeros_like(clean[:, 0]))
    heard = []
    for waveform in (clean, -clean):
        trainer.random.set_state(state)
        trainer.losses(waveform)
        heard.append(listener.noisy)
    assert torch.equal(heard[0][:2], heard[1][:2])
    assert not torch.isclose(heard[0][2:], heard[1][2:]).all(1).any()
    assert listener.steps[:2].tolist() == [49, 49]
    with pytest.raises(ValueError, match='"blindFraction" expected 0 or more'):
        replace(diffwave_settings, blind_fraction=1.0)


def test_resumed_run_continues_exactly(
    config: DiffwaveConfig, diffwave_settings: DiffwaveSettings, audio: np.ndarray, tmp_path: Path
) -> None:
    expect_exact_resume(lambda: DiffwaveTrainer(config, diffwave_settings, audio), tmp_path)


def test_a_run_writes_its_log_and_an_export_reads_back(
    config: DiffwaveConfig, diffwave_settings: DiffwaveSettings, audio: np.ndarray, tmp_path: Path
) -> None:
    trainer = DiffwaveTrainer(config, diffwave_settings, audio)
    run(trainer, tmp_path, Budget(steps=20), {}, save_seconds=1e9, validate_seconds=1e9)
    assert (tmp_path / "checkpoint.pt").exists()
    average = load_checkpoint(tmp_path / "checkpoint.pt")
    assert average.steps == 20 and average.config == config
    clip = audio[:4100].astype(np.float32) / 32768
    before = copy_synthesis(average.network, config, clip)
    main(["--checkpoint", str(tmp_path / "checkpoint.pt"), "--out", str(tmp_path / "weights.safetensors")])
    after = copy_synthesis(read_weights(tmp_path / "weights.safetensors", Denoiser(config)), config, clip)
    assert len(after) == len(clip) and not after[4000:].any()
    # Half precision keeps three digits; another seed is off by 1.
    assert np.abs(after - before).max() < 0.05
    assert np.abs(copy_synthesis(average.network, config, clip, seed=1) - before).max() > 0.5


def test_fast_steps_lie_among_the_trained_ones(config: DiffwaveConfig) -> None:
    steps = fast_steps(config)
    levels = signal_levels(config)
    fast_levels = np.cumprod(1 - np.array(config.fast_schedule))[::-1]
    for step, level in zip(steps, fast_levels, strict=True):
        below = int(step.position)
        assert levels[min(below + 1, len(levels) - 1)] <= level <= levels[below] + 1e-12
    assert steps[-1].deviation == 0 and steps[-1].position == 0
    # What a step's noise gain stands for: with the right noise, the last step gives the signal itself.
    clean, noise = torch.tensor([0.3]), torch.tensor([0.7])
    noisy = fast_levels[-1] ** 0.5 * clean + (1 - fast_levels[-1]) ** 0.5 * noise
    assert float(steps[-1].scale * (noisy - steps[-1].noise_gain * noise)) == pytest.approx(0.3, abs=1e-6)


def test_the_prior_is_as_loud_as_the_speech(audio: np.ndarray) -> None:
    shipped = load_diffwave_config(CONFIG)
    random = torch.Generator().manual_seed(4)
    for level in (0.3, 0.01):
        noise = level * torch.randn(1, 1, 16000, generator=random)
        tone = level * torch.from_numpy(audio[:16000].astype(np.float32))[None, None] / 32768
        for waveform in (noise, tone):
            over = waveform[:, 0] / prior_level(log_mel(waveform, shipped.mel), shipped)
            # Far from the edges, where the mel's window is half empty.
            assert float(over[:, 2000:14000].std()) == pytest.approx(0.25, rel=0.15)
    silence = torch.zeros(1, 1, 1600)
    assert shipped.adaptive_prior is not None
    assert torch.all(prior_level(log_mel(silence, shipped.mel), shipped) == shipped.adaptive_prior.floor)


def test_features_are_those_that_the_codec_predicts() -> None:
    hifigan = load_hifigan_config(ROOT / "codecs/hifi-gan/config-16k.json")
    assert load_diffwave_config(CONFIG).mel == hifigan.mel


def test_config_reads_and_its_strides_must_make_the_hop(config: DiffwaveConfig) -> None:
    assert from_mapping(DiffwaveConfig, to_mapping(config)) == config
    broken = json.loads(CONFIG.read_text()) | {"upsampling": [16, 8]}
    with pytest.raises(ValueError, match=r"mel\.hopLength"):
        from_mapping(DiffwaveConfig, broken)


def test_a_layer_sees_both_sides(config: DiffwaveConfig) -> None:
    torch.manual_seed(0)
    denoiser = Denoiser(config).eval()
    torch.nn.init.normal_(denoiser.output_projection.weight)
    waveform = torch.zeros(1, 640, requires_grad=True)
    denoiser(waveform, torch.zeros(1, 80, 4), torch.tensor([2.5]))[0, 300].backward()
    assert waveform.grad is not None
    seen = waveform.grad[0].nonzero()[:, 0]
    # Two cycles of dilations 1, 2 and 4.
    assert (int(seen.min()), int(seen.max())) == (300 - 14, 300 + 14)
