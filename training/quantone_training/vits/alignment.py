"""Monotonic alignment search: which frame belongs to which symbol, so that the frames are likeliest.

Every symbol has at least one frame, and none is left out.
Source: Kim et al. 2020 (Glow-TTS), section 3.3; Kim, Kong and Son 2021 (VITS), section 2.2.1.
"""

from __future__ import annotations

import math

import numpy as np
import torch

DIAGONAL_WIDTH = 0.1
"""Share of an utterance that a frame may be off the diagonal for half a nat."""


def frame_log_likelihoods(latents: torch.Tensor, means: torch.Tensor, log_deviations: torch.Tensor) -> torch.Tensor:
    """How likely each frame is by each symbol's prior: latents [B, F, D], the others [B, S, D] -> [B, S, F]."""
    precisions = torch.exp(-2 * log_deviations)
    constant = (-0.5 * math.log(2 * math.pi) - log_deviations - 0.5 * means.square() * precisions).sum(2, keepdim=True)
    columns = latents.transpose(1, 2)
    return constant + (means * precisions) @ columns - 0.5 * precisions @ columns.square()


def diagonal_scores(symbol_counts: np.ndarray, frame_counts: np.ndarray) -> np.ndarray:
    """Log of a bell around the diagonal of each utterance, zero on it: [B, S, F]."""
    symbols = np.arange(symbol_counts.max())[None, :, None] / symbol_counts[:, None, None]
    frames = np.arange(frame_counts.max())[None, None] / frame_counts[:, None, None]
    return np.asarray(-0.5 * ((symbols - frames) / DIAGONAL_WIDTH) ** 2, dtype=np.float32)


def search_alignment(scores: np.ndarray, symbol_counts: np.ndarray, frame_counts: np.ndarray) -> np.ndarray:
    """The symbol of each frame, [B, F], by dynamic programming over the whole batch; 0 behind an utterance's end.

    Of equal paths that is taken which reaches a symbol earlier.

    Raises
    ------
    ValueError
        When an utterance has fewer frames than symbols.
    """
    if (frame_counts < symbol_counts).any():
        raise ValueError('"frame_counts" expected at least one frame a symbol, got fewer')
    size, num_symbols, num_frames = scores.shape
    best = np.full((size, num_symbols + 1), -np.inf, dtype=np.float32)
    # The column in front stands for "before the first symbol", which no path leaves after the first frame.
    best[:, 0] = 0
    has_moved = np.zeros((num_frames, size, num_symbols), dtype=bool)
    for frame in range(num_frames):
        stayed, moved = best[:, 1:], best[:, :-1]
        has_moved[frame] = moved > stayed
        best[:, 1:] = np.maximum(stayed, moved) + scores[:, :, frame]
        best[:, 0] = -np.inf
    rows, symbol = np.arange(size), symbol_counts - 1
    path = np.zeros((size, num_frames), dtype=np.int64)
    for frame in range(num_frames - 1, -1, -1):
        is_inside = frame < frame_counts
        path[:, frame] = np.where(is_inside, symbol, 0)
        symbol = symbol - (has_moved[frame, rows, symbol] & is_inside)
    return path


def count_frames(path: np.ndarray, frame_counts: np.ndarray, num_symbols: int) -> np.ndarray:
    """Frames of each symbol, [B, S]."""
    counts = [np.bincount(row[:count], minlength=num_symbols) for row, count in zip(path, frame_counts, strict=True)]
    return np.stack(counts)
