"""Draws a run's curves: `python -m quantone_training.plot_curves --log RUN/log.jsonl --out curves.png`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

LOSS_NAMES = ("mel", "loudness", "complex", "log_mel", "rate")
VALIDATION_NAMES = {"pesq": "PESQ-wb", "stoi": "STOI"}


def read_log(path: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The training lines and the validation lines of a log."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    training = [line for line in lines if line["kind"] == "train"]
    return training, [line for line in lines if line["kind"] == "validation" and "12" in line]


def common_clips(validation: list[dict[str, Any]]) -> list[str]:
    """Names of the clips that every validation line holds: the set may have changed when a run was resumed."""
    names = [set(line["12"]) - {"mean"} for line in validation]
    return sorted(set.intersection(*names)) if names else []


def draw(training: list[dict[str, Any]], validation: list[dict[str, Any]], out: Path) -> None:
    """Losses over steps on the left, then one panel a validation metric, 3 and 6 kbps."""
    clips = common_clips(validation)
    figure, axes = plt.subplots(1, 1 + len(VALIDATION_NAMES), figsize=(15, 4), constrained_layout=True)
    for name in LOSS_NAMES:
        rows = [line for line in training if name in line]
        axes[0].plot([line["step"] for line in rows], [line[name] for line in rows], label=name, linewidth=1)
    axes[0].set(title="training losses (unweighted)", xlabel="step", yscale="log")
    axes[0].legend()
    for axis, (name, title) in zip(axes[1:], VALIDATION_NAMES.items(), strict=True):
        for stages, label in (("6", "3 kbps"), ("12", "6 kbps")):
            steps = [line["step"] for line in validation]
            means = [sum(line[stages][clip][name] for clip in clips) / len(clips) for line in validation]
            axis.plot(steps, means, marker=".", label=label)
        axis.set(title=f"{title}, mean of {len(clips)} validation clips", xlabel="step")
        axis.legend()
    for axis in axes:
        axis.grid(alpha=0.3)
    figure.savefig(out, dpi=90)
    plt.close(figure)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    training, validation = read_log(options.log)
    draw(training, validation, options.out)


if __name__ == "__main__":
    main()
