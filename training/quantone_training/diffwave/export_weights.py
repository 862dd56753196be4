"""Run checkpoint -> the safetensors file that `loadVocoder` takes: the moving average.

`python -m quantone_training.diffwave.export_weights --checkpoint RUN/checkpoint.pt --out diffwave-16k.safetensors`
"""

from __future__ import annotations

from pathlib import Path

from ..weights_file import Average, export_half, load_average
from .config import DiffwaveConfig
from .model import Denoiser


def load_checkpoint(path: Path) -> Average[Denoiser, DiffwaveConfig]:
    """The moving average of a run's checkpoint."""
    return load_average(path, DiffwaveConfig, Denoiser)


def main(arguments: list[str] | None = None) -> None:
    export_half(__doc__, load_checkpoint, arguments)


if __name__ == "__main__":
    main()
