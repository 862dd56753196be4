"""Golden vectors for EnCodec's language model and its files: PyPI `encodec` on random weights.

`python scripts/encodec/make_lm_vectors.py` writes test/golden/encodec-lm-tiny: a small model in the layout of the published
checkpoints, codes, the probabilities that upstream's model gives for them frame by frame, files that upstream's
`compress_to_file` makes of them, and files with the model in whole numbers (integer_lm.py). Versions: scripts/encodec/requirements.txt.
"""

from __future__ import annotations

import importlib.metadata
import io
import json
import sys
import types
from pathlib import Path
from typing import Any

import torch

# encodec imports torchaudio for reading files, which nothing here does, and no torchaudio is built for this torch.
sys.modules.setdefault("torchaudio", types.ModuleType("torchaudio"))

from encodec.compress import compress_to_file
from encodec.model import LMModel
from safetensors.torch import save_file

from integer_lm import IntegerLm, integer_file

FOLDER = Path(__file__).resolve().parents[2] / "test/golden/encodec-lm-tiny"
TINY: dict[str, int] = {"numLayers": 2, "dim": 8, "numHeads": 2, "contextFrames": 5, "numCodebooks": 3}
CODEBOOK_SIZE = 1024
"""What files of the published models have; the rest is as small as can be."""
NUM_FRAMES = 13
"""More than twice the context: frames leave it."""


class Tokens:
    """What `compress_to_file` asks of a codec: its name, its tokens in segments with scales, and a language model."""

    bits_per_codebook = 10

    def __init__(self, name: str, frames: list[Any], lm: LMModel | Unchanging | None = None) -> None:
        self.name = name
        self.frames = frames
        self.lm = lm

    def encode(self, _: torch.Tensor) -> list[Any]:
        return self.frames

    def get_lm_model(self) -> LMModel | Unchanging | None:
        return self.lm

    def compress(self, num_samples: int) -> bytes:
        file = io.BytesIO()
        compress_to_file(self, torch.zeros(1, num_samples), file, use_lm=self.lm is not None)  # type: ignore[arg-type]
        return file.getvalue()


class Unchanging:
    """A language model that expects the same of every code always: files of many frames need no vector for each."""

    def __init__(self) -> None:
        weights = 1 + torch.arange(CODEBOOK_SIZE) % 7
        self.probabilities = weights / weights.sum()

    def __call__(self, indices: torch.Tensor, *_: Any) -> tuple[torch.Tensor, None, int]:
        return self.probabilities[None, :, None, None].expand(1, -1, indices.shape[1], 1), None, 0


def build() -> LMModel:
    """The published model's class, small, with weights that make some codes far likelier than others."""
    torch.manual_seed(7)
    lm = LMModel(
        TINY["numCodebooks"],
        CODEBOOK_SIZE,
        TINY["dim"],
        num_layers=TINY["numLayers"],
        num_heads=TINY["numHeads"],
        past_context=TINY["contextFrames"],
    ).eval()
    for name, tensor in lm.state_dict().items():
        if "norm" in name:
            tensor.add_(0.3 * torch.randn_like(tensor))
        elif name.endswith("bias"):
            tensor.copy_(0.3 * torch.randn_like(tensor))
        elif "emb" not in name:
            tensor.mul_(2)
    return lm


def probabilities(lm: LMModel, codes: torch.Tensor) -> torch.Tensor:
    """codes [K, F] -> [F, K, N], a frame a call as upstream's coder calls the model."""
    states: Any = None
    offset: Any = 0
    previous = torch.zeros(1, len(codes), 1, dtype=torch.long)
    frames = []
    for frame in codes.T:
        given, states, offset = lm(previous, states, offset)
        frames.append(given[0, :, :, 0].T)
        previous = 1 + frame[None, :, None]
    return torch.stack(frames)


@torch.no_grad()
def make() -> None:
    lm = build()
    codes = torch.randint(CODEBOOK_SIZE, (TINY["numCodebooks"], NUM_FRAMES))
    # The codes at both ends, whose ranges have an end of their own.
    codes[0, 1], codes[1, 1] = 0, CODEBOOK_SIZE - 1
    two = codes[:2]
    # A whole segment and one that is all overlap.
    segments = [torch.randint(CODEBOOK_SIZE, (2, frames)) for frames in (150, 2)]
    scales = torch.tensor([0.25, 1e-8])
    FOLDER.mkdir(parents=True, exist_ok=True)
    torch.save(lm.state_dict(), FOLDER / "lm.th")
    vectors = {
        "codes": codes.T.float(),
        "probabilities": probabilities(lm, codes),
        "probabilities.2": probabilities(lm, two),
        "segments": torch.cat(segments, dim=1).T.float(),
        "scales": scales,
        "unchanging": Unchanging().probabilities,
    }
    save_file({name: tensor.contiguous() for name, tensor in vectors.items()}, FOLDER / "vectors.safetensors")
    (FOLDER / "vectors.safetensors").chmod(0o644)
    num_samples = NUM_FRAMES * 320 - 100
    for count, picked in ((3, codes), (2, two)):
        file = Tokens("encodec_24khz", [(picked[None], None)], lm).compress(num_samples)
        (FOLDER / f"24khz-{count}.ecdc").write_bytes(file)
        weights = {name: tensor.numpy() for name, tensor in lm.state_dict().items()}
        header = {"m": "encodec_24khz", "al": num_samples, "nc": count, "lm": "integer", "rev": "r", "lmrev": "tiny"}
        integers = integer_file(header, picked.T.numpy(), IntegerLm(weights, TINY, count))
        (FOLDER / f"24khz-{count}.integer.ecdc").write_bytes(integers)
    frames = [(segment[None], scale.view(1, 1)) for segment, scale in zip(segments, scales, strict=True)]
    (FOLDER / "48khz-packed.ecdc").write_bytes(Tokens("encodec_48khz", frames).compress(48000))
    unchanging = Tokens("encodec_48khz", frames, Unchanging())
    (FOLDER / "48khz-unchanging.ecdc").write_bytes(unchanging.compress(48000))
    (FOLDER / "config.json").write_text(json.dumps(TINY, indent=2) + "\n")
    given = vectors["probabilities"]
    manifest = {
        "generator": "scripts/encodec/make_lm_vectors.py",
        "versions": {name: importlib.metadata.version(name) for name in ("torch", "safetensors")}
        | {"encodec": "0.1.1"},
        "numSamples": num_samples,
        "mostLikely": given.max().item(),
        "leastLikely": given.min().item(),
    }
    (FOLDER / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    make()
