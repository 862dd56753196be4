"""What all trainers share, on the smallest network that learns: budgets, the guarded step, averages, checkpoints."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from quantone_training.config import CodecConfig
from quantone_training.settings import RunSettings, Settings
from quantone_training.training_loop import (
    Budget,
    cosine_learning_rate,
    guarded_step,
    load_state,
    run,
    save_state,
    update_average,
)


@dataclass(frozen=True)
class SlopeConfig:
    target: float


class SlopeTrainer:
    """Learns one number from random ones; with `fresh`, a part that other checkpoints lack."""

    def __init__(self, config: SlopeConfig, settings: RunSettings) -> None:
        self.config, self.settings = config, settings
        self.slope, self.ema, self.fresh = (torch.nn.Linear(1, 1, bias=False) for _ in range(3))
        self.optimizer: torch.optim.Optimizer = torch.optim.AdamW(self.slope.parameters(), lr=settings.learning_rate)
        self.random = torch.Generator().manual_seed(settings.seed)
        self.step, self.seconds = 0, 0.0
        self.has_fresh = False

    def parts(self) -> dict[str, Any]:
        parts: dict[str, Any] = {"slope": self.slope, "ema": self.ema, "optimizer": self.optimizer}
        return {**parts, "fresh": self.fresh} if self.has_fresh else parts

    def train_step(self, progress: float) -> dict[str, float]:
        x = torch.randn(4, 1, generator=self.random)
        loss = (self.slope(x) - self.config.target * x + 0.1 * torch.randn(4, 1)).square().mean()
        norm = guarded_step(self.optimizer, loss, self.settings.clip_norm)
        self.step += 1
        update_average(self.ema, self.slope, self.step, self.settings.ema_decay)
        return {"loss": float(loss.detach()), "norm": norm}

    def validate(self, clips: dict[str, np.ndarray]) -> dict[str, Any]:
        return {}


@pytest.fixture
def trainer(settings: Settings) -> SlopeTrainer:
    return SlopeTrainer(SlopeConfig(target=2.0), settings)


def test_budget_counts_whichever_comes_first() -> None:
    assert Budget(minutes=10).progress(0, 300) == pytest.approx(0.5)
    assert Budget(steps=100).progress(50, 1e9) == pytest.approx(0.5)
    assert Budget(minutes=10, steps=100).progress(90, 60) == pytest.approx(0.9)
    assert Budget(steps=10).progress(20, 0) == 1.0


def test_learning_rate_warms_up_and_falls(settings: Settings) -> None:
    assert cosine_learning_rate(settings, 0, 0.0) == pytest.approx(settings.learning_rate / settings.warmup_steps)
    assert cosine_learning_rate(settings, 100, 0.0) == pytest.approx(settings.learning_rate)
    assert cosine_learning_rate(settings, 100, 1.0) == pytest.approx(settings.final_learning_rate)


def test_a_run_stops_at_its_budget_and_continues_from_it(trainer: SlopeTrainer, tmp_path: Path) -> None:
    run(trainer, tmp_path, Budget(steps=5), {}, save_seconds=1e9, validate_seconds=1e9)
    assert trainer.step == 5 and trainer.seconds > 0
    resumed = SlopeTrainer(trainer.config, replace(trainer.settings, seed=99))
    load_state(tmp_path / "checkpoint.pt", resumed)
    assert (resumed.step, resumed.seconds) == (5, trainer.seconds)
    save_state(tmp_path / "again.pt", trainer)
    expected = [trainer.train_step(0.0) for _ in range(3)]
    load_state(tmp_path / "again.pt", resumed)
    assert [resumed.train_step(0.0) for _ in range(3)] == expected


def test_a_step_that_is_not_finite_is_dropped(trainer: SlopeTrainer) -> None:
    weight = trainer.slope.weight
    before = weight.detach().clone()
    guarded_step(trainer.optimizer, (weight * torch.nan).sum(), 1.0)
    assert torch.equal(weight, before)
    # AdamW moves by the learning rate whatever the norm; the norm itself is that before clipping.
    assert guarded_step(trainer.optimizer, (weight * 300).sum(), 1.0) == pytest.approx(300)
    assert weight.grad is not None and float(weight.grad) == pytest.approx(1.0, abs=1e-3)
    assert not torch.equal(weight, before)


def test_every_parameter_group_is_clipped_by_itself() -> None:
    first, second = (torch.nn.Parameter(torch.zeros(1)) for _ in range(2))
    optimizer = torch.optim.SGD([{"params": [first]}, {"params": [second]}], lr=1.0)
    assert guarded_step(optimizer, 100 * first.sum() + 0.5 * second.sum(), 1.0) == pytest.approx(100)
    assert first.item() == pytest.approx(-1, abs=1e-3) and second.item() == pytest.approx(-0.5)


def test_the_average_begins_short_and_copies_buffers() -> None:
    network, average = torch.nn.BatchNorm1d(1), torch.nn.BatchNorm1d(1)
    torch.nn.init.constant_(network.weight, 11.0)
    network.running_mean = torch.tensor([7.0])
    update_average(average, network, 0, 0.999)
    assert float(average.weight) == pytest.approx(0.1 * 1 + 0.9 * 11)
    update_average(average, network, 10**6, 0.999)
    assert float(average.weight) == pytest.approx(0.999 * 10 + 0.001 * 11)
    assert average.running_mean is not None and float(average.running_mean) == 7


def test_a_checkpoint_of_another_config_is_refused(trainer: SlopeTrainer, tmp_path: Path, tiny: CodecConfig) -> None:
    save_state(tmp_path / "checkpoint.pt", trainer)
    for other in (SlopeConfig(target=3.0), tiny):
        stranger = SlopeTrainer(trainer.config, trainer.settings)
        stranger.config = other  # type: ignore[assignment]
        with pytest.raises(ValueError, match=r"checkpoint\.pt"):
            load_state(tmp_path / "checkpoint.pt", stranger)


def test_parts_that_a_checkpoint_lacks_begin_anew(trainer: SlopeTrainer, tmp_path: Path) -> None:
    save_state(tmp_path / "checkpoint.pt", trainer)
    trainer.has_fresh = True
    before = trainer.fresh.weight.detach().clone()
    load_state(tmp_path / "checkpoint.pt", trainer)
    assert torch.equal(trainer.fresh.weight, before)
