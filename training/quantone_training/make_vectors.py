"""Golden vectors for the TypeScript tests: the input and every stage's output, offline and in float32.

`python -m quantone_training.make_vectors tiny` writes a codec of random weights; `... real` uses the shipped weights.
All inputs come from code. The manifest records versions, shapes, tolerances and how near the closest decision was.
"""

from __future__ import annotations

import argparse
import json
import platform
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save_file

from .codec import Codec
from .config import CodecConfig, config_hash, from_mapping, load_codec_config, to_mapping
from .export_weights import load_weights, shipped_tensors
from .features import log_mel
from .weights_file import FILE_MODE, revision, save_weights

SEED = 20
NUM_FRAMES = 30
RAGGED_SAMPLES = 37
"""The input stops this short of a whole number of frames, so that padding and cropping are part of the vectors."""

TINY: dict[str, Any] = {
    "name": "speech-16k-tiny",
    "sampleRate": 16000,
    "hopLength": 80,
    "frameRate": 200,
    "latentDim": 8,
    "residualKernelSize": 3,
    "encoder": {"inputKernelSize": 4, "channels": 16, "dilations": [1, 2, 4], "outputKernelSize": 3},
    "rvq": {"numCodebooks": 3, "codebookSize": 16, "codebookDim": 8},
    "decoder": {
        "lookaheadFrames": 2,
        "inputKernelSize": 7,
        "frameChannels": 16,
        "frameDilations": [1, 2, 4, 1],
        "upsampleFactor": 2,
        "upsampleKernelSize": 2,
        "subframeChannels": 12,
        "subframeDilations": [1, 3, 9, 1, 3, 9],
        "excitation": {
            "directBins": 24,
            "lowBins": 8,
            "thresholds": [-1.5, 0, 1.5],
            "binsPerBand": 4,
            "smoothingBins": 3,
            "levelFloor": 0.0001,
            "powerFloor": 0.000001,
        },
    },
    "vocoder": {"fftLength": 128, "hopLength": 40, "spectrumGain": 5, "windowSumFloor": 0.001},
    "mel": {
        "fftLength": 256,
        "windowLength": 160,
        "hopLength": 40,
        "numMels": 16,
        "minFrequencyHz": 0,
        "maxFrequencyHz": 8000,
        "floor": 0.00001,
    },
    "melNormalization": {"mean": -5, "deviation": 4},
    "phase": {"numFrequencies": 3, "spacingHz": 100, "exponent": 0.3, "floor": 0.001},
}

EXACT = ("input", "padded", "tokens")
TOLERANCE = 2e-6
EXCITED_TOLERANCE = 4e-5
LOG_MEL_TOLERANCE = 1e-4
"""Largest absolute difference another float32 implementation may show where values stay within one; tensors with larger
values get as many times more. The second is for what holds made harmonics, whose quietest parts are lifted; the third
for logarithms and what is computed from them. Each is about seven times what ONNX Runtime was measured at (3e-7,
6e-6 and 1.4e-5 on an AMD EPYC, November 2026): other machines add in other orders. Tokens must be equal."""


def test_signal(num_samples: int, sample_rate: int) -> torch.Tensor:
    """A rising chirp with an envelope, noise bursts and a moment of silence: [1, 1, T], peak about 0.7."""
    time = np.arange(num_samples) / sample_rate
    end = num_samples / sample_rate
    chirp = np.sin(2 * np.pi * (120 * time + 0.5 * (2800 - 120) / end * time**2))
    envelope = 0.35 * (0.6 + 0.4 * np.sin(2 * np.pi * 5 * time / end))
    noise = np.random.default_rng(SEED).standard_normal(num_samples)
    gate = (np.sin(2 * np.pi * 3.3 * time / end) > 0.4).astype(np.float64)
    signal = envelope * chirp + 0.08 * gate * noise
    signal[int(0.55 * num_samples) : int(0.62 * num_samples)] = 0
    return torch.from_numpy(signal.astype(np.float32))[None, None]


@torch.no_grad()
def random_codec(config: CodecConfig) -> Codec:
    """A codec whose every tensor is random, with all branches loud enough to be heard in the result."""
    torch.manual_seed(SEED)
    codec = Codec(config).eval()
    for name, parameter in codec.named_parameters():
        if name.endswith("gain"):
            parameter.copy_(0.5 + 0.2 * torch.randn_like(parameter))
        elif name.endswith("bias"):
            parameter.copy_(0.1 * torch.randn_like(parameter))
    decoder = codec.decoder
    torch.nn.init.normal_(decoder.excitation.masks.weight, std=0.05)
    assert decoder.log_mel.bias is not None
    decoder.log_mel.bias.sub_(4)
    latents = codec.encoder(test_signal(NUM_FRAMES * config.hop_length, config.sample_rate))
    for stage in range(config.rvq.num_codebooks):
        spread = float(latents.std()) * 0.6**stage
        codec.rvq.codebooks[stage] = spread * torch.randn_like(codec.rvq.codebooks[stage])
    return codec


@torch.no_grad()
def stage_outputs(codec: Codec, waveform: torch.Tensor) -> dict[str, torch.Tensor]:
    """Every value between the stages, for a waveform [1, 1, T]; network layouts, tokens [F, K]."""
    hop = codec.config.hop_length
    padded = F.pad(waveform, (0, -waveform.shape[2] % hop + hop))
    latents = codec.encoder(padded)
    tokens = codec.rvq.encode(latents)
    quantized = codec.rvq.decode(tokens)
    output = codec.decoder(quantized)
    decoded = codec.vocoder(output.spectrum, padded.shape[2])
    return {
        "input": waveform,
        "padded": padded,
        "features": log_mel(padded, codec.config.sample_rate, codec.config.mel),
        "latents": latents,
        "tokens": tokens[0].t().to(torch.int32),
        "quantized": quantized,
        "spectrum": output.spectrum,
        "log_mel": output.log_mel,
        "waveform": decoded,
    }


@torch.no_grad()
def smallest_margin(codec: Codec, latents: torch.Tensor) -> float:
    """Smallest gap between the squared distances of the best and the second-best codeword, over frames and stages."""
    residual = latents[0].t().double()
    margins: list[torch.Tensor] = []
    for codebook in codec.rvq.codebooks.double():
        distances = torch.cdist(residual, codebook, compute_mode="donot_use_mm_for_euclid_dist").square()
        best = distances.topk(2, dim=1, largest=False)
        margins.append(best.values[:, 1] - best.values[:, 0])
        residual = residual - codebook[best.indices[:, 0]]
    return float(torch.stack(margins).min())


def tolerance(name: str, tensor: torch.Tensor) -> float:
    """The allowed absolute difference for one tensor."""
    if name in ("log_mel", "features"):
        return LOG_MEL_TOLERANCE
    steps = {"latents": LOG_MEL_TOLERANCE, "spectrum": EXCITED_TOLERANCE, "waveform": EXCITED_TOLERANCE}
    least = steps.get(name, TOLERANCE)
    return least * max(1.0, round(float(tensor.abs().max()), 1))


def write(folder: Path, codec: Codec, waveform: torch.Tensor, weights_revision: str) -> None:
    """Write `vectors.safetensors` and `manifest.json`."""
    tensors = {name: tensor.contiguous() for name, tensor in stage_outputs(codec, waveform).items()}
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "vectors.safetensors")
    (folder / "vectors.safetensors").chmod(FILE_MODE)
    manifest = {
        "madeBy": "python -m quantone_training.make_vectors",
        "codec": codec.config.name,
        "configHash": config_hash(codec.config),
        "revision": weights_revision,
        "seed": SEED,
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
        "numSamples": waveform.shape[2],
        "smallestTokenMargin": smallest_margin(codec, tensors["latents"]),
        "tolerance": {name: tolerance(name, tensors[name]) for name in tensors if name not in EXACT},
        "shapes": {name: list(tensor.shape) for name, tensor in tensors.items()},
        "largest": {name: float(tensor.abs().max()) for name, tensor in tensors.items()},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    print(folder, json.dumps(manifest["largest"]), "margin", manifest["smallestTokenMargin"])


def write_tiny(folder: Path) -> None:
    config = from_mapping(CodecConfig, TINY)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(to_mapping(config), indent=2) + "\n")
    codec = random_codec(config)
    tensors = shipped_tensors(codec, torch.float32, torch.float32)
    save_weights(folder / "weights.safetensors", tensors, config, {})
    num_samples = NUM_FRAMES * config.hop_length - RAGGED_SAMPLES
    write(folder, codec, test_signal(num_samples, config.sample_rate), revision(tensors))


def write_real(folder: Path, config_path: Path, weights: Path) -> None:
    config = load_codec_config(config_path)
    codec = load_weights(weights, config)
    with safe_open(weights, framework="pt") as file:
        weights_revision = file.metadata()["revision"]
    num_samples = NUM_FRAMES * config.hop_length - RAGGED_SAMPLES
    write(folder, codec, test_signal(num_samples, config.sample_rate), weights_revision)


def main(arguments: list[str] | None = None) -> None:
    root = Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("which", choices=("tiny", "real"))
    parser.add_argument("--config", type=Path, default=root / "codecs/speech-16k/config.json")
    parser.add_argument("--weights", type=Path, default=root / "codecs/speech-16k/weights/speech-16k.safetensors")
    parser.add_argument("--out", type=Path, help="default: test/golden/speech-16k-tiny or test/golden/speech-16k")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    golden = root / "test/golden"
    if options.which == "tiny":
        write_tiny(options.out or golden / "speech-16k-tiny")
    else:
        write_real(options.out or golden / "speech-16k", options.config, options.weights)


if __name__ == "__main__":
    main()
