"""Draws a run's curves: `python -m quantone_training.plot_curves --log RUN/log.jsonl --out curves.png`.

Runs of codecs, vocoders and voices alike; what was measured is drawn, curve by curve.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt

NO_LOSSES = {"kind", "step", "seconds", "learning_rate", "norm", "total"}
METRICS = {"pesq": "PESQ-wb", "stoi": "STOI"}
CODEC_CURVES = {"6": "3 kbps", "12": "6 kbps"}
VOICE_CURVES = {"stoi": "from the text", "copy_stoi": "from the recording"}

Line = dict[str, Any]
Curves = dict[str, dict[str, dict[str, float]]]
"""Metrics by curve and clip."""


def read_log(path: Path) -> tuple[list[Line], list[Line]]:
    """The training lines, and the validation lines that measured something."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    training = [line for line in lines if line["kind"] == "train"]
    return training, [line for line in lines if line["kind"] == "validation" and curves_of(line)]


def curves_of(line: Line) -> Curves:
    """What one validation line holds: a codec's bitrates, a vocoder's copy synthesis, or a voice's two sides."""
    by_stages = {label: line[stages] for stages, label in CODEC_CURVES.items() if stages in line}
    if by_stages:
        return by_stages
    if "mean" in line:
        clips = {name: value for name, value in line.items() if isinstance(value, dict)}
        return {"copy synthesis": clips}
    return {label: {"held out": {"stoi": line[name]}} for name, label in VOICE_CURVES.items() if name in line}


def common_clips(validation: list[Line]) -> list[str]:
    """Names of the clips that every validation line holds: the set may have changed when a run was resumed."""
    names = [set(clips) - {"mean"} for line in validation for clips in curves_of(line).values()]
    return sorted(set.intersection(*names)) if names else []


def metric_curves(validation: list[Line], clips: list[str], metric: str) -> dict[str, list[tuple[int, float]]]:
    """Points (step, mean over the clips) of each curve that has the metric."""
    curves: dict[str, list[tuple[int, float]]] = {}
    for line in validation:
        for label, measured in curves_of(line).items():
            values = [measured[clip][metric] for clip in clips if metric in measured[clip]]
            if values:
                curves.setdefault(label, []).append((line["step"], sum(values) / len(values)))
    return curves


def draw(training: list[Line], validation: list[Line], out: Path) -> None:
    """Losses over steps on the left, then one panel for each metric that was measured."""
    clips = common_clips(validation)
    panels = {title: metric_curves(validation, clips, metric) for metric, title in METRICS.items()}
    panels = {title: curves for title, curves in panels.items() if curves}
    figure, axes = plt.subplots(1, 1 + len(panels), figsize=(5 * (1 + len(panels)), 4), constrained_layout=True)
    left, *others = [axes] if not panels else list(axes)
    shown: list[float] = []
    for name in dict.fromkeys(name for line in training for name in line if name not in NO_LOSSES):
        rows = [line for line in training if name in line]
        left.plot([line["step"] for line in rows], [line[name] for line in rows], label=name, linewidth=1)
        shown += [line[name] for line in rows]
    left.set(title="training losses (unweighted)", xlabel="step", yscale="log")
    if shown:
        # One step that went wrong would squeeze all others into a corner.
        left.set_ylim(top=2 * float(np.percentile(shown, 99.5)))
    left.legend()
    for axis, (title, curves) in zip(others, panels.items(), strict=True):
        for label, points in curves.items():
            axis.plot(*zip(*points, strict=True), marker=".", label=label)
        axis.set(title=f"{title}, mean of {len(clips)} clips" if len(clips) > 1 else title, xlabel="step")
        axis.legend()
    for axis in (left, *others):
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
