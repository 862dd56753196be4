"""noisy waveform [B, T], log_mel [B, M, F], diffusion step [B] -> the noise in it [B, T], T = F * hop.

Tensors have the names of the published checkpoint, which codecs/diffwave reads.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from ..channels_last import Conv1d, channels_last
from .config import DiffwaveConfig
from .schedule import step_embeddings

LEAKY_SLOPE = 0.4


class StepEmbedding(nn.Module):
    """Position among the diffusion steps [B], with fractions -> [B, H]."""

    def __init__(self, config: DiffwaveConfig) -> None:
        super().__init__()
        self.table: torch.Tensor
        self.register_buffer("table", step_embeddings(config), persistent=False)
        self.projection1 = nn.Linear(config.step_embedding_dim, config.step_hidden_dim)
        self.projection2 = nn.Linear(config.step_hidden_dim, config.step_hidden_dim)

    def forward(self, position: torch.Tensor) -> torch.Tensor:
        below, above = self.table[position.floor().long()], self.table[position.ceil().long()]
        x = torch.lerp(below, above, (position - position.floor())[:, None])
        hidden: torch.Tensor = F.silu(self.projection2(F.silu(self.projection1(x))))
        return hidden


class MelUpsampler(nn.Module):
    """[B, M, F] -> [B, M, F * hop], by transposed convolutions over frequency and time."""

    def __init__(self, strides: tuple[int, ...]) -> None:
        super().__init__()
        self.strides = strides
        for index, stride in enumerate(strides, start=1):
            conv = nn.ConvTranspose2d(1, 1, (3, 2 * stride), stride=(1, stride), padding=(1, stride // 2))
            self.add_module(f"conv{index}", conv)

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        image = mel[:, None]
        for index in range(1, len(self.strides) + 1):
            image = F.leaky_relu(self.get_submodule(f"conv{index}")(image), LEAKY_SLOPE)
        return image[:, 0]


class ResidualLayer(nn.Module):
    """Gated dilated convolution to both sides; gives what goes on, and its part of the skip connections."""

    def __init__(self, config: DiffwaveConfig, dilation: int) -> None:
        super().__init__()
        channels = config.channels
        self.dilated_conv = Conv1d(channels, 2 * channels, 3, padding=dilation, dilation=dilation)
        self.diffusion_projection = nn.Linear(config.step_hidden_dim, channels)
        self.conditioner_projection = Conv1d(config.mel.num_mels, 2 * channels, 1)
        self.output_projection = Conv1d(channels, 2 * channels, 1)

    def forward(
        self, x: torch.Tensor, condition: torch.Tensor, step: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        y = x + self.diffusion_projection(step)[..., None, None]
        gate, content = (self.dilated_conv(y) + self.conditioner_projection(condition)).chunk(2, dim=1)
        residual, skip = self.output_projection(gate.sigmoid() * content.tanh()).chunk(2, dim=1)
        return (x + residual) * 0.5**0.5, skip


class Denoiser(nn.Module):
    """The whole network."""

    def __init__(self, config: DiffwaveConfig) -> None:
        super().__init__()
        self.normalization = config.mel_normalization
        self.input_projection = Conv1d(1, config.channels, 1)
        self.diffusion_embedding = StepEmbedding(config)
        self.spectrogram_upsampler = MelUpsampler(config.upsampling)
        self.residual_layers = nn.ModuleList(
            ResidualLayer(config, 2 ** (layer % config.dilation_cycle)) for layer in range(config.num_layers)
        )
        self.skip_projection = Conv1d(config.channels, config.channels, 1)
        self.output_projection = Conv1d(config.channels, 1, 1)
        for module in self.modules():
            if isinstance(module, Conv1d):
                nn.init.kaiming_normal_(module.weight)
        # An untrained network finds no noise, which is the best guess that looks at nothing.
        nn.init.zeros_(self.output_projection.weight)

    def forward(self, waveform: torch.Tensor, log_mel: torch.Tensor, position: torch.Tensor) -> torch.Tensor:
        step = self.diffusion_embedding(position)
        normalized = (log_mel - self.normalization.mean) / self.normalization.deviation
        condition = channels_last(self.spectrogram_upsampler(normalized))
        x = F.relu(self.input_projection(channels_last(waveform[:, None])))
        total = torch.zeros_like(x)
        for layer in self.residual_layers:
            x, skip = layer(x, condition, step)
            total = total + skip
        hidden = F.relu(self.skip_projection(total / len(self.residual_layers) ** 0.5))
        noise: torch.Tensor = self.output_projection(hidden)[:, 0, 0]
        return noise
