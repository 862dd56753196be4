"""What every run shares: its budget, the optimizer step, the moving average, the checkpoint and the loop itself.

A trainer holds the networks and knows one step; `Trainable` says what the loop asks of it. `command_line.py` starts it.
"""

from __future__ import annotations

import json
import math
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from .config import from_mapping, to_mapping
from .settings import RunSettings

LOG_STEPS = 50


class Stateful(Protocol):
    """Whatever a checkpoint keeps under a name of its own: a network, an optimizer."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: dict[str, Any]) -> Any: ...


class Trainable(Protocol):
    """What a run needs of whatever it trains.

    config, settings: the dataclasses that the trainer was made from, kept in its checkpoints.
    step, seconds: how long it was trained so far, over every resume; the trainer counts steps, the loop seconds.
    optimizer: the one whose learning rate the log shows.
    random: draws the crops and everything else that a resumed run must draw alike.
    """

    config: Any
    settings: Any
    step: int
    seconds: float
    optimizer: torch.optim.Optimizer
    random: torch.Generator

    def parts(self) -> dict[str, Any]:
        """Everything with a state, by its name in the checkpoint; the moving average is `ema`."""

    def train_step(self, progress: float) -> dict[str, float]:
        """One step at so much of the budget, in [0, 1]; returns what the log shows the mean of."""

    def validate(self, clips: dict[str, np.ndarray]) -> dict[str, Any]:
        """What the log shows of the moving average on clips [T] that it was not trained on."""


@dataclass(frozen=True)
class Budget:
    """When the run ends: after so many minutes of training (over all resumes) or so many steps, whichever is given."""

    minutes: float | None = None
    steps: int | None = None

    def progress(self, step: int, seconds: float) -> float:
        """Share of the budget that is used up, in [0, 1]."""
        by_time = seconds / (60 * self.minutes) if self.minutes else 0.0
        by_step = step / self.steps if self.steps else 0.0
        return min(1.0, max(by_time, by_step))


def autocast(device: torch.device) -> torch.autocast:
    """Networks in bfloat16 where the device computes in it, and in float32 on GPUs that only imitate it."""
    enabled = device.type != "cuda" or torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=enabled)


def cosine_learning_rate(settings: RunSettings, step: int, progress: float) -> float:
    """Linear warm-up, then a half cosine over the budget."""
    low, high = settings.final_learning_rate, settings.learning_rate
    warmup = min(1.0, (step + 1) / settings.warmup_steps)
    return warmup * (low + (high - low) * 0.5 * (1 + math.cos(math.pi * progress)))


def set_learning_rate(rate: float, *optimizers: torch.optim.Optimizer) -> None:
    """The same rate for every parameter of the optimizers."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate


def guarded_step(optimizer: torch.optim.Optimizer, loss: torch.Tensor, clip_norm: float) -> float:
    """Descend along the loss with gradients clipped to a norm, each parameter group by itself.

    The step is dropped if a gradient is not finite: one such batch would end the run. Returns the first group's norm.
    """
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    groups = [group["params"] for group in optimizer.param_groups]
    norms = torch.stack([torch.nn.utils.clip_grad_norm_(parameters, clip_norm) for parameters in groups])
    if torch.isfinite(norms).all():
        optimizer.step()
    return float(norms[0])


@torch.no_grad()
def update_average(average: torch.nn.Module, network: torch.nn.Module, step: int, decay: float) -> None:
    """Move the average's parameters towards the network's; buffers are copied.

    `step` counts the steps done so far: the average begins short and reaches its full length with them.
    """
    decay = min(decay, (1 + step) / (10 + step))
    torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1 - decay)
    for mean, current in zip(average.buffers(), network.buffers(), strict=True):
        mean.copy_(current)


def save_state(path: Path, trainer: Trainable) -> None:
    """Write the checkpoint, under another name first: a crash leaves the old one whole."""
    state: dict[str, Any] = {
        **{name: part.state_dict() for name, part in trainer.parts().items()},
        "step": trainer.step,
        "seconds": trainer.seconds,
        "random": trainer.random.get_state(),
        "torch_rng": torch.get_rng_state(),
        "config": to_mapping(trainer.config),
        "settings": to_mapping(trainer.settings),
    }
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    os.replace(partial, path)


def load_state(path: Path, trainer: Trainable) -> None:
    """Continue from a checkpoint. Its settings may differ: overlays are how a run is steered.

    Raises
    ------
    ValueError
        When the checkpoint was written with another config.
    """
    state = torch.load(path, map_location="cpu", weights_only=True)
    if from_mapping(type(trainer.config), state["config"], f"config in {path}") != trainer.config:
        raise ValueError(f'"{path}" was trained with another config; give that one or another folder for the run')
    for name, part in trainer.parts().items():
        # A later phase may bring parts that the checkpoint lacks, such as discriminators; they begin anew.
        if state.get(name) is not None:
            part.load_state_dict(state[name])
    trainer.step, trainer.seconds = state["step"], state["seconds"]
    trainer.random.set_state(state["random"])
    torch.set_rng_state(state["torch_rng"])


def measure_clips(
    clips: dict[str, np.ndarray], sample_rate: int, remake: Callable[[np.ndarray], np.ndarray]
) -> dict[str, dict[str, float]]:
    """Each clip's PESQ and STOI after `remake`, and as "mean" the means of all metrics; nothing without clips.

    `remake` gives a clip of the same length and without delay.
    """
    if not clips:
        return {}
    # Runs without validation clips need no PESQ installed.
    from .metrics import mean_metrics, measure

    rows = {name: measure(clip, remake(clip), sample_rate, is_aligned=True) for name, clip in clips.items()}
    each = {name: {"pesq": row["pesq"], "stoi": row["stoi"]} for name, row in rows.items()}
    return {"mean": mean_metrics(list(rows.values())), **each}


class RunLog:
    """Appends JSON lines to `log.jsonl` in the run's folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, kind: str, trainer: Trainable, values: dict[str, Any]) -> None:
        line = {"kind": kind, "step": trainer.step, "seconds": round(trainer.seconds, 1), **values}
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)


def run(
    trainer: Trainable,
    folder: Path,
    budget: Budget,
    clips: dict[str, np.ndarray],
    save_seconds: float,
    validate_seconds: float,
) -> None:
    """Train until the budget is used up or the process is told to end; either way the checkpoint is written."""
    log, checkpoint = RunLog(folder / "log.jsonl"), folder / "checkpoint.pt"
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: stopping.append(received))
    saved = validated = time.monotonic()
    recent: list[dict[str, float]] = []
    while (progress := budget.progress(trainer.step, trainer.seconds)) < 1 and not stopping:
        began = time.monotonic()
        recent.append(trainer.train_step(progress))
        now = time.monotonic()
        trainer.seconds += now - began
        if trainer.step % LOG_STEPS == 0:
            names = {name: None for row in recent for name in row}
            means = {name: round(float(np.mean([r[name] for r in recent if name in r])), 4) for name in names}
            log.write("train", trainer, {"learning_rate": trainer.optimizer.param_groups[0]["lr"], **means})
            recent = []
        if now - saved > save_seconds:
            save_state(checkpoint, trainer)
            saved = now
        if now - validated > validate_seconds:
            log.write("validation", trainer, trainer.validate(clips))
            validated = time.monotonic()
    save_state(checkpoint, trainer)
    log.write("validation", trainer, trainer.validate(clips))
