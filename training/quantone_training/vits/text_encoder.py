"""symbols [B, S] -> hidden [B, S, H], means and log deviations of the prior [B, S, D]; hidden -> log durations [B, S].

A transformer with positions relative to each other. Layers carry the names of transformers' port.
Source: Kim, Kong and Son 2021 (VITS), sections 2.2 and 2.5.2; Shaw et al. 2018 for relative positions.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn

from ..channels_last import Conv1d
from .config import VitsConfig
from .rows import as_rows, as_signal


class RelativeAttention(nn.Module):
    """Attention with a learned vector for each distance of up to `window_size`, in keys and in values."""

    def __init__(self, config: VitsConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.num_heads, self.window_size = config.num_attention_heads, config.window_size
        self.dropout = nn.Dropout(config.attention_dropout)
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (nn.Linear(width, width) for _ in range(4))
        for projection in (self.q_proj, self.k_proj, self.v_proj):
            nn.init.xavier_uniform_(projection.weight)
        shape = (1, 2 * self.window_size + 1, width // self.num_heads)
        self.emb_rel_k = nn.Parameter(torch.randn(shape) * shape[2] ** -0.5)
        self.emb_rel_v = nn.Parameter(torch.randn(shape) * shape[2] ** -0.5)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """x [B, S, H], mask [B, S] true for symbols."""
        query, key, value = (self._heads(projection(x)) for projection in (self.q_proj, self.k_proj, self.v_proj))
        query = query * query.shape[3] ** -0.5
        near = query @ self.emb_rel_k.to(query.dtype).transpose(1, 2)
        logits = query @ key.transpose(2, 3) + self._spread(near)
        weights = self.dropout(logits.float().masked_fill(~mask[:, None, None], -torch.inf).softmax(3)).to(value.dtype)
        attended = weights @ value + self._collect(weights) @ self.emb_rel_v.to(value.dtype)
        mixed: torch.Tensor = self.out_proj(attended.transpose(1, 2).flatten(2))
        return mixed

    def _heads(self, x: torch.Tensor) -> torch.Tensor:
        """[B, S, H] -> [B, heads, S, H / heads]."""
        return x.view(*x.shape[:2], self.num_heads, -1).transpose(1, 2)

    def _columns(self, near: torch.Tensor, length: int) -> torch.Tensor:
        """Where in a row with `window_size` more columns at either end the neighbours of its symbol stand."""
        offsets = torch.arange(2 * self.window_size + 1, device=near.device)
        columns = torch.arange(length, device=near.device)[:, None] + offsets
        return columns.expand(*near.shape[:2], -1, -1)

    def _spread(self, near: torch.Tensor) -> torch.Tensor:
        """By distance [B, heads, S, 2 W + 1] -> by place [B, heads, S, S], zero for what is farther."""
        length = near.shape[2]
        wide = near.new_zeros(*near.shape[:3], length + 2 * self.window_size)
        return wide.scatter(3, self._columns(near, length), near).narrow(3, self.window_size, length)

    def _collect(self, weights: torch.Tensor) -> torch.Tensor:
        """By place -> by distance."""
        wide = F.pad(weights, (self.window_size, self.window_size))
        return wide.gather(3, self._columns(weights, weights.shape[2]))


class FeedForward(nn.Module):
    """Two convolutions over neighbouring symbols."""

    def __init__(self, config: VitsConfig) -> None:
        super().__init__()
        size = config.ffn_kernel_size
        self.conv_1 = Conv1d(config.hidden_size, config.ffn_dim, size, padding=size // 2)
        self.conv_2 = Conv1d(config.ffn_dim, config.hidden_size, size, padding=size // 2)
        self.dropout = nn.Dropout(config.activation_dropout)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        wide = self.dropout(torch.relu(as_rows(self.conv_1(as_signal(x * mask)))))
        return as_rows(self.conv_2(as_signal(wide * mask))) * mask


class EncoderLayer(nn.Module):
    """Attention and convolutions, each with a connection around it and a normalization behind."""

    def __init__(self, config: VitsConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.attention = RelativeAttention(config)
        self.layer_norm = nn.LayerNorm(width, config.layer_norm_eps)
        self.feed_forward = FeedForward(config)
        self.final_layer_norm = nn.LayerNorm(width, config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        x = self.layer_norm(x + self.dropout(self.attention(x, mask)))
        mixed: torch.Tensor = self.feed_forward(x, mask[..., None].to(x.dtype))
        normalized: torch.Tensor = self.final_layer_norm(x + self.dropout(mixed))
        return normalized


class TextEncoder(nn.Module):
    """What the text says of the sound."""

    def __init__(self, config: VitsConfig, num_symbols: int) -> None:
        super().__init__()
        width = config.hidden_size
        self.scale = math.sqrt(width)
        self.embed_tokens = nn.Embedding(num_symbols, width)
        nn.init.normal_(self.embed_tokens.weight, 0.0, width**-0.5)
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.num_hidden_layers))
        self.project = Conv1d(width, 2 * config.flow_size, 1)

    def forward(self, symbols: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """symbols and mask [B, S]; the three results in float32."""
        x = self.embed_tokens(symbols) * self.scale * mask[..., None]
        for layer in self.layers:
            x = layer(x, mask)
        x = x * mask[..., None]
        means, log_deviations = as_rows(self.project(as_signal(x))).float().chunk(2, dim=2)
        return x.float(), means, log_deviations


class DurationPredictor(nn.Module):
    """How long each symbol lasts, in log frames. It learns from the encoder's output and does not change it."""

    def __init__(self, config: VitsConfig) -> None:
        super().__init__()
        width, size = config.duration_predictor_filter_channels, config.duration_predictor_kernel_size
        self.conv_1 = Conv1d(config.hidden_size, width, size, padding=size // 2)
        self.norm_1 = nn.LayerNorm(width, config.layer_norm_eps)
        self.conv_2 = Conv1d(width, width, size, padding=size // 2)
        self.norm_2 = nn.LayerNorm(width, config.layer_norm_eps)
        self.proj = Conv1d(width, 1, 1)
        self.dropout = nn.Dropout(config.duration_predictor_dropout)

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """hidden [B, S, H], mask [B, S] -> [B, S]."""
        inside = mask[..., None].to(hidden.dtype)
        x = hidden.detach() * inside
        for conv, norm in ((self.conv_1, self.norm_1), (self.conv_2, self.norm_2)):
            x = self.dropout(norm(torch.relu(as_rows(conv(as_signal(x)))))) * inside
        return as_rows(self.proj(as_signal(x)))[..., 0].float()
