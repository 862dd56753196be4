"""What a quantizer loses, what another would, and what none can do better."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from quantone_training.config import CodecConfig
from quantone_training.data import CropSampler
from quantone_training.rate_distortion import (
    compand,
    compare,
    distortion,
    draw_latents,
    fit_codebooks,
    gain,
    gaussian_bound,
    gaussian_like,
    main,
    quantize,
)
from quantone_training.settings import Settings
from quantone_training.train import Trainer
from quantone_training.training_loop import save_state


def test_distortion_weighs_loud_frames_three_ways() -> None:
    # One loud frame at 20 dB, one a hundredth as strong at 10 dB.
    latents = torch.tensor([[10.0, 0.0], [0.0, 1.0]])
    quantized = torch.tensor([[9.0, 0.0], [0.0, 1 - math.sqrt(0.1)]])
    result = distortion(latents, quantized)
    assert result["frames"] == pytest.approx(15, abs=0.01)
    assert result["power"] == pytest.approx(10 * math.log10(101 / 1.1), abs=0.01)
    assert result["frames"] < result["weighted"] < result["power"]


def test_the_bound_is_six_decibels_a_bit() -> None:
    assert gaussian_bound(torch.ones(4), 8) == pytest.approx(2 * 20 * math.log10(2), abs=0.01)
    # A component weaker than the distortion gets no bits: all go to the strong one.
    assert gaussian_bound(torch.tensor([1.0, 1e-6]), 5) == pytest.approx(5 * 20 * math.log10(2), abs=0.02)
    assert gaussian_bound(torch.ones(4), 0) == pytest.approx(0, abs=0.01)


def test_a_fit_comes_near_the_bound_and_never_beyond() -> None:
    vectors = torch.randn(6000, 2)
    codebooks = fit_codebooks(vectors[:5000], 2, 16)
    reached = distortion(vectors[5000:], quantize(vectors[5000:], codebooks))["power"]
    bound = gaussian_bound(torch.ones(2), 8)
    # Two stages of 16 codewords lose 5 dB to vectors of any length.
    assert bound - 6 < reached < bound
    assert distortion(vectors[5000:], quantize(vectors[5000:], codebooks[:1]))["power"] < reached - 5


def test_gaussian_vectors_have_the_covariance() -> None:
    latents = torch.randn(20000, 3) @ torch.tensor([[2.0, 1.0, 0.0], [0.0, 0.5, 0.0], [0.0, 0.0, 0.1]])
    assert torch.allclose(torch.cov(gaussian_like(latents).T), torch.cov(latents.T), atol=0.15)


def test_companding_is_undone_and_gains_bring_every_frame_to_one_level() -> None:
    latents = torch.randn(100, 8) * torch.logspace(-0.5, 1, 100)[:, None]
    assert torch.allclose(compand(compand(latents, 0.5), 2.0), latents, rtol=1e-4)
    levels = (latents / gain(latents)).square().mean(1).log10() * 10
    assert float(levels.abs().max()) < 0.8


def test_the_table_comes_from_a_run(
    tiny: CodecConfig, settings: Settings, audio: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trainer = Trainer(tiny, settings, audio)
    for _ in range(6):
        trainer.train_step(0.0)
    latents = draw_latents(trainer.ema, CropSampler(audio, tiny.sample_rate), 3000)
    assert latents.shape == (3000, tiny.latent_dim)
    rows = compare(trainer.ema, latents)
    assert rows["1 codebooks"]["power"] < rows[f"{tiny.rvq.num_codebooks} codebooks"]["power"]
    # Six steps of training leave the codebooks behind what k-means finds on the very latents.
    assert rows["codebooks fitted again"]["power"] > rows[f"{tiny.rvq.num_codebooks} codebooks"]["power"]
    assert rows["Gaussian vectors of the same covariance"]["power"] < rows["bound for those"]["power"]
    save_state(tmp_path / "checkpoint.pt", trainer)
    np.save(tmp_path / "audio.npy", audio)
    main(["--checkpoint", f"{tmp_path}/checkpoint.pt", "--cache", f"{tmp_path}/audio.npy", "--frames", "1000"])
    assert len(capsys.readouterr().out.splitlines()) == 1 + 2 + len(rows)
