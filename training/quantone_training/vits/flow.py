"""Between sound and text: spectra -> latents of the posterior [B, F, D] <-> latents of the prior [B, F, D].

Layers carry the names of transformers' port. All values are rows [B, F, C]; masks are [B, F, 1].
Source: Kim, Kong and Son 2021 (VITS), sections 2.5.1 and 2.5.2; Dinh et al. 2017 for coupling layers.
"""

from __future__ import annotations

import torch
from torch import nn

from ..channels_last import Conv1d
from .config import VitsConfig
from .rows import as_rows, as_signal


class WaveNet(nn.Module):
    """Gated convolutions; what leaves is the sum of all layers. [B, F, H] -> [B, F, H]."""

    def __init__(self, config: VitsConfig, num_layers: int) -> None:
        super().__init__()
        width, size = config.hidden_size, config.wavenet_kernel_size
        self.in_layers, self.res_skip_layers = nn.ModuleList(), nn.ModuleList()
        for layer in range(num_layers):
            dilation = config.wavenet_dilation_rate**layer
            gated = Conv1d(width, 2 * width, size, dilation=dilation, padding=(size - 1) * dilation // 2)
            is_last = layer == num_layers - 1
            self.in_layers.append(gated)
            self.res_skip_layers.append(Conv1d(width, width if is_last else 2 * width, 1))

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        skipped: list[torch.Tensor] = []
        for gated, outward in zip(self.in_layers, self.res_skip_layers, strict=True):
            content, gate = as_rows(gated(as_signal(x))).chunk(2, dim=2)
            out = as_rows(outward(as_signal(torch.tanh(content) * torch.sigmoid(gate))))
            if len(skipped) < len(self.in_layers) - 1:
                residual, out = out.chunk(2, dim=2)
                x = (x + residual) * mask
            skipped.append(out)
        return torch.stack(skipped).sum(0) * mask


class PosteriorEncoder(nn.Module):
    """Spectra of a recording -> means and log deviations of its latents. Not needed to speak, so it is never exported.

    It takes logarithms, where the original takes magnitudes: all bands matter from the first step on.
    """

    def __init__(self, config: VitsConfig) -> None:
        super().__init__()
        self.conv_pre = Conv1d(config.spectrogram_bins, config.hidden_size, 1)
        self.wavenet = WaveNet(config, config.posterior_encoder_num_wavenet_layers)
        self.conv_proj = Conv1d(config.hidden_size, 2 * config.flow_size, 1)

    def forward(self, log_spectra: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """log_spectra [B, F, bins]; both results [B, F, D] in float32."""
        x = self.wavenet(as_rows(self.conv_pre(as_signal(log_spectra))) * mask, mask)
        means, log_deviations = as_rows(self.conv_proj(as_signal(x))).float().chunk(2, dim=2)
        return means, log_deviations


class Coupling(nn.Module):
    """Shifts one half of the channels by what a WaveNet makes of the other."""

    def __init__(self, config: VitsConfig) -> None:
        super().__init__()
        half = config.flow_size // 2
        self.conv_pre = Conv1d(half, config.hidden_size, 1)
        self.wavenet = WaveNet(config, config.prior_encoder_num_wavenet_layers)
        self.conv_post = Conv1d(config.hidden_size, half, 1)
        assert self.conv_post.bias is not None
        # At first nothing is shifted, and the flow is the identity.
        nn.init.zeros_(self.conv_post.weight)
        nn.init.zeros_(self.conv_post.bias)

    def forward(self, latents: torch.Tensor, mask: torch.Tensor, direction: int) -> torch.Tensor:
        """`direction` is 1 towards the text and -1 towards the sound."""
        kept, changed = latents.chunk(2, dim=2)
        mixed = self.wavenet(as_rows(self.conv_pre(as_signal(kept.contiguous()))) * mask, mask)
        shift = as_rows(self.conv_post(as_signal(mixed))).float() * mask
        return torch.cat([kept, changed + direction * shift], dim=2)


class Flow(nn.Module):
    """Couplings, and between them the channels turned round. It keeps volumes, so no determinant is needed."""

    def __init__(self, config: VitsConfig) -> None:
        super().__init__()
        self.flows = nn.ModuleList(Coupling(config) for _ in range(config.prior_encoder_num_flows))

    def forward(self, latents: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Towards the text."""
        for flow in self.flows:
            latents = flow(latents, mask, 1).flip(2)
        return latents

    def inverse(self, latents: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Towards the sound."""
        for flow in reversed(list(self.flows)):
            latents = flow(latents.flip(2), mask, -1)
        return latents
