"""Golden vectors for Vocos: PyPI `vocos` on random weights, features, spectrum and samples in float32.

`python scripts/vocos/make_vectors.py tiny` writes test/golden/vocos-tiny; `... full DIR` writes the same of the published
sizes somewhere outside the repository, for scripts/vocos/parity.ts. Versions: requirements.txt here.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
import types
from pathlib import Path
from typing import Any

import librosa
import torch
from torch import nn

# vocos imports a mel transform and helpers of another head from torchaudio, which is not built for this torch, and
# downloads: none of it is used here.
for name in ("torchaudio", "torchaudio.functional", "torchaudio.functional.functional", "huggingface_hub"):
    sys.modules.setdefault(name, types.ModuleType(name))
helpers: Any = sys.modules["torchaudio.functional.functional"]
helpers._hz_to_mel = helpers._mel_to_hz = None
hub: Any = sys.modules["huggingface_hub"]
hub.hf_hub_download = None

from safetensors.torch import load_file, save_file
from vocos.feature_extractors import EncodecFeatures
from vocos.heads import ISTFTHead
from vocos.models import VocosBackbone
from vocos.modules import safe_log
from vocos.pretrained import Vocos

ROOT = Path(__file__).resolve().parents[2]


def published(name: str) -> dict[str, Any]:
    return json.loads((ROOT / f"codecs/vocos/config-{name}.json").read_text())


SMALL: dict[str, Any] = {"sampleRate": 1600, "channels": 8, "hiddenChannels": 12, "numBlocks": 2}
CONFIGS: dict[str, dict[str, dict[str, Any]]] = {
    "full": {"mel": published("mel-24khz"), "encodec": published("encodec-24khz")},
    "tiny": {
        "mel": published("mel-24khz")
        | SMALL
        | {"name": "vocos-tiny-mel", "featureDim": 6, "fftLength": 64, "hopLength": 16}
        | {
            "mel": published("mel-24khz")["mel"]
            | {
                "sampleRate": 1600,
                "fftLength": 64,
                "windowLength": 64,
                "hopLength": 16,
                "numMels": 6,
                "maxFrequencyHz": 800,
            }
        },
        # The frames and codebooks of the tiny EnCodec, whose tokens this can take.
        "encodec": published("encodec-24khz")
        | SMALL
        | {"name": "vocos-tiny-encodec", "sampleRate": 3000, "featureDim": 8, "fftLength": 160, "hopLength": 40}
        | {"encodec": {"numCodebooks": 4, "codebookSize": 16, "bitsPerSecond": [300, 600, 900, 1200]}},
    },
}
FRAMES = {"tiny": {"mel": (40, 5, 2), "encodec": (30, 1)}, "full": {"mel": (94,), "encodec": (75,)}}
"""Frames of each signal: several times the receptive field, about it, and as few as there can be."""


class FixedCodebooks(EncodecFeatures):
    """The package's features without EnCodec behind them: codebooks alone, which is all that tokens need."""

    def __init__(self, codebook_weights: torch.Tensor, codebook_size: int) -> None:
        nn.Module.__init__(self)
        self.codebook_weights = nn.Parameter(codebook_weights)
        self.encodec = types.SimpleNamespace(quantizer=types.SimpleNamespace(bins=codebook_size))


def codebooks(config: dict[str, Any]) -> torch.Tensor:
    """The tiny EnCodec's codewords, stage after stage; random ones at full size, where there is no EnCodec at hand."""
    encodec = config["encodec"]
    if config["name"] != "vocos-tiny-encodec":
        return torch.randn(encodec["numCodebooks"] * encodec["codebookSize"], config["featureDim"])
    weights = load_file(ROOT / "test/golden/encodec-tiny/weights.safetensors")
    return torch.cat([weights[f"quantizer.vq.layers.{q}._codebook.embed"] for q in range(encodec["numCodebooks"])])


def build(config: dict[str, Any]) -> Vocos:
    """The package's modules with this config, and weights that keep every layer's part of the signal alive."""
    torch.manual_seed(7)
    encodec = config.get("encodec")
    backbone = VocosBackbone(
        config["featureDim"],
        config["channels"],
        config["hiddenChannels"],
        config["numBlocks"],
        adanorm_num_embeddings=encodec and len(encodec["bitsPerSecond"]),
    )
    head = ISTFTHead(config["channels"], config["fftLength"], config["hopLength"], config["padding"])
    features: nn.Module = nn.Identity()
    if encodec:
        features = FixedCodebooks(codebooks(config), encodec["codebookSize"])
    model = Vocos(features, backbone, head).eval()
    for name, tensor in model.named_parameters():
        # As initialized, a block changes its input by a thousandth, every rate is the same and all magnitudes are 1.
        if name.endswith("weight") and tensor.dim() > 1 and "codebook" not in name:
            nn.init.normal_(tensor, std=tensor[0].numel() ** -0.5)
        if name.endswith("bias") or "norm.shift" in name:
            nn.init.normal_(tensor, std=0.2)
        if "norm.scale" in name or "gamma" in name or (name.endswith("norm.weight")):
            nn.init.normal_(tensor, mean=0.8, std=0.3)
    bins = config["fftLength"] // 2 + 1
    # Magnitudes that reach the point where they are cut off, in a few bins.
    model.head.out.bias[:bins] += torch.linspace(3.5, 0.5, bins)
    return model


def log_mel(config: dict[str, Any], samples: torch.Tensor) -> torch.Tensor:
    """What vocos takes from torchaudio, which this is the formula of: magnitudes, HTK bands without normalization."""
    mel = config["mel"]
    size = mel["fftLength"]
    window = torch.hann_window(size)
    spectrum = torch.stft(samples, size, mel["hopLength"], window=window, center=True, return_complex=True).abs()
    bands = librosa.filters.mel(
        sr=mel["sampleRate"],
        n_fft=size,
        n_mels=mel["numMels"],
        fmin=mel["minFrequencyHz"],
        fmax=mel["maxFrequencyHz"],
        htk=True,
        norm=None,
    )
    return safe_log(torch.from_numpy(bands) @ spectrum)


def spectrum_of(model: Vocos, hidden: torch.Tensor) -> torch.Tensor:
    """What the head gives to its inverse transform, frames as rows: real parts, then imaginary parts."""
    found: list[torch.Tensor] = []
    hook = model.head.istft.register_forward_pre_hook(lambda _, args: found.append(args[0][0]))
    model.head(hidden)
    hook.remove()
    return torch.cat([found[0].real, found[0].imag]).T


@torch.no_grad()
def make(size: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    vectors: dict[str, torch.Tensor] = {}
    signals = []
    for kind, config in CONFIGS[size].items():
        model = build(config)
        for index, num_frames in enumerate(FRAMES[size][kind]):
            named: dict[str, torch.Tensor] = {}
            options: dict[str, torch.Tensor] = {}
            if kind == "mel":
                named["samples"] = 0.3 * torch.randn(max(num_frames - 1, 3) * config["hopLength"])
                features = log_mel(config, named["samples"])[None, :, :num_frames]
            else:
                encodec = config["encodec"]
                # Each signal at another rate, from the highest down: codebooks in proportion.
                rate = len(encodec["bitsPerSecond"]) - 1 - index
                rates = encodec["bitsPerSecond"]
                count = encodec["numCodebooks"] * rates[rate] // rates[-1]
                tokens = torch.randint(encodec["codebookSize"], (count, num_frames))
                named["tokens"] = tokens.T.float()
                features = model.codes_to_features(tokens)
                options["bandwidth_id"] = torch.tensor([rate])
            hidden = model.backbone(features, **options)
            named |= {
                "features": features[0].T,
                "spectrum": spectrum_of(model, hidden),
                "audio": model.decode(features, **options)[0],
            }
            vectors |= {f"{kind}.{index}.{name}": tensor.contiguous() for name, tensor in named.items()}
            signals.append({"kind": kind, "index": index, "frames": num_frames})
        torch.save(model.state_dict(), folder / f"{kind}.bin")
        (folder / f"{kind}.json").write_text(json.dumps(config, indent=2) + "\n")
    save_file(vectors, folder / "vectors.safetensors")
    (folder / "vectors.safetensors").chmod(0o644)
    manifest = {
        "generator": "scripts/vocos/make_vectors.py",
        "versions": {name: importlib.metadata.version(name) for name in ("torch", "vocos", "librosa", "safetensors")},
        "signals": signals,
        "range": {name: [t.min().item(), t.max().item(), t.std(correction=0).item()] for name, t in vectors.items()},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    make(sys.argv[1], ROOT / "test/golden/vocos-tiny" if sys.argv[1] == "tiny" else Path(sys.argv[2]))
