"""Writes a golden model of this trainer's kind, as it exports one, with what it says: test/golden/vits-exported.

`python -m quantone_training.vits.make_vectors`

Random weights, alive in every layer, rounded to half precision before anything is computed.
"""

from __future__ import annotations

import importlib.metadata
import json
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from ..weights_file import FILE_MODE
from .config import VitsConfig, load_vits_config
from .export_weights import save_folder
from .model import Vits
from .text import build_vocabulary, to_symbols
from .validation import NOISE_SEED, speak

ROOT = Path(__file__).resolve().parents[3]
OUT = ROOT / "test/golden/vits-exported"
PHONEMES = "ə tˈɛst, ɪz ɪt?"  # noqa: RUF001
SEED = 31


def tiny(shipped: VitsConfig) -> VitsConfig:
    """The shipped config with the smallest networks that still have every kind of layer."""
    return replace(
        shipped,
        hidden_size=8,
        flow_size=4,
        num_hidden_layers=2,
        ffn_dim=12,
        duration_predictor_filter_channels=10,
        prior_encoder_num_flows=2,
        prior_encoder_num_wavenet_layers=2,
        posterior_encoder_num_wavenet_layers=2,
        spectrogram_bins=17,
        upsample_initial_channel=16,
        upsample_rates=(4, 2),
        upsample_kernel_sizes=(8, 4),
        resblock_kernel_sizes=(3, 5),
        resblock_dilation_sizes=((1,), (3,)),
    )


@torch.no_grad()
def build_model() -> Vits:
    """A model whose symbols last a few frames each."""
    torch.manual_seed(SEED)
    model = Vits(tiny(load_vits_config(ROOT / "codecs/vits/config-16k.json")), build_vocabulary([PHONEMES])).eval()
    for name, parameter in model.named_parameters():
        if name.endswith("conv_post.weight"):
            # A new flow shifts nothing.
            nn.init.normal_(parameter, 0.0, 0.3)
        if name.startswith("decoder.") and name.endswith("weight"):
            nn.init.normal_(parameter, 0.0, parameter[0].numel() ** -0.5)
        if name == "duration_predictor.proj.bias":
            parameter.fill_(0.9)
        parameter.copy_(parameter.half().float())
    return model


@torch.no_grad()
def main() -> None:
    torch.set_num_threads(1)
    model = build_model()
    symbols = to_symbols(PHONEMES, model.vocabulary)
    waveform = torch.from_numpy(speak(model, symbols))
    num_frames = len(waveform) // model.config.hop_length
    noise = torch.randn((1, num_frames, model.config.flow_size), generator=torch.Generator().manual_seed(NOISE_SEED))
    vectors = {"0.tokens": torch.tensor(symbols).float(), "0.priorNoise": noise[0], "0.waveform": waveform}
    save_folder(OUT, model, {})
    save_file(vectors, OUT / "vectors.safetensors")
    manifest = {
        "generator": "quantone_training.vits.make_vectors",
        "versions": {name: importlib.metadata.version(name) for name in ("torch", "safetensors")},
        "speakers": [0],
        "phonemes": PHONEMES,
        "range": [waveform.min().item(), waveform.max().item(), waveform.std().item()],
    }
    (OUT / "manifest.json").write_text(json.dumps(manifest, ensure_ascii=False, indent=2) + "\n")
    for path in OUT.iterdir():
        path.chmod(FILE_MODE)


if __name__ == "__main__":
    main()
