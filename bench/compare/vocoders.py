"""DiffWave or Vocos as PyPI ships it, or DiffWave as training/ has it, with random weights, timed on request.

Started by bench/pipeline/vocoders.bench.ts with the name of a vocoder, its folder as make_vectors.py of scripts/diffwave or
scripts/vocos wrote it, and a file of features, float32 [F, M]. Reads one command a line and answers each with one line:

    vocode FRAMES   that many of the features -> processor seconds
    audio FRAMES    writes what it made of them beside the features, as audio.f32 -> ok
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]

Vocode = Callable[[torch.Tensor], torch.Tensor]


def diffwave(folder: Path) -> tuple[Vocode, int]:
    """All steps of the fast schedule, as the package samples."""
    sys.path.insert(0, str(ROOT / "scripts/diffwave"))
    import make_vectors

    config = json.loads((folder / "mel.json").read_text())
    model = make_vectors.build(config, label=0)
    model.load_state_dict(torch.load(folder / "mel.pt")["model"])
    inference = make_vectors.inference
    inference.models["model"] = model

    def vocode(mel: torch.Tensor) -> torch.Tensor:
        audio, _ = inference.predict(mel, "model", device=torch.device("cpu"), fast_sampling=True)
        return audio[0]

    return vocode, config["mel"]["numMels"]


def diffwave_16k(folder: Path) -> tuple[Vocode, int]:
    """The network and the sampler of training/: PyPI has no such config."""
    sys.path.insert(0, str(ROOT / "training"))
    from quantone_training.diffwave.config import load_diffwave_config
    from quantone_training.diffwave.model import Denoiser
    from quantone_training.diffwave.sampling import sample

    config = load_diffwave_config(ROOT / "codecs/diffwave/config-16k.json")
    model = Denoiser(config).eval()
    model.load_state_dict(torch.load(folder / "16k.pt"))
    random = torch.Generator().manual_seed(3)
    return lambda mel: sample(model, config, mel, random)[0], config.mel.num_mels


def vocos(kind: str) -> Callable[[Path], tuple[Vocode, int]]:
    def load(folder: Path) -> tuple[Vocode, int]:
        sys.path.insert(0, str(ROOT / "scripts/vocos"))
        import make_vectors

        config = json.loads((folder / f"{kind}.json").read_text())
        model = make_vectors.build(config)
        model.load_state_dict(torch.load(folder / f"{kind}.bin"))
        options = {"bandwidth_id": torch.tensor([2])} if kind == "encodec" else {}
        return lambda features: model.decode(features, **options)[0], config["featureDim"]

    return load


LOADERS = {
    "diffwave": diffwave,
    "diffwave-16k": diffwave_16k,
    "vocos-mel-24khz": vocos("mel"),
    "vocos-encodec-24khz": vocos("encodec"),
}


@torch.no_grad()
def main() -> None:
    torch.set_num_threads(1)
    name, folder, features_file = sys.argv[1:4]
    vocode, width = LOADERS[name](Path(folder))
    features = torch.from_numpy(np.fromfile(features_file, dtype=np.float32)).view(-1, width)
    package = name.split("-")[0]
    rival = "training/" if name == "diffwave-16k" else f"{package} {importlib.metadata.version(package)}"
    print(f"torch {torch.__version__}, {rival}", flush=True)
    for line in sys.stdin:
        command, num_frames = line.split()
        mel = features[: int(num_frames)].T[None].contiguous()
        begin = time.process_time()
        audio = vocode(mel)
        answer = str(time.process_time() - begin)
        if command == "audio":
            audio.numpy().tofile(Path(features_file).with_name("audio.f32"))
            answer = "ok"
        print(answer, flush=True)


main()
