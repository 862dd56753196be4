"""Writes golden vectors of VITS: what transformers' VitsModel computes on random weights and given noise, stage by stage.

    python scripts/vits/make_vectors.py tiny            -> test/golden/vits-tiny, -speakers and -predicted
    python scripts/vits/make_vectors.py full DIR        -> DIR: the size of facebook/mms-tts-eng
    python scripts/vits/make_vectors.py speakers DIR    -> DIR: the size of kakao-enterprise/vits-vctk

The tiny models are committed and read by the tests, those of full size are for parity.ts. `model.safetensors` and
`config.json` are as the port publishes them, `original.pth` and `original.json` as the original does.
"""

from __future__ import annotations

import importlib.metadata
import json
import math
import re
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from safetensors.torch import save_file
from transformers import VitsConfig, VitsModel

ROOT = Path(__file__).parents[2]

TINY: dict[str, Any] = {
    "vocab_size": 12,
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "window_size": 4,
    "ffn_dim": 12,
    "flow_size": 4,
    "spectrogram_bins": 17,
    "upsample_initial_channel": 16,
    "upsample_rates": [4, 2],
    "upsample_kernel_sizes": [8, 4],
    "resblock_kernel_sizes": [3, 5],
    "resblock_dilation_sizes": [[1, 3], [1, 2]],
    "sampling_rate": 8000,
}
"""Rates of 4 and 2 in place of 8, 8, 2, 2. Everything that the original's config has no field for is as it is there."""

SPEAKERS = {"num_speakers": 3, "speaker_embedding_size": 5}

NAMES = [
    (r"^text_encoder\.embed_tokens\.", "enc_p.emb."),
    (r"^text_encoder\.project\.", "enc_p.proj."),
    (r"^text_encoder\.encoder\.layers\.(\d+)\.attention\.([qkv])_proj\.", r"enc_p.encoder.attn_layers.\1.conv_\2."),
    (r"^text_encoder\.encoder\.layers\.(\d+)\.attention\.out_proj\.", r"enc_p.encoder.attn_layers.\1.conv_o."),
    (r"^text_encoder\.encoder\.layers\.(\d+)\.attention\.", r"enc_p.encoder.attn_layers.\1."),
    (r"^text_encoder\.encoder\.layers\.(\d+)\.layer_norm\.", r"enc_p.encoder.norm_layers_1.\1."),
    (r"^text_encoder\.encoder\.layers\.(\d+)\.final_layer_norm\.", r"enc_p.encoder.norm_layers_2.\1."),
    (r"^text_encoder\.encoder\.layers\.(\d+)\.feed_forward\.", r"enc_p.encoder.ffn_layers.\1."),
    (r"^duration_predictor\.", "dp."),
    (r"^posterior_encoder\.", "enc_q."),
    (r"^decoder\.upsampler\.", "dec.ups."),
    (r"^decoder\.", "dec."),
    (r"^embed_speaker\.", "emb_g."),
    (r"\.wavenet\.", ".enc."),
    (r"conv_dds\.convs_dilated\.", "convs.convs_sep."),
    (r"conv_dds\.convs_pointwise\.", "convs.convs_1x1."),
    (r"conv_dds\.", "convs."),
    (r"\.translate$", ".m"),
    (r"\.log_scale$", ".logs"),
    (r"^(dp|flow|enc_q)\.(.*)conv_(pre|post|proj)\.", r"\1.\2\3."),
    (r"(norm\w*\.(?:\d+\.)?)weight$", r"\1gamma"),
    (r"(norm\w*\.(?:\d+\.)?)bias$", r"\1beta"),
    (r"parametrizations\.weight\.original0$", "weight_g"),
    (r"parametrizations\.weight\.original1$", "weight_v"),
]
"""From the port's names to the original's, applied one after the other."""


def original_name(name: str) -> str:
    for pattern, replacement in NAMES:
        name = re.sub(pattern, replacement, name)
    # Flows that only turn the channels round stand between those with weights, and count.
    name = re.sub(r"^flow\.flows\.(\d+)\.", lambda m: f"flow.flows.{2 * int(m[1])}.", name)
    return re.sub(r"^(dp\.(?:post_)?flows)\.(\d+)\.", lambda m: f"{m[1]}.{max(0, 2 * int(m[2]) - 1)}.", name)


def original_layout(model: VitsModel) -> dict[str, torch.Tensor]:
    """The tensors as jaywalnut310/vits saves them: projections as convolutions, the decoder with weight norm."""
    tensors = {}
    for published, tensor in model.state_dict().items():
        name = original_name(published)
        if re.search(r"conv_[qkvo]\.weight$", name):
            tensor = tensor[..., None]
        if re.match(r"dec\.(ups|resblocks)\..*weight$", name):
            magnitude = tensor.flatten(1).norm(dim=1).reshape(-1, 1, 1)
            tensors |= {f"{name}_g": magnitude, f"{name}_v": tensor * 3 / magnitude}
        else:
            tensors[name] = tensor
    return tensors


def original_config(config: VitsConfig) -> dict[str, Any]:
    return {
        "train": {"learning_rate": 2e-4},
        "data": {
            "sampling_rate": config.sampling_rate,
            "filter_length": 2 * (config.spectrogram_bins - 1),
            "hop_length": math.prod(config.upsample_rates),
            "win_length": 2 * (config.spectrogram_bins - 1),
            "add_blank": True,
            "n_speakers": config.num_speakers if config.num_speakers > 1 else 0,
        },
        "model": {
            "inter_channels": config.flow_size,
            "hidden_channels": config.hidden_size,
            "filter_channels": config.ffn_dim,
            "n_heads": config.num_attention_heads,
            "n_layers": config.num_hidden_layers,
            "kernel_size": config.ffn_kernel_size,
            "p_dropout": 0.1,
            "resblock": "1",
            "resblock_kernel_sizes": config.resblock_kernel_sizes,
            "resblock_dilation_sizes": config.resblock_dilation_sizes,
            "upsample_rates": config.upsample_rates,
            "upsample_initial_channel": config.upsample_initial_channel,
            "upsample_kernel_sizes": config.upsample_kernel_sizes,
            "gin_channels": config.speaker_embedding_size,
            "use_sdp": config.use_stochastic_duration_prediction,
        },
    }


def build(config: VitsConfig) -> VitsModel:
    """A model whose signals stay alive through every layer, and whose symbols last a few frames each."""
    torch.manual_seed(24)
    model = VitsModel(config).eval()
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if re.search(r"_proj\.weight$", name) and tensor.dim() == 2:
                # Variance 1 / width in place of 0.02 squared: queries meet keys, and no key takes all.
                tensor.mul_(50 / math.sqrt(config.hidden_size))
            if re.search(r"norm.*\.(weight|bias)$", name) or re.search(r"emb_rel|embed_", name):
                tensor.add_(0.3 * torch.randn_like(tensor))
            if re.search(r"^decoder\.(resblocks|conv_p|upsampler).*weight$", name):
                tensor.mul_(0.45)
        predictor = model.duration_predictor
        if config.use_stochastic_duration_prediction:
            predictor.flows[0].translate.copy_(torch.tensor([[-1.1], [0.3]]))
            predictor.flows[0].log_scale.copy_(torch.tensor([[0.4], [-0.2]]))
        else:
            predictor.proj.weight.mul_(0.3)
            predictor.proj.bias.fill_(1.1)
        model.text_encoder.project.weight.mul_(0.5)
        model.text_encoder.project.bias[config.flow_size :].sub_(0.7)
        # The posterior's layers add up; a tenth of this is what a trained encoder says.
        model.posterior_encoder.conv_proj.weight.mul_(0.1)
    return model


class Noise:
    """Stands in for torch.randn and torch.randn_like: hands out numbers from a seed and keeps them."""

    def __init__(self, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)
        self.drawn: list[torch.Tensor] = []

    def randn(self, *shape: int) -> torch.Tensor:
        self.drawn.append(torch.empty(*shape).normal_(generator=self.generator))
        return self.drawn[-1]

    def randn_like(self, tensor: torch.Tensor) -> torch.Tensor:
        return self.randn(*tensor.shape)


def rows(tensor: torch.Tensor) -> torch.Tensor:
    """[1, C, F] -> [F, C]."""
    return tensor[0].T.contiguous()


@torch.no_grad()
def synthesize(model: VitsModel, tokens: torch.Tensor, speaker: int | None, seed: int) -> dict[str, torch.Tensor]:
    """One text through the model, with what each stage gives."""
    noise = Noise(seed)
    seen: dict[str, Any] = {}
    hooks = [
        getattr(model, name).register_forward_hook(lambda _, __, output, name=name: seen.__setitem__(name, output))
        for name in ("text_encoder", "duration_predictor", "flow")
    ]
    with mock.patch("torch.randn", noise.randn), mock.patch("torch.randn_like", noise.randn_like):
        output = model(tokens[None], speaker_id=speaker)
    for hook in hooks:
        hook.remove()
    text = seen["text_encoder"]
    log_durations = seen["duration_predictor"][0, 0]
    drawn = {"durationNoise": rows(noise.drawn[0])} if len(noise.drawn) == 2 else {}
    return drawn | {
        "tokens": tokens.float(),
        "hidden": text.last_hidden_state[0],
        "means": text.prior_means[0],
        "logDeviations": text.prior_log_variances[0],
        "logDurations": log_durations,
        "durations": torch.ceil(log_durations.exp()),
        "priorNoise": rows(noise.drawn[-1]),
        "latents": rows(seen["flow"]),
        "waveform": output.waveform[0],
    }


@torch.no_grad()
def convert(model: VitsModel, samples: torch.Tensor, speakers: tuple[int, int], seed: int) -> dict[str, torch.Tensor]:
    """One recording from voice to voice, as `SynthesizerTrn.voice_conversion` of the original does it."""
    length = 2 * (model.config.spectrogram_bins - 1)
    hop = math.prod(model.config.upsample_rates)
    edge = (length - hop) // 2
    padded = torch.nn.functional.pad(samples[None, None], (edge, edge), mode="reflect")[0]
    spectrum = torch.stft(padded, length, hop, length, torch.hann_window(length), center=False, return_complex=True)
    magnitudes = torch.sqrt(spectrum.real**2 + spectrum.imag**2 + 1e-6)
    mask = torch.ones(1, 1, magnitudes.shape[2])
    source, target = (model.embed_speaker(torch.tensor([index]))[..., None] for index in speakers)
    noise = Noise(seed)
    with mock.patch("torch.randn_like", noise.randn_like):
        latents, means, log_deviations = model.posterior_encoder(magnitudes, mask, source)
    prior = model.flow(latents, mask, source)
    converted = model.flow(prior, mask, target, reverse=True)
    return {
        "samples": samples,
        "magnitudes": rows(magnitudes),
        "means": rows(means),
        "logDeviations": rows(log_deviations),
        "noise": rows(noise.drawn[0]),
        "prior": rows(prior),
        "latents": rows(converted),
        "waveform": model.decoder(converted, target)[0, 0],
    }


def smallest_margin(vectors: dict[str, torch.Tensor]) -> float:
    """How near a duration comes to a whole number of frames, where rounding decides."""
    frames = torch.cat([tensor for name, tensor in vectors.items() if name.endswith("logDurations")]).exp()
    return (frames - frames.round()).abs().min().item()


def make(config: VitsConfig, lengths: tuple[int, ...], folder: Path, has_original: bool = True) -> None:
    model = build(config)
    folder.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(13)
    vectors: dict[str, torch.Tensor] = {}
    for index, length in enumerate(lengths):
        tokens = torch.randint(config.vocab_size, (length,), generator=generator)
        speaker = (index + 1) % config.num_speakers if config.num_speakers > 1 else None
        stages = synthesize(model, tokens, speaker, 100 + index)
        vectors |= {f"{index}.{name}": tensor.contiguous() for name, tensor in stages.items()}
    if config.num_speakers > 1:
        seconds = torch.arange(math.prod(config.upsample_rates) * 40 + 3) / config.sampling_rate
        tone = 0.4 * torch.sin(2 * math.pi * 310 * seconds) * (0.6 + 0.4 * torch.sin(2 * math.pi * 9 * seconds))
        samples = tone + 0.05 * torch.empty_like(tone).normal_(generator=generator)
        vectors |= {f"conversion.{name}": t.contiguous() for name, t in convert(model, samples, (0, 2), 300).items()}
    save_file({name: t.contiguous() for name, t in model.state_dict().items()}, folder / "model.safetensors")
    (folder / "config.json").write_text(config.to_json_string(use_diff=False))
    if has_original:
        torch.save({"model": original_layout(model), "iteration": 1, "learning_rate": 2e-4}, folder / "original.pth")
        (folder / "original.json").write_text(json.dumps(original_config(config), indent=2) + "\n")
    save_file(vectors, folder / "vectors.safetensors")
    manifest = {
        "generator": "scripts/vits/make_vectors.py",
        "versions": {name: importlib.metadata.version(name) for name in ("torch", "transformers", "safetensors")},
        "speakers": [(index + 1) % config.num_speakers for index in range(len(lengths))],
        "smallestMargin": smallest_margin(vectors),
        "numParameters": sum(parameter.numel() for parameter in model.parameters()),
        "range": {name: [t.min().item(), t.max().item(), t.std().item()] for name, t in vectors.items() if len(t) > 1},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    for path in folder.iterdir():
        path.chmod(0o644)


if __name__ == "__main__":
    torch.set_num_threads(1)
    kind, *rest = sys.argv[1:]
    if kind == "tiny":
        golden = ROOT / "test/golden"
        make(VitsConfig(**TINY), (17, 6, 1), golden / "vits-tiny", has_original=False)
        make(VitsConfig(**TINY, **SPEAKERS), (13,), golden / "vits-tiny-speakers")
        predicted = {"use_stochastic_duration_prediction": False, "duration_predictor_filter_channels": 10}
        make(VitsConfig(**TINY, **SPEAKERS, **predicted), (9,), golden / "vits-tiny-predicted", has_original=False)
    elif kind == "full":
        make(VitsConfig(), (111,), Path(rest[0]))
    else:
        vctk = {"vocab_size": 178, "sampling_rate": 22050, "num_speakers": 109, "speaker_embedding_size": 256}
        make(VitsConfig(**vctk), (111,), Path(rest[0]))
