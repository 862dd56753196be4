"""latents [B, D, F] -> tokens [B, K, F] and the sum of the chosen codewords [B, D, F].

Residual vector quantization with codebooks learned by exponential moving averages: k-means start, restart of codewords
that die, and quantizer dropout, so that one model serves every bitrate.
Source: van den Oord et al. 2017 (VQ-VAE, appendix A.1); Zeghidour et al. 2021 (SoundStream, section III.C).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from .config import RvqConfig


@dataclass(frozen=True)
class RvqTraining:
    """How the codebooks are learned; `paths`: how many sums of codewords the search keeps after each stage."""

    decay: float = 0.99
    dead_usage: float = 0.1
    full_fraction: float = 0.5
    min_stages: int = 2
    kmeans_iterations: int = 12
    paths: int = 1


def nearest_codeword(vectors: torch.Tensor, codebook: torch.Tensor) -> torch.Tensor:
    """Index of the nearest codeword, Euclidean: [B, D], [N, D] -> [B]; the lowest index wins ties."""
    half_norms = 0.5 * codebook.pow(2).sum(1)
    return (half_norms - vectors @ codebook.t()).argmin(1)


def best_extensions(residuals: torch.Tensor, codebook: torch.Tensor, paths: int) -> torch.Tensor:
    """Which of the P paths' residuals [B, P, D] with which codeword [N, D] leave least: [B, up to `paths`].

    An index is the path's number times N plus the codeword's; the best comes first.
    """
    if paths == 1:
        return nearest_codeword(residuals[:, 0], codebook)[:, None]
    distances = codebook.square().sum(1) - 2 * residuals @ codebook.t() + residuals.square().sum(2, keepdim=True)
    return distances.flatten(1).topk(min(paths, distances[0].numel()), largest=False).indices


def search(vectors: torch.Tensor, codebooks: torch.Tensor, active: torch.Tensor, paths: int) -> torch.Tensor:
    """Residual search: vectors [B, D], codebooks [K, N, D], stages to use of each vector [B] -> tokens [B, K].

    After each stage the best `paths` sums of codewords go on; 1 is the greedy search. Tokens of stages that a vector
    does not use are zero. Source: LeBlanc et al. 1993, and docs/decisions/0022.
    """
    rows = torch.arange(len(vectors), device=vectors.device)
    num_stages, size, dim = codebooks.shape
    chosen = torch.zeros(len(vectors), num_stages, dtype=torch.long, device=vectors.device)
    taken = chosen[:, None]
    residuals = vectors[:, None]
    for stage, codebook in enumerate(codebooks[: int(active.max())]):
        best = best_extensions(residuals, codebook, paths)
        parents, tokens = best // size, best % size
        taken = taken.gather(1, parents[:, :, None].expand(-1, -1, num_stages)).clone()
        taken[:, :, stage] = tokens
        residuals = residuals.gather(1, parents[:, :, None].expand(-1, -1, dim)) - codebook[tokens]
        is_last = active == stage + 1
        chosen[is_last] = taken[rows[is_last], 0]
    return chosen


def kmeans(vectors: torch.Tensor, size: int, iterations: int) -> torch.Tensor:
    """Lloyd's algorithm from random vectors: [B, D] -> [N, D]; empty clusters restart at random vectors."""
    centroids = vectors[torch.randperm(len(vectors), device=vectors.device)[:size]].clone()
    if len(centroids) < size:
        raise ValueError(f'"vectors" expected at least {size} rows, got {len(vectors)}')
    for _ in range(iterations):
        nearest = nearest_codeword(vectors, centroids)
        counts = torch.bincount(nearest, minlength=size).float()
        sums = torch.zeros_like(centroids).index_add_(0, nearest, vectors)
        used = counts > 0
        centroids[used] = sums[used] / counts[used, None]
        restarts = torch.randint(len(vectors), (int((~used).sum()),), device=vectors.device)
        centroids[~used] = vectors[restarts]
    return centroids


class Rvq(nn.Module):
    """K codebooks of N codewords; `codebooks` is what ships, the two other buffers serve the moving averages."""

    codebooks: torch.Tensor
    usage: torch.Tensor
    sums: torch.Tensor

    def __init__(self, config: RvqConfig, training: RvqTraining | None = None) -> None:
        super().__init__()
        self.options = training or RvqTraining()
        shape = (config.num_codebooks, config.codebook_size, config.codebook_dim)
        self.register_buffer("codebooks", torch.zeros(shape))
        self.register_buffer("usage", torch.ones(shape[:2]))
        self.register_buffer("sums", torch.zeros(shape))

    @property
    def num_codebooks(self) -> int:
        return self.codebooks.shape[0]

    @property
    def codebook_size(self) -> int:
        return self.codebooks.shape[1]

    @torch.no_grad()
    def initialize(self, vectors: torch.Tensor) -> list[float]:
        """K-means, stage by stage, on latents [B, D]; returns the residual's mean power after each stage."""
        residual = vectors.float()
        powers: list[float] = []
        for stage in range(self.num_codebooks):
            centroids = kmeans(residual, self.codebook_size, self.options.kmeans_iterations)
            self.codebooks[stage] = centroids
            self.sums[stage] = centroids
            self.usage[stage] = 1
            residual = residual - centroids[nearest_codeword(residual, centroids)]
            powers.append(float(residual.pow(2).sum(1).mean()))
        return powers

    @torch.no_grad()
    def encode(self, latents: torch.Tensor, active_codebooks: int | None = None) -> torch.Tensor:
        """Latents [B, D, F] -> tokens [B, K, F] (int64), searched along the paths of training."""
        batch, dim, frames = latents.shape
        vectors = latents.float().permute(0, 2, 1).reshape(-1, dim)
        num_stages = active_codebooks or self.num_codebooks
        active = torch.full((len(vectors),), num_stages, device=latents.device)
        tokens = search(vectors, self.codebooks[:num_stages], active, self.options.paths)
        return tokens.view(batch, frames, -1).permute(0, 2, 1)

    @torch.no_grad()
    def decode(self, tokens: torch.Tensor) -> torch.Tensor:
        """Sum of codewords: tokens [B, K, F] -> quantized [B, D, F]."""
        stages = [self.codebooks[stage][tokens[:, stage]] for stage in range(tokens.shape[1])]
        return torch.stack(stages).sum(0).permute(0, 2, 1)

    def forward(self, latents: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Quantize for training: straight-through quantized [B, D, F] and the rate term (a scalar).

        Each sample of the batch uses its own number of stages (quantizer dropout). The rate term is the sum over stages
        of the mean squared error left after each: it pulls latents towards what the codebooks can carry. Frames count
        less the louder they are (weight p / (p + own power), p the batch's mean power): otherwise the few loud frames
        dominate, and the encoder turns them down. The weights carry no gradient: networks learn to inflate a few easily
        coded latents when that lowers the term. In training mode the codebooks follow the data.
        """
        batch, dim, frames = latents.shape
        vectors = latents.float().permute(0, 2, 1).reshape(-1, dim)
        active = self._draw_active_stages(batch, latents.device).repeat_interleave(frames)
        with torch.no_grad():
            tokens = search(vectors, self.codebooks, active, self.options.paths)
        residual = vectors
        quantized = torch.zeros_like(vectors)
        rate = vectors.new_zeros(())
        power = vectors.detach().square().mean(1)
        weight = power.mean() / (power + power.mean() + 1e-9)
        for stage in range(int(active.max())):
            on = active > stage
            chosen = self.codebooks[stage][tokens[:, stage]]
            rate = rate + (weight[on] * (residual[on] - chosen[on]).square().mean(1)).mean()
            if self.training:
                self._follow(stage, residual[on].detach(), tokens[on, stage])
            chosen = chosen * on[:, None]
            quantized = quantized + chosen
            residual = residual - chosen
        straight_through = vectors + (quantized - vectors).detach()
        return straight_through.view(batch, frames, dim).permute(0, 2, 1), rate

    def _draw_active_stages(self, batch: int, device: torch.device) -> torch.Tensor:
        if not self.training:
            return torch.full((batch,), self.num_codebooks, device=device)
        lowest = min(self.options.min_stages, self.num_codebooks)
        drawn = torch.randint(lowest, self.num_codebooks + 1, (batch,), device=device)
        full = torch.rand(batch, device=device) < self.options.full_fraction
        return torch.where(full, self.num_codebooks, drawn)

    @torch.no_grad()
    def _follow(self, stage: int, vectors: torch.Tensor, tokens: torch.Tensor) -> None:
        """Move one stage's codewords towards the mean of the vectors they won; restart the ones that win nothing."""
        keep = self.options.decay
        counts = torch.bincount(tokens, minlength=self.codebook_size).float()
        sums = torch.zeros_like(self.sums[stage]).index_add_(0, tokens, vectors)
        self.usage[stage].mul_(keep).add_(counts, alpha=1 - keep)
        self.sums[stage].mul_(keep).add_(sums, alpha=1 - keep)
        dead = self.usage[stage] < self.options.dead_usage
        num_dead = int(dead.sum())
        if num_dead:
            fresh = vectors[torch.randint(len(vectors), (num_dead,), device=vectors.device)]
            self.sums[stage, dead] = fresh
            self.usage[stage, dead] = 1
        self.codebooks[stage] = self.sums[stage] / self.usage[stage][:, None]


def lose_frames(quantized: torch.Tensor, lossy_fraction: float, max_lost_frames: float) -> torch.Tensor:
    """Silence frames of [B, D, F] at random, as a decoder sees packets that never came: all latents zero."""
    batch, _, frames = quantized.shape
    device = quantized.device
    share = (
        max_lost_frames * torch.rand(batch, 1, device=device) * (torch.rand(batch, 1, device=device) < lossy_fraction)
    )
    lost = torch.rand(batch, frames, device=device) < share
    return quantized.masked_fill(lost[:, None], 0.0)


def perplexity(tokens: torch.Tensor, codebook_size: int) -> float:
    """Effective number of codewords in use: exp of the entropy of one stage's tokens (any shape)."""
    counts = torch.bincount(tokens.reshape(-1), minlength=codebook_size).double()
    share = counts[counts > 0] / counts.sum()
    return float(torch.exp(-(share * share.log()).sum()))
