"""PyTorch's side of the HiFi-GAN benchmark: training's generator with weight norm folded, one command a line.

`python bench/compare/hifi_gan.py CONFIG CHECKPOINT FEATURES`; FEATURES are float32 frames [F, M].
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "training"))

from quantone_training.hifigan.config import load_hifigan_config
from quantone_training.hifigan.generator import Generator


def load(config_file: str, checkpoint: str) -> tuple[Generator, int]:
    """A generator in evaluation mode with the weights of a published checkpoint, and the bins it takes."""
    config = load_hifigan_config(config_file)
    generator = Generator(config.generator, config.mel.num_mels).eval()
    state = torch.load(checkpoint, weights_only=True)["generator"]
    renamed = {
        name.replace("weight_g", "parametrizations.weight.original0").replace(
            "weight_v", "parametrizations.weight.original1"
        ): tensor
        for name, tensor in state.items()
    }
    generator.load_state_dict(renamed)
    return generator.fold_weight_norm(), config.mel.num_mels


@torch.inference_mode()
def main() -> None:
    torch.set_num_threads(1)
    generator, num_mels = load(sys.argv[1], sys.argv[2])
    features = torch.from_numpy(np.fromfile(sys.argv[3], np.float32).reshape(-1, num_mels)).T[None].contiguous()
    print(f"torch {torch.__version__}", flush=True)
    for line in sys.stdin:
        command, _, argument = line.strip().partition(" ")
        begin = time.process_time()
        waveform = generator(features)
        seconds = time.process_time() - begin
        if command == "audio":
            waveform.numpy().tofile(argument)
        print(seconds, flush=True)


if __name__ == "__main__":
    main()
