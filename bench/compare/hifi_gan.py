"""PyTorch's side of the HiFi-GAN benchmark: the generator with weight norm folded, one command a line.

`python bench/compare/hifi_gan.py CONFIG CHECKPOINT FEATURES`; FEATURES are float32 frames [F, M]. A command names the form:
`published` is as the authors wrote it, in one-dimensional convolutions, `channels-last` as training/ has it. With a file
behind it, the samples are written there.
"""

from __future__ import annotations

import copy
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "training"))

from quantone_training.hifigan.config import load_hifigan_config
from quantone_training.hifigan.generator import LAST_SLOPE, SLOPE, Generator

Vocode = Callable[[torch.Tensor], torch.Tensor]


def load(config_file: str, checkpoint: str) -> tuple[Generator, int]:
    """A generator in evaluation mode with the weights of a published checkpoint, and the bins it takes."""
    config = load_hifigan_config(config_file)
    generator = Generator(config.generator, config.mel.num_mels).eval()
    generator.load_state_dict(folded(torch.load(checkpoint, weights_only=True)["generator"]))
    return generator, config.mel.num_mels


def folded(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Each pair of length and direction as the weight that they stand for."""
    weights = {name: tensor for name, tensor in state.items() if not name.endswith(("weight_g", "weight_v"))}
    for name, length in state.items():
        if name.endswith("weight_g"):
            direction = state[name[:-1] + "v"]
            norm = direction.flatten(1).norm(dim=1)[:, None, None]
            weights[name.removesuffix("_g")] = length / norm * direction
    return weights


def as_published(generator: Generator) -> Vocode:
    """The same layers with the time last in memory."""
    plain = copy.deepcopy(generator)
    for module in plain.modules():
        for kind in (nn.Conv1d, nn.ConvTranspose1d):
            if isinstance(module, kind):
                module.__class__ = kind

    def vocode(x: torch.Tensor) -> torch.Tensor:
        x = plain.conv_pre(x)
        for stage, up in enumerate(plain.ups):
            x = up(F.leaky_relu(x, SLOPE))
            blocks = list(plain.resblocks)[stage * plain.num_blocks : (stage + 1) * plain.num_blocks]
            x = sum(block(x) for block in blocks) / plain.num_blocks
        return torch.tanh(plain.conv_post(F.leaky_relu(x, LAST_SLOPE)))

    return vocode


def timed(vocode: Vocode, features: torch.Tensor) -> tuple[float, torch.Tensor]:
    """Processor seconds of one call, and the samples."""
    begin = time.process_time()
    waveform = vocode(features)
    return time.process_time() - begin, waveform


@torch.inference_mode()
def main() -> None:
    torch.set_num_threads(1)
    generator, num_mels = load(sys.argv[1], sys.argv[2])
    features = torch.from_numpy(np.fromfile(sys.argv[3], np.float32).reshape(-1, num_mels)).T[None].contiguous()
    forms: dict[str, Vocode] = {
        "published": as_published(generator),
        "channels-last": generator,
    }
    for vocode in forms.values():
        vocode(features)
    print(f"torch {torch.__version__}", flush=True)
    for line in sys.stdin:
        form, _, file = line.strip().partition(" ")
        seconds, waveform = timed(forms[form], features)
        if file:
            waveform.numpy().tofile(file)
        print(seconds, flush=True)


if __name__ == "__main__":
    main()
