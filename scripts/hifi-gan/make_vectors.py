"""Golden vectors for HiFi-GAN and log-mel features, in float32 on random weights and signals from code.

`python scripts/hifi-gan/make_vectors.py tiny` writes test/golden/hifi-gan (small generators of both kinds, one under
the names of transformers' SpeechT5HifiGan) and test/golden/mel; `... full DIR` writes the published sizes somewhere
outside the repository, for scripts/hifi-gan/parity.ts. Versions: scripts/hifi-gan/requirements.txt.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils.parametrizations import weight_norm
from transformers import SpeechT5FeatureExtractor, SpeechT5HifiGan, SpeechT5HifiGanConfig

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "training"))

from quantone_training.config import CodecConfig, from_mapping, load_codec_config  # noqa: E402
from quantone_training.features import log_mel as codec_log_mel  # noqa: E402
from quantone_training.hifigan.config import HifiganConfig, load_hifigan_config  # noqa: E402
from quantone_training.hifigan.generator import Generator  # noqa: E402

VERSIONS = {"torch": torch.__version__, "librosa": librosa.__version__, "numpy": np.__version__}
TINY_MEL = {
    "sampleRate": 8000,
    "fftLength": 64,
    "windowLength": 64,
    "hopLength": 16,
    "numMels": 6,
    "minFrequencyHz": 0,
    "maxFrequencyHz": 4000,
    "melScale": "slaney",
    "norm": "slaney",
    "power": 1,
    "padding": "reflect-same",
    "compression": {"log": "natural", "floor": 1e-5},
}
TINY: dict[str, dict[str, Any]] = {
    # Kind 1, kernels and dilations that differ from block to block.
    "kind-1": {
        "system": "hifigan-v1",
        "mel": TINY_MEL,
        "generator": {
            "initialChannels": 32,
            "upsampleRates": [8, 2],
            "upsampleKernelSizes": [16, 4],
            "residualKind": 1,
            "residualKernelSizes": [3, 7],
            "residualDilations": [[1, 3], [1, 5]],
        },
    },
    # Kind 2, an odd kernel behind a rate of five and a kernel of more than two strides.
    "kind-2": {
        "system": "hifigan-v3",
        "mel": {**TINY_MEL, "hopLength": 20},
        "generator": {
            "initialChannels": 32,
            "upsampleRates": [5, 4],
            "upsampleKernelSizes": [11, 10],
            "residualKind": 2,
            "residualKernelSizes": [3, 5],
            "residualDilations": [[1, 2], [2, 6]],
        },
    },
}
SPEECHT5_TINY = {
    "system": "hifigan-speecht5",
    "mel": {**TINY_MEL, "padding": "reflect-center"},
    "generator": {**TINY["kind-1"]["generator"], "upsampleRates": [4, 4], "upsampleKernelSizes": [8, 8]},
    "normalizesFeatures": True,
}
NUM_FRAMES = {"tiny": 60, "full": 100}


def random_log_mel(num_frames: int, num_mels: int) -> torch.Tensor:
    """Features [1, M, F] that move like speech: slow contours around -5, with noise."""
    generator = torch.Generator().manual_seed(3)
    frame = torch.arange(num_frames)[None]
    band = torch.arange(num_mels)[:, None]
    contour = 2.5 * torch.sin(0.11 * frame + 0.3 * band) - 5
    return (contour + 0.7 * torch.randn(num_mels, num_frames, generator=generator))[None].float()


@torch.no_grad()
def enliven(module: torch.nn.Module) -> None:
    """Random weights under which signals neither fade nor saturate: the authors' start is nearly silent."""
    for name, tensor in module.state_dict().items():
        if name.endswith("bias"):
            tensor.copy_(0.05 * torch.randn_like(tensor))
        elif tensor.dim() == 3 and not name.endswith(("original0", "weight_g")):
            is_transposed = name.startswith(("ups.", "upsampler."))
            fan_in = tensor.shape[1] * tensor.shape[2] if not is_transposed else 2 * tensor.shape[0]
            scale = 0.3 if "resblocks" in name else 1.2
            tensor.copy_(scale * torch.randn_like(tensor) / math.sqrt(fan_in))
    for name, tensor in module.state_dict().items():
        if name.endswith("original0"):
            direction = module.get_parameter(name.replace("original0", "original1"))
            tensor.copy_(direction.flatten(1).norm(dim=1)[:, None, None] * (0.9 + 0.2 * torch.rand_like(tensor)))


@torch.no_grad()
def level(module: torch.nn.Module, log_mel: torch.Tensor) -> None:
    """Scales the last layer so that the samples before the hyperbolic tangent have a standard deviation of 0.4."""
    outputs: list[torch.Tensor] = []
    post: torch.nn.Module = module.conv_post
    handle = post.register_forward_hook(lambda _module, _inputs, output: outputs.append(output))
    module(log_mel)
    handle.remove()
    names = [name for name, _ in post.named_parameters() if name.endswith(("original0", "bias"))]
    for name in names if len(names) > 1 else ["weight", "bias"]:
        post.get_parameter(name).mul_(0.4 / outputs[0].std())


def published_names(generator: Generator) -> dict[str, torch.Tensor]:
    """The state dict as the authors' version of PyTorch names it."""
    return {
        name.replace("parametrizations.weight.original0", "weight_g").replace(
            "parametrizations.weight.original1", "weight_v"
        ): tensor
        for name, tensor in generator.state_dict().items()
    }


@torch.no_grad()
def write_generator(folder: Path, config: HifiganConfig, source: dict[str, Any], num_frames: int) -> None:
    torch.manual_seed(5)
    generator = Generator(config.generator, config.mel.num_mels).eval()
    for module in list(generator.modules()):
        if isinstance(module, (nn.Conv1d, nn.ConvTranspose1d)):
            weight_norm(module)
    enliven(generator)
    log_mel = random_log_mel(num_frames, config.mel.num_mels)
    level(generator, log_mel)
    waveform = generator(log_mel)[0, 0]
    folder.mkdir(parents=True, exist_ok=True)
    torch.save({"generator": published_names(generator)}, folder / "generator")
    write_vectors(folder, source, log_mel[0].T.contiguous(), waveform)


@torch.no_grad()
def write_speecht5(folder: Path, config: HifiganConfig, source: dict[str, Any], num_frames: int) -> None:
    torch.manual_seed(6)
    sizes = config.generator
    model = SpeechT5HifiGan(
        SpeechT5HifiGanConfig(
            model_in_dim=config.mel.num_mels,
            sampling_rate=config.mel.sample_rate,
            upsample_initial_channel=sizes.initial_channels,
            upsample_rates=list(sizes.upsample_rates),
            upsample_kernel_sizes=list(sizes.upsample_kernel_sizes),
            resblock_kernel_sizes=list(sizes.residual_kernel_sizes),
            resblock_dilation_sizes=[list(dilations) for dilations in sizes.residual_dilations],
            normalize_before=True,
        )
    ).eval()
    enliven(model)
    model.mean.copy_(torch.linspace(-6, -4, config.mel.num_mels))
    model.scale.copy_(torch.linspace(1.5, 2.5, config.mel.num_mels))
    log_mel = random_log_mel(num_frames, config.mel.num_mels)[0].T.contiguous()
    level(model, log_mel)
    waveform = model(log_mel)
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, folder / "model.safetensors")
    write_vectors(folder, source, log_mel, waveform)


def write_vectors(folder: Path, source: dict[str, Any], log_mel: torch.Tensor, waveform: torch.Tensor) -> None:
    save_file({"log_mel": log_mel, "waveform": waveform.contiguous()}, folder / "vectors.safetensors")
    (folder / "config.json").write_text(json.dumps(source, indent=2) + "\n")
    largest = float(waveform.abs().max())
    manifest = {"madeBy": "scripts/hifi-gan/make_vectors.py", "versions": VERSIONS, "largestSample": round(largest, 3)}
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    for name in ("vectors.safetensors", "model.safetensors"):
        if (folder / name).exists():
            (folder / name).chmod(0o644)
    deviation = float(waveform.std())
    print(f"{folder}: largest sample {largest:.3f}, standard deviation {deviation:.3f}")


def write_full(folder: Path) -> None:
    for name in ("v1", "v2", "v3", "16k", "speecht5"):
        path = ROOT / f"codecs/hifi-gan/config-{name}.json"
        write = write_speecht5 if name == "speecht5" else write_generator
        write(folder / name, load_hifigan_config(path), json.loads(path.read_text()), NUM_FRAMES["full"])


def signal(length: int, sample_rate: int) -> np.ndarray:
    """A gliding tone, noise and a stretch of silence, which shows the floor: float32 [T]."""
    seconds = np.arange(length) / sample_rate
    tone = 0.4 * np.sin(2 * np.pi * (200 * seconds + 3000 * seconds**2))
    noise = 0.05 * np.random.default_rng(7).standard_normal(length)
    samples = tone + noise
    samples[length // 2 : length // 2 + 2200] = 0
    return samples.astype(np.float32)


def hifigan_mel(samples: np.ndarray) -> torch.Tensor:
    """The reference of the published code: 22.05 kHz, its numbers written out."""
    audio = torch.nn.functional.pad(torch.from_numpy(samples)[None, None], (384, 384), mode="reflect")[0, 0]
    spectrum = torch.stft(audio, 1024, 256, window=torch.hann_window(1024), center=False, return_complex=True)
    magnitude = torch.sqrt(torch.view_as_real(spectrum).pow(2).sum(-1) + 1e-9)
    filters = torch.from_numpy(librosa.filters.mel(sr=22050, n_fft=1024, n_mels=80, fmin=0, fmax=8000))
    return torch.log(torch.clamp(filters @ magnitude, min=1e-5)).T


def centered_mel(
    samples: np.ndarray, rate: int, num_mels: int, low: float, high: float, normalized: bool
) -> torch.Tensor:
    """Magnitudes in torchaudio's convention: centred frames, HTK scale, no norm; mel magnitudes [F, M]."""
    window = torch.hann_window(1024)
    spectrum = torch.stft(torch.from_numpy(samples), 1024, 256, window=window, return_complex=True).abs()
    if normalized:
        spectrum = spectrum / window.square().sum().sqrt()
    filters = librosa.filters.mel(sr=rate, n_fft=1024, n_mels=num_mels, fmin=low, fmax=high, htk=True, norm=None)
    return (torch.from_numpy(filters) @ spectrum).T


def write_mel(folder: Path) -> None:
    samples = signal(9000, 22050)
    diffwave = 20 * torch.log10(centered_mel(samples, 22050, 80, 20, 11025, True).clamp_min(1e-5)) - 20
    speecht5 = SpeechT5FeatureExtractor()._extract_mel_features(samples)
    codec: CodecConfig = load_codec_config(ROOT / "codecs/speech-16k/config.json")
    vectors = {
        "samples": torch.from_numpy(samples),
        "hifigan": hifigan_mel(samples),
        "speecht5": torch.from_numpy(speecht5),
        "speech-16k": codec_log_mel(torch.from_numpy(samples)[None, None], codec.sample_rate, codec.mel)[0].T,
        "diffwave": ((diffwave + 100) / 100).clamp(0, 1),
        "vocos": centered_mel(samples, 24000, 100, 0, 12000, False).clamp_min(1e-7).log(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.float().contiguous() for name, tensor in vectors.items()}, folder / "vectors.safetensors")
    (folder / "vectors.safetensors").chmod(0o644)
    manifest = {"madeBy": "scripts/hifi-gan/make_vectors.py", "versions": VERSIONS}
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    print(folder, {name: list(tensor.shape) for name, tensor in vectors.items()})


def main() -> None:
    torch.set_num_threads(1)
    if sys.argv[1] == "full":
        write_full(Path(sys.argv[2]))
        return
    golden = ROOT / "test/golden"
    for name, source in TINY.items():
        named = {**source, "name": f"hifigan-{name}"}
        config = from_mapping(HifiganConfig, named)
        write_generator(golden / f"hifi-gan/{name}", config, named, NUM_FRAMES["tiny"])
    named = {**SPEECHT5_TINY, "name": "hifigan-speecht5-tiny"}
    config = from_mapping(HifiganConfig, named)
    write_speecht5(golden / "hifi-gan/speecht5", config, named, NUM_FRAMES["tiny"])
    write_mel(golden / "mel")


if __name__ == "__main__":
    main()
