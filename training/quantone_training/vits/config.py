"""The model's config: JSON with the names of Hugging Face's `VitsConfig`, which goes into the exported folder."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from ..config import camel_case, expect, from_mapping
from ..hifigan.config import CompressionConfig, GeneratorConfig, MelFeaturesConfig

NUM_MELS = 80
"""Of the loss: the model itself knows no mel."""


@dataclass(frozen=True)
class VitsConfig:
    """One voice, durations predicted and not drawn. What is left out here has transformers' default."""

    model_type: str
    sampling_rate: int
    hidden_size: int
    flow_size: int
    num_hidden_layers: int
    num_attention_heads: int
    window_size: int
    ffn_dim: int
    ffn_kernel_size: int
    layer_norm_eps: float
    hidden_dropout: float
    activation_dropout: float
    attention_dropout: float
    use_stochastic_duration_prediction: bool
    duration_predictor_kernel_size: int
    duration_predictor_filter_channels: int
    duration_predictor_dropout: float
    prior_encoder_num_flows: int
    prior_encoder_num_wavenet_layers: int
    posterior_encoder_num_wavenet_layers: int
    wavenet_kernel_size: int
    wavenet_dilation_rate: int
    spectrogram_bins: int
    upsample_initial_channel: int
    upsample_rates: tuple[int, ...]
    upsample_kernel_sizes: tuple[int, ...]
    resblock_kernel_sizes: tuple[int, ...]
    resblock_dilation_sizes: tuple[tuple[int, ...], ...]
    noise_scale: float

    def __post_init__(self) -> None:
        drawn = self.use_stochastic_duration_prediction
        expect("model_type", self.model_type == "vits", "vits", self.model_type)
        expect("use_stochastic_duration_prediction", not drawn, "false: this trainer predicts durations", drawn)
        expect("flow_size", self.flow_size % 2 == 0, "an even number", self.flow_size)
        heads, width = self.num_attention_heads, self.hidden_size
        expect("hidden_size", width % heads == 0, f"a multiple of {heads}, the heads", width)

    @property
    def hop_length(self) -> int:
        return prod(self.upsample_rates)

    @property
    def fft_length(self) -> int:
        return 2 * (self.spectrogram_bins - 1)

    @property
    def decoder(self) -> GeneratorConfig:
        """Sizes of the decoder, a HiFi-GAN generator."""
        return GeneratorConfig(
            initial_channels=self.upsample_initial_channel,
            upsample_rates=self.upsample_rates,
            upsample_kernel_sizes=self.upsample_kernel_sizes,
            residual_kind=1,
            residual_kernel_sizes=self.resblock_kernel_sizes,
            residual_dilations=self.resblock_dilation_sizes,
        )

    @property
    def mel(self) -> MelFeaturesConfig:
        """What the loss compares."""
        return MelFeaturesConfig(
            sample_rate=self.sampling_rate,
            fft_length=self.fft_length,
            window_length=self.fft_length,
            hop_length=self.hop_length,
            num_mels=NUM_MELS,
            min_frequency_hz=0.0,
            max_frequency_hz=self.sampling_rate / 2,
            mel_scale="slaney",
            norm="slaney",
            power=1,
            padding="reflect-same",
            compression=CompressionConfig(log="natural", floor=1e-5),
        )


def vits_config(published: dict[str, Any]) -> VitsConfig:
    """From parsed JSON."""
    return from_mapping(VitsConfig, {camel_case(name): value for name, value in published.items()})


def published_config(config: VitsConfig) -> dict[str, Any]:
    """The inverse: what `config.json` holds."""
    return dataclasses.asdict(config)


def load_vits_config(path: str | Path) -> VitsConfig:
    """Read one JSON file."""
    return vits_config(json.loads(Path(path).read_text()))
