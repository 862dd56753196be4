"""The whole model, and what it does to a recording with its text in training.

Source: Kim, Kong and Son 2021, "Conditional Variational Autoencoder with Adversarial Learning for End-to-End
Text-to-Speech".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ..features import padded_stft
from ..hifigan.generator import Generator
from .alignment import count_frames, diagonal_scores, frame_log_likelihoods, search_alignment
from .config import VitsConfig
from .data import Batch
from .flow import Flow, PosteriorEncoder
from .rows import length_mask
from .text import num_symbols
from .text_encoder import DurationPredictor, TextEncoder

MAGNITUDE_FLOOR = 1e-2
"""Added to magnitudes before the logarithm; about the noise floor of a recording at full level."""


@dataclass
class Latents:
    """What posterior and prior say of a batch, rows [B, F, D] in float32."""

    posterior_means: torch.Tensor
    posterior_log_deviations: torch.Tensor
    sampled: torch.Tensor
    """Drawn from the posterior: what the decoder takes."""
    flowed: torch.Tensor
    """The same on the side of the text."""
    prior_means: torch.Tensor
    prior_log_deviations: torch.Tensor
    """Of the symbol that each frame belongs to."""
    mask: torch.Tensor
    """[B, F, 1]"""
    durations: torch.Tensor
    """Frames of each symbol, [B, S]."""
    log_durations: torch.Tensor
    """What the predictor says of them."""
    symbol_mask: torch.Tensor
    """[B, S]"""
    path: np.ndarray
    """The symbol of each frame, [B, F]."""


class Vits(nn.Module):
    """All networks. The decoder is HiFi-GAN's generator on latents in place of a mel."""

    def __init__(self, config: VitsConfig, vocabulary: dict[str, int]) -> None:
        super().__init__()
        self.config, self.vocabulary = config, vocabulary
        self.text_encoder = TextEncoder(config, num_symbols(vocabulary))
        self.duration_predictor = DurationPredictor(config)
        self.posterior_encoder = PosteriorEncoder(config)
        self.flow = Flow(config)
        self.decoder = Generator(config.decoder, config.flow_size)
        # The published decoder's last layer has none.
        self.decoder.conv_post.bias = None

    def get_extra_state(self) -> dict[str, int]:
        """Weights mean nothing without it, so checkpoints keep both together."""
        return self.vocabulary

    def set_extra_state(self, state: dict[str, int]) -> None:
        if state != self.vocabulary:
            raise ValueError("the weights are of another vocabulary than this model's; give the phonemes of their run")

    def log_spectra(self, samples: torch.Tensor) -> torch.Tensor:
        """[B, T] -> [B, F, bins]; F = T // hop."""
        length, hop = self.config.fft_length, self.config.hop_length
        magnitudes = padded_stft(samples[:, None], length, hop, length, (length - hop) // 2).abs()
        return (magnitudes + MAGNITUDE_FLOOR).log().transpose(1, 2).contiguous()

    def forward(self, batch: Batch, diagonal_weight: float = 0.0, noise_scale: float = 1.0) -> Latents:
        """Latents of a batch and the alignment that makes its frames likeliest.

        `diagonal_weight` adds so many times the latents' width of `diagonal_scores` to what the search maximises.
        `noise_scale` is for the posterior; 0 takes its means.
        """
        mask = length_mask(batch.frame_counts, batch.num_frames)[..., None].float()
        symbol_mask = length_mask(batch.symbol_counts, batch.symbols.shape[1])
        means, log_deviations = self.posterior_encoder(self.log_spectra(batch.samples), mask)
        noise = torch.randn_like(means) * noise_scale
        sampled = (means + noise * log_deviations.exp()) * mask
        flowed = self.flow(sampled, mask)
        hidden, prior_means, prior_log_deviations = self.text_encoder(batch.symbols, symbol_mask)
        path = self._align(batch, flowed, prior_means, prior_log_deviations, diagonal_weight)
        durations = count_frames(path, batch.frame_counts.cpu().numpy(), batch.symbols.shape[1])
        # A product with zeros and ones: its gradient is one as well, and no scatter.
        chosen = F.one_hot(torch.from_numpy(path), batch.symbols.shape[1]).to(mask) * mask
        return Latents(
            posterior_means=means,
            posterior_log_deviations=log_deviations,
            sampled=sampled,
            flowed=flowed,
            prior_means=_plain_product(chosen, prior_means),
            prior_log_deviations=_plain_product(chosen, prior_log_deviations),
            mask=mask,
            durations=torch.from_numpy(durations).to(mask),
            log_durations=self.duration_predictor(hidden, symbol_mask),
            symbol_mask=symbol_mask,
            path=path,
        )

    @torch.no_grad()
    def _align(
        self,
        batch: Batch,
        flowed: torch.Tensor,
        means: torch.Tensor,
        log_deviations: torch.Tensor,
        diagonal_weight: float,
    ) -> np.ndarray:
        symbol_counts, frame_counts = batch.symbol_counts.cpu().numpy(), batch.frame_counts.cpu().numpy()
        with torch.autocast(flowed.device.type, enabled=False):
            scores = frame_log_likelihoods(flowed, means, log_deviations).cpu().numpy()
        if diagonal_weight > 0:
            weight = diagonal_weight * self.config.flow_size
            scores = scores + weight * diagonal_scores(symbol_counts, frame_counts)
        return search_alignment(scores, symbol_counts, frame_counts)


def _plain_product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """A matrix product in float32, whatever autocast would have."""
    with torch.autocast(a.device.type, enabled=False):
        return a @ b
