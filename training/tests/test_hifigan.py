"""HiFi-GAN's training in miniature: losses fall, discriminators learn, runs resume, an export reads back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from quantone_training.config import CodecConfig, from_mapping, load_codec_config, to_mapping
from quantone_training.decoded_mel import DecodedMel
from quantone_training.features import log_mel as codec_log_mel
from quantone_training.hifigan.config import HifiganConfig, load_hifigan_config
from quantone_training.hifigan.discriminators import PERIODS, Discriminators
from quantone_training.hifigan.export_weights import build_generator, load_checkpoint, main
from quantone_training.hifigan.features import log_mel
from quantone_training.hifigan.losses import SpectralLosses, adversarial_loss, discriminator_loss, feature_loss
from quantone_training.hifigan.settings import HifiganSettings
from quantone_training.hifigan.train import HifiganTrainer, copy_synthesis
from quantone_training.settings import load_settings
from quantone_training.training_loop import Budget, run
from quantone_training.weights_file import read_weights

from .conftest import ROOT, expect_exact_resume

CONFIGS = ROOT / "codecs/hifi-gan"


@pytest.fixture
def config() -> HifiganConfig:
    """The shipped config's features and the smallest generator that still has every kind of layer."""
    shipped = load_hifigan_config(CONFIGS / "config-16k.json")
    sizes = replace(shipped.generator, initial_channels=32)
    return replace(shipped, generator=sizes)


@pytest.fixture
def hifigan_settings() -> HifiganSettings:
    shipped = load_settings(HifiganSettings, [ROOT / "training/configs/hifigan-16k.toml"])
    return replace(
        shipped,
        batch_size=2,
        crop_frames=20,
        judged_frames=15,
        learning_rate=1e-2,
        warmup_steps=2,
        ema_decay=0.9,
        period_width=1 / 64,
        scale_width=1 / 64,
        discriminator_start_step=20,
    )


def test_decoded_mels_lie_where_the_recordings_lie() -> None:
    codec = ROOT / "codecs/speech-16k"
    decoded_mel = DecodedMel(codec / "weights/speech-16k.safetensors", codec / "config.json", torch.device("cpu"))
    random = torch.Generator().manual_seed(1)
    bursts = torch.rand(4, 1, 200, generator=random).gt(0.5).repeat_interleave(480, dim=2)
    length = decoded_mel.lead_samples + 8000 + decoded_mel.tail_samples
    crops = (0.1 * torch.randn(bursts.shape, generator=random) * bursts)[:, :, :length]
    predicted = decoded_mel.predict(crops, random)
    true = log_mel(crops, load_hifigan_config(CONFIGS / "config-16k.json").mel)
    errors = [float((predicted - true[:, :, 32 + shift :][:, :, :50]).abs().mean()) for shift in (-1, 0, 1)]
    assert predicted.shape == (4, 80, 50)
    assert errors[1] < 0.8 * min(errors[0], errors[2]), errors


def test_a_share_of_the_crops_has_decoded_mels(
    config: HifiganConfig, hifigan_settings: HifiganSettings, audio: np.ndarray
) -> None:
    codec = ROOT / "codecs/speech-16k"
    decoded_mel = DecodedMel(codec / "weights/speech-16k.safetensors", codec / "config.json", torch.device("cpu"))
    settings = replace(hifigan_settings, batch_size=4, decoded_fraction=0.25)
    trainer = HifiganTrainer(config, settings, audio, decoded_mel=decoded_mel)
    clean, mel = trainer._batch()
    is_true = (mel == log_mel(clean, config.mel)).flatten(1).all(1)
    assert clean.shape == (4, 1, 3200) and is_true.tolist() == [False, True, True, True]
    with pytest.raises(ValueError, match="cropFrames"):
        HifiganTrainer(config, replace(settings, crop_frames=21), audio, decoded_mel=decoded_mel)
    other = replace(config, mel=replace(config.mel, num_mels=40))
    with pytest.raises(ValueError, match="rate, hop and bands"):
        HifiganTrainer(other, settings, audio, decoded_mel=decoded_mel)


def test_decibels_of_pauses_count_in_logarithms_and_hardly_in_loudness(
    config: HifiganConfig, hifigan_settings: HifiganSettings
) -> None:
    """Noise and then a pause 40 dB below it, both 3 dB too quiet: what each's gain matters to each loss."""
    random = torch.Generator().manual_seed(3)
    clean = torch.randn(1, 1, 2, 8000, generator=random) * torch.tensor([0.1, 1e-3])[:, None]
    gains = torch.tensor([0.7, 0.7], requires_grad=True)
    generated = (clean * gains[:, None]).flatten(2)
    settings = replace(hifigan_settings, multi_resolution_weight=1.0, loudness_weight=1.0)
    ratios = {}
    for name, term in SpectralLosses(config.mel, settings)(generated, clean.flatten(2)).items():
        (slope,) = torch.autograd.grad(term, gains, retain_graph=True)
        ratios[name] = float(slope[1] / slope[0])
    assert ratios["mel"] == pytest.approx(1, abs=0.1) and ratios["multi_resolution"] > 0.5
    assert 0 < ratios["loudness"] < 0.2
    assert set(SpectralLosses(config.mel, hifigan_settings)(generated, clean.flatten(2))) == {"mel"}


def test_losses_fall(config: HifiganConfig, hifigan_settings: HifiganSettings, audio: np.ndarray) -> None:
    trainer = HifiganTrainer(config, hifigan_settings, audio)
    steps = [trainer.train_step(0.0) for _ in range(50)]
    mel = [step["mel"] for step in steps]
    # An untrained generator is nearly silent and off by about 3; one that does not learn stays there.
    assert np.mean(mel[-5:]) < 0.6 * np.mean(mel[:3])
    assert all("discriminator" not in step for step in steps[:20])
    judged = [step["discriminator"] for step in steps[20:]]
    # Eight discriminators that tell nothing apart have 8 * 0.5 at best.
    assert np.mean(judged[-5:]) < 0.9 * judged[0]
    assert all(np.isfinite(list(step.values())).all() for step in steps)


def test_resumed_run_continues_exactly(
    config: HifiganConfig, hifigan_settings: HifiganSettings, audio: np.ndarray, tmp_path: Path
) -> None:
    settings = replace(hifigan_settings, discriminator_start_step=1)
    expect_exact_resume(lambda: HifiganTrainer(config, settings, audio), tmp_path)


def test_a_run_writes_its_log_and_an_export_reads_back(
    config: HifiganConfig, hifigan_settings: HifiganSettings, audio: np.ndarray, tmp_path: Path
) -> None:
    trainer = HifiganTrainer(config, hifigan_settings, audio)
    run(trainer, tmp_path, Budget(steps=3), {}, save_seconds=1e9, validate_seconds=1e9)
    assert json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])["step"] == 3
    average = load_checkpoint(tmp_path / "checkpoint.pt")
    assert average.steps == 3 and average.config == config
    clip = audio[:8000].astype(np.float32) / 32768
    before = copy_synthesis(average.network, config, clip)
    main(["--checkpoint", str(tmp_path / "checkpoint.pt"), "--out", str(tmp_path / "weights.safetensors")])
    exported = read_weights(tmp_path / "weights.safetensors", build_generator(config))
    after = copy_synthesis(exported, config, clip)
    assert len(after) == len(clip)
    # Half precision keeps three digits; other weights would be off by as much as the samples are large.
    assert np.abs(after - before).max() < 0.02 * np.abs(before).max()


def test_discriminators_see_periods_and_scales() -> None:
    discriminators = Discriminators(1 / 64, 1 / 64)
    judgements = discriminators(torch.randn(2, 1, 3200))
    assert len(judgements) == len(PERIODS) + 3
    widths = [judgement.features[0].shape[-1] for judgement in judgements]
    # Rows of each period, then the sequence at full, half and quarter rate.
    assert widths[:5] == list(PERIODS)
    assert widths[5:] == [3200, 1601, 801]


def test_losses_are_the_papers() -> None:
    discriminators = Discriminators(1 / 64, 1 / 64)
    real, generated = discriminators(torch.randn(2, 1, 1600)), discriminators(torch.zeros(2, 1, 1600))
    for judgement in real:
        judgement.score = torch.ones_like(judgement.score)
    for judgement in generated:
        judgement.score = torch.full_like(judgement.score, 0.5)
    assert float(discriminator_loss(real, generated)) == pytest.approx(8 * 0.25)
    assert float(adversarial_loss(generated)) == pytest.approx(8 * 0.25)
    assert float(feature_loss(real, real).detach()) == 0
    assert float(feature_loss(real, generated).detach()) > 0.1


def test_log_mel_is_the_codecs() -> None:
    codec: CodecConfig = load_codec_config(ROOT / "codecs/speech-16k/config.json")
    waveform = 0.3 * torch.randn(1, 1, 8000)
    ours = log_mel(waveform, load_hifigan_config(CONFIGS / "config-16k.json").mel)
    # The codec's decoder is trained on these features: another window or floor would be off by more than 0.1.
    assert float((ours - codec_log_mel(waveform, codec.sample_rate, codec.mel)).abs().max()) < 1e-4


def test_every_config_reads_and_its_rates_must_make_the_hop() -> None:
    for path in sorted(CONFIGS.glob("config-*.json")):
        config = load_hifigan_config(path)
        assert from_mapping(HifiganConfig, to_mapping(config)) == config
    broken = json.loads((CONFIGS / "config-v1.json").read_text())
    broken["generator"]["upsampleRates"] = [8, 8, 2, 1]
    with pytest.raises(ValueError, match=r"mel\.hopLength"):
        from_mapping(HifiganConfig, broken)
