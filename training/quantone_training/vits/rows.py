"""Two views of the same memory: rows [B, F, C] for matrices, signals [B, C, 1, F] for convolutions, channels last.

`F` is frames or symbols. Neither direction copies anything where the memory is contiguous.
"""

from __future__ import annotations

import torch


def as_signal(rows: torch.Tensor) -> torch.Tensor:
    """[B, F, C] -> [B, C, 1, F]."""
    return rows.transpose(1, 2).unsqueeze(2)


def as_rows(signal: torch.Tensor) -> torch.Tensor:
    """[B, C, 1, F] -> [B, F, C]."""
    return signal.squeeze(2).transpose(1, 2)


def length_mask(counts: torch.Tensor, length: int) -> torch.Tensor:
    """True for what lies within each sequence: counts [B] -> [B, length]."""
    return torch.arange(length, device=counts.device) < counts[:, None]
