"""Run checkpoint -> the safetensors file that `loadVocoder` takes: the moving average.

`python -m quantone_training.hifigan.export_weights --checkpoint RUN/checkpoint.pt --out hifigan-16k.safetensors`
"""

from __future__ import annotations

from pathlib import Path

from ..weights_file import Average, export_half, load_average
from .config import HifiganConfig
from .generator import Generator


def build_generator(config: HifiganConfig) -> Generator:
    """An untrained generator of the config's sizes."""
    return Generator(config.generator, config.mel.num_mels)


def load_checkpoint(path: Path) -> Average[Generator, HifiganConfig]:
    """The moving average of a run's checkpoint."""
    return load_average(path, HifiganConfig, build_generator)


def main(arguments: list[str] | None = None) -> None:
    export_half(__doc__, load_checkpoint, arguments)


if __name__ == "__main__":
    main()
