"""Golden vectors for EnCodec: PyPI `encodec` on random weights, the input and every stage's output in float32.

`python scripts/encodec/make_vectors.py tiny` writes test/golden/encodec-tiny; `... full DIR` writes the same of the full
size somewhere outside the repository, for scripts/encodec/parity.ts; `... ecdc` writes files of a full-size model to
test/golden/ecdc; `... compress DIR AUDIO OUT` compresses a 24 kHz recording at 6 kbps with the model in DIR, for
comparison with `quantone encode AUDIO ours.ecdc --codec encodec-24khz --weights DIR/weights.th --bitrate 6`. Versions:
scripts/encodec/requirements.txt.
"""

from __future__ import annotations

import importlib.metadata
import json
import math
import sys
import types
from pathlib import Path
from typing import Any

import torch

# encodec imports torchaudio for reading files, which nothing here does, and no torchaudio is built for this torch.
sys.modules.setdefault("torchaudio", types.ModuleType("torchaudio"))

from encodec import modules, quantization
from encodec.compress import compress
from encodec.model import EncodecModel
from safetensors.torch import save_file

ROOT = Path(__file__).resolve().parents[2]
FULL = json.loads((ROOT / "codecs/encodec/config-24khz.json").read_text())
TINY: dict[str, Any] = {
    "system": "encodec-24khz",
    "name": "encodec-tiny",
    "sampleRate": 3000,
    "numChannels": 1,
    "hopLength": 40,
    "frameRate": 75,
    "latentDim": 8,
    "baseChannels": 2,
    "strides": [2, 4, 5],
    "kernelSize": 7,
    "lastKernelSize": 5,
    "residualKernelSize": 3,
    "numResidualUnits": 2,
    "dilationBase": 2,
    "compression": 2,
    "numLstmLayers": 2,
    "rvq": {"numCodebooks": 4, "codebookSize": 16, "codebookDim": 8},
}
"""Kernels of 7 and 5 at the ends and two residual units: what the full size leaves alike differs here."""

LENGTHS = {"tiny": (40 * 30 + 17, 40 * 9, 40 * 3 + 1, 23, 3), "full": (320 * 150 + 77,)}
"""Samples of each signal: ragged, whole frames, fewer frames than the padding, less than a frame, less than a stride."""


def build(config: dict[str, Any]) -> EncodecModel:
    """The published model's classes with this config, and weights that keep signals alive through every layer."""
    torch.manual_seed(24)
    sizes = {
        "channels": config["numChannels"],
        "dimension": config["latentDim"],
        "n_filters": config["baseChannels"],
        "n_residual_layers": config["numResidualUnits"],
        "ratios": config["strides"][::-1],
        "norm": "weight_norm",
        "kernel_size": config["kernelSize"],
        "last_kernel_size": config["lastKernelSize"],
        "residual_kernel_size": config["residualKernelSize"],
        "dilation_base": config["dilationBase"],
        "causal": True,
        "compress": config["compression"],
        "lstm": config["numLstmLayers"],
    }
    rvq = config["rvq"]
    quantizer = quantization.ResidualVectorQuantizer(
        dimension=config["latentDim"], n_q=rvq["numCodebooks"], bins=rvq["codebookSize"]
    )
    model = EncodecModel(
        modules.SEANetEncoder(**sizes),
        modules.SEANetDecoder(**sizes),
        quantizer,
        [config["frameRate"] * math.log2(rvq["codebookSize"]) * rvq["numCodebooks"] / 1000],
        config["sampleRate"],
        config["numChannels"],
        name="encodec_24khz",
    ).eval()
    for name, tensor in model.state_dict().items():
        # PyTorch's own initialization shrinks a signal layer by layer, and differences with it.
        if name.endswith("weight_g"):
            tensor.mul_(1.8)
    return model


def signal(length: int, sample_rate: int, seed: int) -> torch.Tensor:
    """Tones that glide under a slow envelope, with noise [1, 1, T]; loud at both ends, where the padding mirrors it."""
    generator = torch.Generator().manual_seed(seed)
    seconds = torch.arange(length, dtype=torch.float64) / sample_rate
    tones = sum(
        torch.sin(2 * math.pi * (f * seconds + 40 * seconds**2) + seed)
        for f in (0.01 * sample_rate, 0.043 * sample_rate)
    )
    envelope = 0.3 + 0.1 * torch.cos(2 * math.pi * 1.3 * seconds)
    noise = 0.1 * torch.randn(length, generator=generator, dtype=torch.float64)
    return (envelope * tones + noise).float().clamp(-1, 1)[None, None]


def fill_codebooks(model: EncodecModel, latents: torch.Tensor) -> None:
    """Draws each stage's codewords around what the stages before leave of real latents [1, D, F]."""
    residual = latents[0].T
    for layer in model.quantizer.vq.layers:
        book = layer._codebook
        picks = torch.randint(len(residual), (book.codebook_size,))
        noise = residual.std(dim=0) * torch.randn(book.codebook_size, residual.shape[1])
        # Far enough from the latents that they are drawn from, or after some stages nothing would be left of those and
        # every choice between codewords a near tie for others.
        book.embed.copy_(0.7 * residual[picks] + 0.5 * noise)
        book.inited.fill_(1)
        residual = residual - layer.decode(layer.encode(residual.T[None]))[0].T


def smallest_margin(model: EncodecModel, latents: torch.Tensor, codes: torch.Tensor) -> float:
    """How much nearer the chosen codeword is than the second, relative to the squared distances: the closest decision."""
    residual = latents[0].T.double()
    smallest = math.inf
    for layer, chosen in zip(model.quantizer.vq.layers, codes[0], strict=False):
        embed = layer._codebook.embed.double()
        best = (torch.cdist(residual, embed) ** 2).topk(2, largest=False).values
        smallest = min(smallest, ((best[:, 1] - best[:, 0]) / (residual**2).sum(1)).min().item())
        residual = residual - embed[chosen]
    return smallest


@torch.no_grad()
def make(config: dict[str, Any], lengths: tuple[int, ...], folder: Path) -> None:
    model = build(config)
    rate = config["sampleRate"]
    fill_codebooks(model, model.encoder(signal(30 * rate if rate < 10000 else 8 * rate, rate, 99)))
    vectors: dict[str, torch.Tensor] = {}
    margins = {}
    for index, length in enumerate(lengths):
        wave = signal(length, rate, index)
        latents = model.encoder(wave)
        [(codes, _)] = model.encode(wave)
        quantized = model.quantizer.decode(codes.transpose(0, 1))
        named = {
            "input": wave[0, 0],
            "latents": latents[0].T,
            "tokens": codes[0].T.float(),
            "quantized": quantized[0].T,
            "waveform": model.decode([(codes, None)])[0, 0],
        }
        vectors |= {f"{index}.{name}": value.contiguous() for name, value in named.items()}
        margins[index] = smallest_margin(model, latents, codes)
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: t.contiguous() for name, t in model.state_dict().items()}, folder / "weights.safetensors")
    # The layout of the published files: a state dict in torch.save's zip form, weight norm unfolded.
    torch.save(model.state_dict(), folder / "weights.th")
    save_file(vectors, folder / "vectors.safetensors")
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    manifest = {
        "generator": "scripts/encodec/make_vectors.py",
        "versions": {name: importlib.metadata.version(name) for name in ("torch", "safetensors")}
        | {"encodec": "0.1.1"},
        "lengths": lengths,
        "smallestMargin": margins,
        "range": {
            name: [t.min().item(), t.max().item(), t.std().item()] for name, t in vectors.items() if t.numel() > 1
        },
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    for name in ("weights.safetensors", "vectors.safetensors"):
        (folder / name).chmod(0o644)


@torch.no_grad()
def make_ecdc(folder: Path) -> None:
    """Files at two rates, one of them with a last byte that is not full, and the codes that are in them."""
    model = build(FULL)
    rate = FULL["sampleRate"]
    fill_codebooks(model, model.encoder(signal(2 * rate, rate, 99)))
    model.target_bandwidths = [1.5, 6.0]
    folder.mkdir(parents=True, exist_ok=True)
    codes = {}
    for bandwidth, length in ((1.5, 320 * 11), (6.0, 320 * 37 + 77)):
        model.set_target_bandwidth(bandwidth)
        wave = signal(length, rate, 0)
        codes[str(length)] = model.encode(wave)[0][0][0].T.float().contiguous()
        (folder / f"{length}.ecdc").write_bytes(compress(model, wave[0]))
    save_file(codes, folder / "codes.safetensors")
    (folder / "codes.safetensors").chmod(0o644)


@torch.no_grad()
def compress_recording(folder: Path, audio: Path, out: Path) -> None:
    import soundfile

    samples, rate = soundfile.read(audio, dtype="float32")
    if rate != FULL["sampleRate"] or samples.ndim != 1:
        raise SystemExit(f"expected 24 kHz mono, got {rate} Hz in shape {samples.shape}")
    model = build(FULL)
    model.load_state_dict(torch.load(folder / "weights.th"))
    model.target_bandwidths = [6.0]
    model.set_target_bandwidth(6.0)
    out.write_bytes(compress(model, torch.from_numpy(samples)[None]))


if __name__ == "__main__":
    torch.set_num_threads(1)
    if sys.argv[1] == "tiny":
        make(TINY, LENGTHS["tiny"], ROOT / "test/golden/encodec-tiny")
    elif sys.argv[1] == "ecdc":
        make_ecdc(ROOT / "test/golden/ecdc")
    elif sys.argv[1] == "compress":
        compress_recording(*map(Path, sys.argv[2:5]))
    else:
        make(FULL, LENGTHS["full"], Path(sys.argv[2]))
