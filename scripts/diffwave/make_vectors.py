"""Golden vectors for DiffWave: PyPI `diffwave` on random weights, the noise that it drew and what it made of it.

`python scripts/diffwave/make_vectors.py tiny` writes test/golden/diffwave-tiny; `... full DIR` writes the same of the
published size somewhere outside the repository, for scripts/diffwave/parity.ts. Versions: requirements.txt here.

`... trained` adds the network that training/ trains, in miniature, to test/golden/diffwave-tiny: other strides, and
features that it brings to a common size first. Run it behind `tiny`.

The package has a network for log-mels only. Those for classes and for nothing are its residual blocks with another
condition, as the paper has them: a class is an embedding that is the same at every sample.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
import types
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

# diffwave.inference imports torchaudio for writing files, which nothing here does.
sys.modules.setdefault("torchaudio", types.ModuleType("torchaudio"))

from diffwave import inference
from diffwave.model import DiffWave
from diffwave.params import AttrDict, params
from safetensors import safe_open
from safetensors.torch import save_file

ROOT = Path(__file__).resolve().parents[2]
FULL: dict[str, Any] = json.loads((ROOT / "codecs/diffwave/config-22khz.json").read_text())
TINY: dict[str, Any] = FULL | {
    "sampleRate": 6400,
    "mel": FULL["mel"] | {"sampleRate": 6400, "maxFrequencyHz": 3200, "numMels": 5},
    "numLayers": 6,
    "channels": 8,
    "dilationCycle": 3,
    "stepHiddenDim": 12,
}
CONDITIONS: dict[str, dict[str, Any]] = {
    "mel": {},
    "label": {"conditioning": "label", "mel": None, "upsampling": None, "numClasses": 3, "classDim": 6},
    "none": {"conditioning": "none", "mel": None, "upsampling": None},
}
SIGNALS = {
    "tiny": {"mel": ((5, True), (1, True), (1, False)), "label": ((2, True),), "none": ((1, True),)},
    "full": {"mel": ((12, True),)},
}
"""Signals of each model: how many frames of 256 samples, and whether the fast schedule is used."""


class ClassCondition(nn.Module):
    """Takes the place of the mel upsampler: the embedding of a class, whatever the mel."""

    def __init__(self, num_classes: int, width: int, label: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(num_classes, width)
        self.label = label

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        return self.embedding(torch.tensor([self.label]))[..., None].expand(len(mel), -1, 1)


class Nothing(nn.Module):
    """Takes the place of a condition's projection."""

    def forward(self, _: torch.Tensor) -> torch.Tensor:
        return torch.zeros(())


def build(config: dict[str, Any], label: int) -> DiffWave:
    """The package's network with this config, and weights that keep signals alive through every layer."""
    torch.manual_seed(22)
    kind = config["conditioning"]
    width = {"mel": (config["mel"] or {}).get("numMels"), "label": config.get("classDim"), "none": 1}[kind]
    model = DiffWave(
        AttrDict(
            params
            | {
                "n_mels": width,
                "residual_layers": config["numLayers"],
                "residual_channels": config["channels"],
                "dilation_cycle_length": config["dilationCycle"],
            }
        )
    ).eval()
    hidden, channels = config["stepHiddenDim"], config["channels"]
    if hidden != model.diffusion_embedding.projection1.out_features:
        model.diffusion_embedding.projection1 = nn.Linear(config["stepEmbeddingDim"], hidden)
        model.diffusion_embedding.projection2 = nn.Linear(hidden, hidden)
        for layer in model.residual_layers:
            layer.diffusion_projection = nn.Linear(hidden, channels)
    if kind == "label":
        model.spectrogram_upsampler = ClassCondition(config["numClasses"], width, label)
    if kind == "none":
        model.spectrogram_upsampler = nn.Identity()
        for layer in model.residual_layers:
            layer.conditioner_projection = Nothing()
    # The last layer starts as zeros, which would hide all others; biases as good as do.
    nn.init.normal_(model.output_projection.weight, std=0.15)
    if kind == "mel":
        for conv in (model.spectrogram_upsampler.conv1, model.spectrogram_upsampler.conv2):
            nn.init.normal_(conv.weight, std=0.5)
    for name, tensor in model.named_parameters():
        if name.endswith("bias"):
            nn.init.normal_(tensor, std=0.2)
    return model


def recorded(sample: Callable[[], torch.Tensor]) -> tuple[list[torch.Tensor], torch.Tensor]:
    """What sampling makes [T], and the noise that it drew meanwhile, in the order of drawing."""
    drawn: list[torch.Tensor] = []
    originals = (torch.randn, torch.randn_like)

    def record(original: Any) -> Any:
        def draw(*args: Any, **options: Any) -> torch.Tensor:
            drawn.append(original(*args, **options))
            return drawn[-1].clone()

        return draw

    torch.randn, torch.randn_like = map(record, originals)
    try:
        audio = sample()
    finally:
        torch.randn, torch.randn_like = originals
    return [noise[0] for noise in drawn], audio[0]


def predict(model: DiffWave, mel: torch.Tensor, fast: bool) -> torch.Tensor:
    """What the package makes of a mel."""
    inference.models["model"] = model
    return inference.predict(mel, "model", device=torch.device("cpu"), fast_sampling=fast)[0]


@torch.no_grad()
def make(base: dict[str, Any], size: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    vectors: dict[str, torch.Tensor] = {}
    signals = []
    for kind, frames in SIGNALS[size].items():
        config = {key: value for key, value in (base | CONDITIONS[kind]).items() if value is not None}
        model = build(config | {"mel": config.get("mel")}, label=1)
        for index, (num_frames, fast) in enumerate(frames):
            width = config["mel"]["numMels"] if kind == "mel" else 1
            # Log-mels of speech have a slope and neighbours that resemble each other.
            mel = (torch.rand(1, width, num_frames) * 0.6).cumsum(2) % 1
            noise, audio = recorded(partial(predict, model, mel, fast))
            step = torch.tensor([3.375])
            named = {
                "mel": mel[0].T,
                "drawn": torch.stack(noise),
                "audio": audio,
                "noise": model(noise[0][None], mel, step)[0, 0],
            }
            if kind == "mel":
                named["condition"] = model.spectrogram_upsampler(mel)[0].T
            vectors |= {f"{kind}.{index}.{name}": tensor.contiguous() for name, tensor in named.items()}
            signals.append({"kind": kind, "index": index, "frames": num_frames, "fast": fast, "step": step.item()})
        state = {
            name.replace("spectrogram_upsampler.embedding", "class_embedding"): tensor
            for name, tensor in model.state_dict().items()
        }
        # What the authors' training writes: the weights beside an optimizer's state and the settings.
        checkpoint = {"step": 0, "model": state, "optimizer": {"state": {}}, "params": dict(model.params)}
        torch.save(checkpoint, folder / f"{kind}.pt")
        (folder / f"{kind}.json").write_text(json.dumps(config, indent=2) + "\n")
    write(folder, vectors, signals)


def write(folder: Path, vectors: dict[str, torch.Tensor], signals: list[dict[str, Any]]) -> None:
    save_file(vectors, folder / "vectors.safetensors")
    (folder / "vectors.safetensors").chmod(0o644)
    manifest = {
        "generator": "scripts/diffwave/make_vectors.py",
        "versions": {name: importlib.metadata.version(name) for name in ("torch", "diffwave", "safetensors")},
        "signals": signals,
        "range": {name: [t.min().item(), t.max().item(), t.std(correction=0).item()] for name, t in vectors.items()},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


@torch.no_grad()
def add_trained(folder: Path) -> None:
    """The same of the twin in training/, of one signal."""
    sys.path.insert(0, str(ROOT / "training"))
    from quantone_training.config import from_mapping
    from quantone_training.diffwave.config import DiffwaveConfig
    from quantone_training.diffwave.model import Denoiser
    from quantone_training.diffwave.sampling import sample

    raw: dict[str, Any] = json.loads((ROOT / "codecs/diffwave/config-16k.json").read_text())
    raw |= {
        "mel": raw["mel"] | {"hopLength": 24, "numMels": 5},
        "upsampling": [6, 4],
        "numLayers": 5,
        "channels": 8,
        "dilationCycle": 3,
        "stepHiddenDim": 12,
    }
    config = from_mapping(DiffwaveConfig, raw)
    torch.manual_seed(16)
    model = Denoiser(config).eval()
    nn.init.normal_(model.output_projection.weight, std=0.15)
    for name, tensor in model.named_parameters():
        if name.endswith("bias"):
            nn.init.normal_(tensor, std=0.2)
        if "upsampler" in name and name.endswith("weight"):
            nn.init.normal_(tensor, std=0.5)
    mel = -10 + 9 * torch.rand(1, 5, 7)
    drawn, audio = recorded(lambda: sample(model, config, mel, torch.Generator().manual_seed(3)))
    step = torch.tensor([7.75])
    scaled = (mel - config.mel_normalization.mean) / config.mel_normalization.deviation
    named = {
        "mel": mel[0].T,
        "drawn": torch.stack(drawn),
        "audio": audio,
        "noise": model(drawn[0][None], mel, step)[0],
        "condition": model.spectrogram_upsampler(scaled)[0].T,
    }
    with safe_open(folder / "vectors.safetensors", "pt") as file:
        vectors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    vectors |= {f"trained.0.{name}": tensor.contiguous() for name, tensor in named.items()}
    signals = json.loads((folder / "manifest.json").read_text())["signals"]
    signals = [signal for signal in signals if signal["kind"] != "trained"]
    signals.append({"kind": "trained", "index": 0, "frames": 7, "fast": True, "step": step.item()})
    torch.save(model.state_dict(), folder / "trained.pt")
    (folder / "trained.json").write_text(json.dumps(raw, indent=2) + "\n")
    write(folder, vectors, signals)


def write_random(folder: Path) -> None:
    """Training's network at its full size with random weights, for the benchmark."""
    sys.path.insert(0, str(ROOT / "training"))
    from quantone_training.diffwave.config import load_diffwave_config
    from quantone_training.diffwave.model import Denoiser

    torch.manual_seed(17)
    model = Denoiser(load_diffwave_config(ROOT / "codecs/diffwave/config-16k.json"))
    nn.init.normal_(model.output_projection.weight, std=0.15)
    torch.save(model.state_dict(), folder / "16k.pt")


if __name__ == "__main__":
    torch.set_num_threads(1)
    if sys.argv[1] == "tiny":
        make(TINY, "tiny", ROOT / "test/golden/diffwave-tiny")
    elif sys.argv[1] == "trained":
        add_trained(ROOT / "test/golden/diffwave-tiny")
    else:
        make(FULL, "full", Path(sys.argv[2]))
        write_random(Path(sys.argv[2]))
