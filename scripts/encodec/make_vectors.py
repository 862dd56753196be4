"""Golden vectors for EnCodec: PyPI `encodec` on random weights, the input and every stage's output in float32.

`python scripts/encodec/make_vectors.py tiny` writes test/golden/encodec-tiny and its likes at 48 and 32 kHz, with files of
weights in each published layout; `... full DIR` writes the same of the full size to folders of DIR, somewhere outside the
repository, for scripts/encodec/parity.ts. Both also run transformers' EncodecModel on the same weights and note what it
gives otherwise; of the model at 32 kHz there is no other, and PyPI encodec's classes stand in for audiocraft's. `... ecdc` writes files of a full-size model to
test/golden/ecdc; `... compress DIR AUDIO OUT.ecdc` compresses a recording at 6 kbps with the model in DIR, and decodes it
to OUT.wav, for scripts/encodec/recording-parity.ts; DIR is here a folder such as `full DIR` makes, and of 24 or 48 kHz as
its config says. Versions: scripts/encodec/requirements.txt.
"""

from __future__ import annotations

import importlib.metadata
import json
import math
import re
import sys
import types
from pathlib import Path
from typing import Any

import torch
import transformers

# encodec imports torchaudio for reading files, which nothing here does, and no torchaudio is built for this torch.
sys.modules.setdefault("torchaudio", types.ModuleType("torchaudio"))

from encodec import modules, quantization
from encodec.compress import compress
from encodec.model import EncodecModel
from safetensors.torch import save_file

ROOT = Path(__file__).resolve().parents[2]
RATES = (24, 48, 32)
FULL: dict[int, dict[str, Any]] = {
    rate: json.loads((ROOT / f"codecs/encodec/config-{rate}khz.json").read_text()) for rate in RATES
}
TINY_24: dict[str, Any] = {
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
    "isCausal": True,
    "hasSignalNorm": False,
    "hasShortcutConv": True,
    "rvq": {"numCodebooks": 4, "codebookSize": 16, "codebookDim": 8},
}
"""Kernels of 7 and 5 at the ends and two residual units: what the full size leaves alike differs here."""
TINY_48: dict[str, Any] = TINY_24 | {
    "system": "encodec-48khz",
    "name": "encodec-48khz-tiny",
    "numChannels": 2,
    "hopLength": 30,
    "frameRate": 100,
    "baseChannels": 4,
    "strides": [2, 3, 5],
    "isCausal": False,
    "hasSignalNorm": True,
    "segmentation": {"segmentSamples": 600, "overlapSamples": 48},
}
"""Odd strides, which padding cannot meet in the middle; segments begin every 18.4 frames."""
TINY_32: dict[str, Any] = TINY_24 | {
    "system": "encodec-32khz",
    "name": "encodec-32khz-tiny",
    "strides": [4, 2, 5],
    "isCausal": False,
    "hasShortcutConv": False,
}
TINY = {24: TINY_24, 48: TINY_48, 32: TINY_32}
TINY_FOLDERS = {24: "encodec-tiny", 48: "encodec-48khz-tiny", 32: "encodec-32khz-tiny"}

LENGTHS = {
    "tiny": {
        24: (40 * 30 + 17, 40 * 9, 40 * 3 + 1, 23, 3),
        48: (2000, 552 * 2 + 1, 552 + 31, 600, 30 * 3 + 1, 23, 3),
        32: (40 * 30 + 17, 40 * 9, 40 * 3 + 1, 23, 3),
    },
    "full": {24: (320 * 150 + 77,), 48: (48000 * 2 + 4321,), 32: (640 * 100 + 77,)},
}
"""Samples of each signal: ragged, whole frames, fewer frames than the padding, less than a frame, less than a stride. At
48 kHz also segments: whole ones with a ragged one, a last one of a single sample (which cuts the one before), or all
overlap, and exactly one segment."""


def build(config: dict[str, Any]) -> EncodecModel:
    """The published model's classes with this config, and weights that keep signals alive through every layer."""
    torch.manual_seed(24)
    sizes = {
        "channels": config["numChannels"],
        "dimension": config["latentDim"],
        "n_filters": config["baseChannels"],
        "n_residual_layers": config["numResidualUnits"],
        "ratios": config["strides"][::-1],
        "norm": "time_group_norm" if config["hasSignalNorm"] else "weight_norm",
        "kernel_size": config["kernelSize"],
        "last_kernel_size": config["lastKernelSize"],
        "residual_kernel_size": config["residualKernelSize"],
        "dilation_base": config["dilationBase"],
        "causal": config["isCausal"],
        "true_skip": not config["hasShortcutConv"],
        "compress": config["compression"],
        "lstm": config["numLstmLayers"],
    }
    segments = config.get("segmentation")
    cutting: dict[str, Any] = {}
    if segments is not None:
        cutting = {
            "normalize": True,
            "segment": segments["segmentSamples"] / config["sampleRate"],
            "overlap": segments["overlapSamples"] / segments["segmentSamples"],
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
        name=config["system"].replace("-", "_"),
        **cutting,
    ).eval()
    for name, tensor in model.state_dict().items():
        # PyTorch's own initialization shrinks a signal layer by layer, and differences with it.
        if name.endswith("weight_g"):
            tensor.mul_(1.8)
        # Ones and zeros would hide that they are forgotten.
        if ".norm." in name:
            tensor.add_(0.3 * torch.randn(tensor.shape))
    return model


def state_names(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The state dict under the names of Hugging Face's port, weight norm as the files on its hub have it."""
    renamed = {}
    for name, tensor in state.items():
        port = re.sub(r"^(encoder|decoder)\.model\.", r"\1.layers.", name)
        port = re.sub(r"\.(conv|convtr)\.norm\.", ".norm.", re.sub(r"\.(conv|convtr)\.\1\.", ".conv.", port))
        renamed[port.replace("quantizer.vq.layers", "quantizer.layers").replace("_codebook", "codebook")] = tensor
    return renamed


def port_of(config: dict[str, Any], model: EncodecModel) -> transformers.EncodecModel:
    """transformers' model with the same weights."""
    rvq = config["rvq"]
    segments = config.get("segmentation")
    settings: dict[str, Any] = {
        "sampling_rate": config["sampleRate"],
        "audio_channels": config["numChannels"],
        "target_bandwidths": [config["frameRate"] * math.log2(rvq["codebookSize"]) * rvq["numCodebooks"] / 1000],
        "hidden_size": config["latentDim"],
        "num_filters": config["baseChannels"],
        "num_residual_layers": config["numResidualUnits"],
        "upsampling_ratios": config["strides"][::-1],
        "norm_type": "time_group_norm" if config["hasSignalNorm"] else "weight_norm",
        "kernel_size": config["kernelSize"],
        "last_kernel_size": config["lastKernelSize"],
        "residual_kernel_size": config["residualKernelSize"],
        "dilation_growth_rate": config["dilationBase"],
        "use_causal_conv": config["isCausal"],
        "compress": config["compression"],
        "num_lstm_layers": config["numLstmLayers"],
        "codebook_size": rvq["codebookSize"],
        "use_conv_shortcut": config["hasShortcutConv"],
        "normalize": segments is not None,
    }
    if segments is not None:
        settings["chunk_length_s"] = segments["segmentSamples"] / config["sampleRate"]
        settings["overlap"] = segments["overlapSamples"] / segments["segmentSamples"]
    port = transformers.EncodecModel(transformers.EncodecConfig(**settings)).eval()
    newer = {
        name.replace("weight_g", "parametrizations.weight.original0").replace(
            "weight_v", "parametrizations.weight.original1"
        ): tensor
        for name, tensor in state_names(model.state_dict()).items()
    }
    port.load_state_dict(newer)
    return port


def compare_port(
    port: transformers.EncodecModel, wave: torch.Tensor, codes: torch.Tensor, decoded: torch.Tensor
) -> Any:
    """What transformers gives otherwise: tokens that differ, and the largest difference of samples from the same tokens."""
    encoded = port.encode(wave, bandwidth=port.config.target_bandwidths[0])
    missing = encoded.last_frame_pad_length or 0
    # It can only stack segments of one length: of two that are short it raises an error.
    frames = list(encoded.audio_codes)
    theirs = torch.cat([*frames[:-1], frames[-1][..., : frames[-1].shape[-1] - missing]], dim=-1)
    samples = port.decode(encoded.audio_codes, encoded.audio_scales, last_frame_pad_length=missing).audio_values
    different = (theirs != codes).sum().item() if theirs.shape == codes.shape else codes.numel()
    return {"tokens": different, "samples": (samples - decoded).abs().max().item() if different == 0 else None}


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


def waves(config: dict[str, Any], length: int, seed: int) -> torch.Tensor:
    """A signal of the model's channels [1, C, T]: a second one is quieter and another."""
    first = signal(length, config["sampleRate"], seed)
    if config["numChannels"] == 1:
        return first
    return torch.cat([first, 0.6 * signal(length, config["sampleRate"], seed + 50)], dim=1)


def latents_of(model: EncodecModel, wave: torch.Tensor) -> torch.Tensor:
    """The latents of a signal [1, D, F], or of all its segments one after the other."""
    step, length = model.segment_stride or wave.shape[-1], model.segment_length or wave.shape[-1]
    parts = []
    for offset in range(0, wave.shape[-1], step):
        part = wave[..., offset : offset + length]
        if model.normalize:
            part = part / (1e-8 + part.mean(dim=1, keepdim=True).pow(2).mean(dim=2, keepdim=True).sqrt())
        parts.append(model.encoder(part))
    return torch.cat(parts, dim=-1)


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
    fill_codebooks(model, latents_of(model, waves(config, 30 * rate if rate < 10000 else 8 * rate, 99)))
    port = port_of(config, model)
    vectors: dict[str, torch.Tensor] = {}
    margins = {}
    ported = {}
    for index, length in enumerate(lengths):
        wave = waves(config, length, index)
        latents = latents_of(model, wave)
        frames = model.encode(wave)
        codes = torch.cat([codes for codes, _ in frames], dim=-1)
        decoded = model.decode(frames)
        named = {
            "input": wave[0].T.squeeze(1),
            "latents": latents[0].T,
            "tokens": codes[0].T.float(),
            "quantized": model.quantizer.decode(codes.transpose(0, 1))[0].T,
            "waveform": decoded[0].T.squeeze(1),
        }
        if model.normalize:
            named["scales"] = torch.cat([scale.view(1) for _, scale in frames])
            # One segment by itself, at its level: what the networks see.
            named["decoded"] = model.decoder(model.quantizer.decode(frames[0][0].transpose(0, 1)))[0].T
        vectors |= {f"{index}.{name}": value.contiguous() for name, value in named.items()}
        margins[index] = smallest_margin(model, latents, codes)
        is_stacked = len({frame.shape[-1] for frame, _ in frames[:-1]}) <= 1
        ported[index] = compare_port(port, wave, codes, decoded) if is_stacked else "stacks no two short segments"
    folder.mkdir(parents=True, exist_ok=True)
    save_weights(config, model, port, folder)
    save_file(vectors, folder / "vectors.safetensors")
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    manifest = {
        "generator": "scripts/encodec/make_vectors.py",
        "versions": {name: importlib.metadata.version(name) for name in ("torch", "safetensors", "transformers")}
        | {"encodec": "0.1.1"},
        "lengths": lengths,
        "smallestMargin": margins,
        "differentInTransformers": ported,
        "range": {
            name: [t.min().item(), t.max().item(), t.std().item()] for name, t in vectors.items() if t.numel() > 1
        },
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    for file in folder.glob("*.safetensors"):
        file.chmod(0o644)


def save_weights(config: dict[str, Any], model: EncodecModel, port: transformers.EncodecModel, folder: Path) -> None:
    """The layouts of the published files: the authors' own, audiocraft's, and both kinds of the hub's."""
    if config["system"] == "encodec-24khz":
        native = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
        save_file(native, folder / "weights.safetensors")
    else:
        save_file(
            {name: tensor.contiguous() for name, tensor in port.state_dict().items()}, folder / "model.safetensors"
        )
    if config["system"] == "encodec-32khz":
        # audiocraft 1.3.0, utils/export.py: the state dict beside the configuration as text.
        settings = f"sample_rate: {config['sampleRate']}\nchannels: {config['numChannels']}\n"
        package = {"best_state": model.state_dict(), "xp.cfg": settings, "version": "1.3.0", "exported": True}
        torch.save(package, folder / "compression_state_dict.bin")
        # Older files of the hub are pickles with PyTorch's first form of weight norm.
        torch.save(state_names(model.state_dict()), folder / "pytorch_model.bin")
    else:
        # A state dict in torch.save's zip form, weight norm unfolded.
        torch.save(model.state_dict(), folder / "weights.th")


@torch.no_grad()
def make_ecdc(folder: Path) -> None:
    """Files at two rates, one of them with a last byte that is not full, and the codes that are in them."""
    model = build(FULL[24])
    rate = FULL[24]["sampleRate"]
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

    config = json.loads((folder / "config.json").read_text())
    samples, rate = soundfile.read(audio, dtype="float32", always_2d=True)
    if rate != config["sampleRate"] or samples.shape[1] != config["numChannels"]:
        expected = f"{config['numChannels']} channels at {config['sampleRate']} Hz"
        raise SystemExit(f"expected {expected}, got {rate} Hz in shape {samples.shape}")
    model = build(config)
    model.load_state_dict(torch.load(folder / "weights.th"))
    model.target_bandwidths = [6.0]
    model.set_target_bandwidth(6.0)
    wave = torch.from_numpy(samples.T.copy())
    out.write_bytes(compress(model, wave))
    decoded = model.decode(model.encode(wave[None]))[0, :, : wave.shape[1]]
    soundfile.write(out.with_suffix(".wav"), decoded.T.numpy(), rate, subtype="FLOAT")


if __name__ == "__main__":
    torch.set_num_threads(1)
    if sys.argv[1] == "tiny":
        for rate in RATES:
            make(TINY[rate], LENGTHS["tiny"][rate], ROOT / "test/golden" / TINY_FOLDERS[rate])
    elif sys.argv[1] == "ecdc":
        make_ecdc(ROOT / "test/golden/ecdc")
    elif sys.argv[1] == "compress":
        compress_recording(*map(Path, sys.argv[2:5]))
    else:
        for rate in RATES:
            make(FULL[rate], LENGTHS["full"][rate], Path(sys.argv[2]) / f"{rate}khz")
