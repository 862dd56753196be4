"""The command line that every trainer has: where audio, config and settings come from, and when the run ends."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
import torch

from .data import load_cached, load_clip
from .training_loop import Budget, Trainable, load_state, run

ROOT = Path(__file__).resolve().parents[2]


def training_arguments(description: str | None, config: str, settings: str) -> argparse.ArgumentParser:
    """The arguments of a run, before a trainer adds its own.

    Parameters
    ----------
    description:
        The trainer's docstring, of which the first line is shown.
    config, settings:
        The files that it takes unless told otherwise, from the repository's root.
    """
    parser = argparse.ArgumentParser(description=(description or "").split("\n")[0])
    parser.add_argument("--data", type=Path, help="folder of recordings: audio files, .tar archives of them, or both")
    parser.add_argument("--exclude", nargs="*", default=[], metavar="NAME", help="folders in --data to leave out")
    parser.add_argument("--cache", type=Path, help="decoded audio; default: audio.npy in the run's folder")
    parser.add_argument("--run", type=Path, required=True, help="folder of the run: cache, checkpoint, log")
    parser.add_argument("--config", type=Path, default=ROOT / config, help="shapes of the network, JSON")
    parser.add_argument(
        "--settings", type=Path, nargs="+", default=[ROOT / settings], help="TOML; later files change keys of the first"
    )
    parser.add_argument("--validation", type=Path, nargs="*", default=[], help="clips for PESQ and STOI")
    parser.add_argument("--minutes", type=float, help="training time in all, over every resume")
    parser.add_argument("--steps", type=int, help="optimizer steps in all, over every resume")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--save-seconds", type=float, default=180)
    parser.add_argument("--validate-seconds", type=float, default=600)
    return parser


def parse_options(parser: argparse.ArgumentParser, arguments: list[str] | None) -> argparse.Namespace:
    """Read the arguments and keep PyTorch to so many threads."""
    options = parser.parse_args(arguments)
    if options.minutes is None and options.steps is None:
        parser.error("give --minutes or --steps")
    torch.set_num_threads(options.threads)
    return options


def training_audio(options: argparse.Namespace, sample_rate: int) -> np.ndarray:
    """The training audio, int16 [T]; the first start decodes it."""
    return load_cached(options.data, options.cache or options.run / "audio.npy", sample_rate, options.exclude)


def start_or_resume(trainer: Trainable, options: argparse.Namespace, sample_rate: int) -> None:
    """Start the run, or continue it from the checkpoint in its folder."""
    options.run.mkdir(parents=True, exist_ok=True)
    checkpoint = options.run / "checkpoint.pt"
    if checkpoint.exists():
        load_state(checkpoint, trainer)
    clips = {path.stem: load_clip(path, sample_rate) for path in options.validation}
    budget = Budget(options.minutes, options.steps)
    run(trainer, options.run, budget, clips, options.save_seconds, options.validate_seconds)
