"""Golden vectors for the TypeScript SoundStream: the PyTorch twin on random weights, every stage's output in float32.

`python -m quantone_training.soundstream.make_vectors tiny` writes test/golden/soundstream-{encoder,decoder}, small
models that denoise on one side; `... full DIR` writes one of the paper's size somewhere outside the repository, for
scripts/soundstream/parity.ts. All inputs come from code; the manifest records seed, versions and how near the closest
decision was.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import platform
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from ..config import from_mapping, to_mapping
from ..rvq import nearest_codeword
from ..weights_file import FILE_MODE
from .checkpoint import save_checkpoint
from .config import SoundstreamConfig, load_soundstream_config
from .model import Film, Soundstream

ROOT = Path(__file__).resolve().parents[3]
SEED = 21
TINY: dict[str, Any] = {
    "system": "soundstream",
    "sampleRate": 2400,
    "hopLength": 24,
    "frameRate": 100,
    "latentDim": 6,
    "encoderChannels": 3,
    "decoderChannels": 4,
    "strides": [2, 3, 4],
    "kernelSize": 7,
    "latentKernelSize": 3,
    "residualKernelSize": 5,
    "dilations": [1, 3, 9],
    "rvq": {"numCodebooks": 4, "codebookSize": 16, "codebookDim": 6},
}
"""Other strides, kernels and widths than the paper's, and different ones in encoder and decoder."""

SWITCH_FRAMES = 7
"""Denoising goes on and off at every so many frames."""


def signal(num_samples: int, sample_rate: int, seed: int) -> torch.Tensor:
    """Two gliding tones under a slow envelope, with noise: [1, 1, T]."""
    generator = torch.Generator().manual_seed(seed)
    seconds = torch.arange(num_samples, dtype=torch.float64) / sample_rate
    pitches = (0.011 * sample_rate, 0.047 * sample_rate)
    tones = sum((torch.sin(2 * math.pi * (f * seconds + 30 * seconds**2) + seed) for f in pitches), torch.zeros(1))
    envelope = 0.3 + 0.15 * torch.cos(2 * math.pi * 1.7 * seconds)
    noise = 0.1 * torch.randn(num_samples, generator=generator, dtype=torch.float64)
    return (envelope * tones + noise).float().clamp(-1, 1)[None, None]


def switching_modes(num_frames: int) -> torch.Tensor:
    """Denoising off and on in turn: [1, F]."""
    return ((torch.arange(num_frames) // SWITCH_FRAMES) % 2)[None].float()


@torch.no_grad()
def random_model(config: SoundstreamConfig) -> Soundstream:
    """Random weights that keep a signal alive through every layer, and codewords drawn around what they quantize."""
    torch.manual_seed(SEED)
    model = Soundstream(config).eval()
    for name, parameter in model.named_parameters():
        # PyTorch's own initialization shrinks a signal layer by layer, and differences with it.
        if name.endswith("weight") and "units" not in name:
            parameter.mul_(1.8)
    for module in model.modules():
        if isinstance(module, Film):
            module.weight.copy_(0.4 * torch.randn_like(module.weight))
            module.bias.add_(0.2 * torch.randn_like(module.bias))
    seconds = 30 if config.sample_rate < 10000 else 8
    num_frames = seconds * config.sample_rate // config.hop_length
    latents = model.encoder(signal(num_frames * config.hop_length, config.sample_rate, 99))
    residual = latents[0].T
    for codebook in model.rvq.codebooks:
        picks = torch.randint(len(residual), (len(codebook),))
        noise = residual.std(dim=0) * torch.randn_like(codebook)
        # Far enough from the latents that they are drawn from: otherwise nothing is left of those after some stages,
        # and every choice between codewords is a near tie.
        codebook.copy_(0.7 * residual[picks] + 0.5 * noise)
        residual = residual - codebook[nearest_codeword(residual, codebook)]
    return model


@torch.no_grad()
def smallest_margin(model: Soundstream, latents: torch.Tensor) -> float:
    """How much nearer the best codeword is than the second, of the residual's own square: the closest decision."""
    residual = latents[0].T.double()
    smallest = math.inf
    for codebook in model.rvq.codebooks.double():
        best = torch.cdist(residual, codebook).square().topk(2, dim=1, largest=False)
        gap = (best.values[:, 1] - best.values[:, 0]) / residual.square().sum(1)
        smallest = min(smallest, float(gap.min()))
        residual = residual - codebook[best.indices[:, 0]]
    return smallest


@torch.no_grad()
def stage_outputs(model: Soundstream, waveform: torch.Tensor, modes: torch.Tensor | None) -> dict[str, torch.Tensor]:
    """Every value between the stages, frames as rows, for a waveform [1, 1, T] of any length."""
    num_samples = waveform.shape[2]
    padded = torch.nn.functional.pad(waveform, (0, -num_samples % model.config.hop_length))
    latents = model.encoder(padded, modes)
    tokens = model.rvq.encode(latents)
    quantized = model.rvq.decode(tokens)
    return {
        "latents": latents[0].T,
        "tokens": tokens[0].T.to(torch.int32),
        "quantized": quantized[0].T,
        "waveform": model.decoder(quantized, modes)[0, 0, :num_samples],
    }


def write(folder: Path, config: SoundstreamConfig, lengths: tuple[int, ...]) -> None:
    """Write weights in both kinds of file, vectors and manifest."""
    model = random_model(config)
    vectors: dict[str, torch.Tensor] = {}
    margins: dict[str, float] = {}
    for index, length in enumerate(lengths):
        waveform = signal(length, config.sample_rate, index)
        modes = switching_modes(-(-length // config.hop_length))
        cases = {"off": None} if config.denoising is None else {"off": None, "switched": modes}
        vectors[f"{index}.input"] = waveform[0, 0]
        for case, case_modes in cases.items():
            outputs = stage_outputs(model, waveform, case_modes)
            vectors |= {f"{index}.{case}.{name}": value for name, value in outputs.items()}
            margins[f"{index}.{case}"] = smallest_margin(model, outputs["latents"].T[None])
    folder.mkdir(parents=True, exist_ok=True)
    save_checkpoint(folder / "weights.safetensors", model)
    save_checkpoint(folder / "weights.pt", model)
    save_file({name: value.contiguous() for name, value in vectors.items()}, folder / "vectors.safetensors")
    (folder / "vectors.safetensors").chmod(FILE_MODE)
    manifest = {
        "madeBy": "python -m quantone_training.soundstream.make_vectors",
        "seed": SEED,
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "config": {key: value for key, value in to_mapping(config).items() if value is not None},
        "numParameters": sum(parameter.numel() for parameter in model.parameters()),
        "switchFrames": SWITCH_FRAMES,
        "lengths": lengths,
        "smallestMargin": margins,
        "largest": {name: float(value.abs().max()) for name, value in vectors.items()},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    print(folder, json.dumps(margins))


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("which", choices=("tiny", "full"))
    parser.add_argument("folder", type=Path, nargs="?", help="of the full size; default for tiny: test/golden")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    if options.which == "tiny":
        config = from_mapping(SoundstreamConfig, TINY)
        golden = options.folder or ROOT / "test/golden"
        for side in ("encoder", "decoder"):
            # Ragged, whole frames, and less than one frame.
            lengths = (24 * 30 - 7, 24 * 9, 5)
            write(golden / f"soundstream-{side}", dataclasses.replace(config, denoising=side), lengths)
    else:
        config = load_soundstream_config(ROOT / "codecs/soundstream/config.json")
        write(options.folder, config, (320 * 150 + 77,))


if __name__ == "__main__":
    main()
