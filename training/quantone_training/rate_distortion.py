"""How much of the latents a codec's codebooks keep, beside other quantizers of the same rate and the Gaussian bound.

`python -m quantone_training.rate_distortion --checkpoint RUN/checkpoint.pt --cache RUN/audio.npy`

Tells whether a codec wants better codebooks or easier latents. All numbers are signal-to-noise ratios in dB, on frames
that nothing was fitted to. Source of the bound: Cover and Thomas 2006, section 10.3.3 (reverse water-filling).
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import torch

from .codec import Codec
from .data import CropSampler, load_cached
from .export_weights import load_checkpoint
from .rvq import kmeans, nearest_codeword
from .training_loop import autocast

CROPS_PER_BATCH = 24
KMEANS_ITERATIONS = 8
GAIN_STEP_DB = 1.5
COMPANDING_EXPONENT = 0.5
QUIETEST_POWER = 1e-4
SEED = 7


@torch.no_grad()
def draw_latents(codec: Codec, sampler: CropSampler, num_frames: int) -> torch.Tensor:
    """Latents of random crops, [F, D]."""
    random = torch.Generator().manual_seed(SEED)
    drawn: list[torch.Tensor] = []
    while sum(len(latents) for latents in drawn) < num_frames:
        with autocast(torch.device("cpu")):
            latents = codec.encoder(sampler.batch(CROPS_PER_BATCH, random)).float()
        drawn.append(latents.permute(0, 2, 1).reshape(-1, codec.config.latent_dim))
    return torch.cat(drawn)[:num_frames]


def distortion(latents: torch.Tensor, quantized: torch.Tensor) -> dict[str, float]:
    """Three ratios of [F, D] to what is lost of it.

    `power` is that of the sums over all frames, which loud frames decide; `frames` is the mean over frames; `weighted`
    lies between, with weights that fall with a frame's power.
    """
    power = latents.square().sum(1)
    error = (latents - quantized).square().sum(1).clamp_min(torch.finfo(torch.float32).tiny)
    weights = power.mean() / (power + power.mean())
    decibels = {
        "power": 10 * (power.sum() / error.sum()).log10(),
        "weighted": 10 * ((weights * power).sum() / (weights * error).sum()).log10(),
        "frames": 10 * (power / error).log10().mean(),
    }
    return {name: round(float(value), 2) for name, value in decibels.items()}


def quantize(latents: torch.Tensor, codebooks: list[torch.Tensor]) -> torch.Tensor:
    """The sum of the nearest codewords [F, D], stage by stage."""
    residual = latents
    for codebook in codebooks:
        residual = residual - codebook[nearest_codeword(residual, codebook)]
    return latents - residual


def fit_codebooks(latents: torch.Tensor, num_codebooks: int, codebook_size: int) -> list[torch.Tensor]:
    """k-means on what the stages before leave."""
    codebooks: list[torch.Tensor] = []
    residual = latents
    for _ in range(num_codebooks):
        codebooks.append(kmeans(residual, codebook_size, KMEANS_ITERATIONS))
        residual = residual - codebooks[-1][nearest_codeword(residual, codebooks[-1])]
    return codebooks


def gain(latents: torch.Tensor) -> torch.Tensor:
    """Each frame's level in steps that a stage could carry, [F, 1]."""
    decibels = 10 * (latents.square().mean(1, keepdim=True) + QUIETEST_POWER).log10()
    return torch.pow(10, (decibels / GAIN_STEP_DB).round() * GAIN_STEP_DB / 20)


def compand(latents: torch.Tensor, exponent: float) -> torch.Tensor:
    """Every frame with its level raised to a power; the reciprocal undoes it."""
    level = latents.square().mean(1, keepdim=True).sqrt().clamp_min(QUIETEST_POWER)
    factor: torch.Tensor = level ** (exponent - 1)
    return latents * factor


def gaussian_like(latents: torch.Tensor) -> torch.Tensor:
    """Gaussian vectors of the same covariance, [F, D]."""
    variances, axes = torch.linalg.eigh(torch.cov(latents.T))
    vectors: torch.Tensor = torch.randn_like(latents) @ (axes * variances.clamp_min(0).sqrt()).T
    return vectors


def gaussian_bound(variances: torch.Tensor, bits: float) -> float:
    """The ratio in dB that no quantizer of Gaussian vectors with so many bits exceeds, by their principal variances."""
    variances = variances.double().clamp_min(1e-12)
    low, high = 0.0, float(variances.max())
    for _ in range(100):
        level = (low + high) / 2
        needed = float((0.5 * torch.log2(variances / level)).clamp_min(0).sum())
        low, high = (level, high) if needed > bits else (low, level)
    return round(float(10 * torch.log10(variances.sum() / variances.clamp_max(high).sum())), 2)


def compare(codec: Codec, latents: torch.Tensor) -> dict[str, dict[str, float]]:
    """A row for each quantizer: fitted on the first five sixths of the latents, measured on the rest."""
    fitted, unseen = latents.tensor_split([len(latents) * 5 // 6])
    codebooks, size = list(codec.rvq.codebooks), codec.rvq.codebook_size
    count = len(codebooks)

    def refit(training: torch.Tensor, measured: torch.Tensor, stages: int = count) -> torch.Tensor:
        return quantize(measured, fit_codebooks(training, stages, size))

    rows = {f"{n} codebooks": distortion(unseen, quantize(unseen, codebooks[:n])) for n in (1, count // 2, count)}
    rows["codebooks fitted again"] = distortion(unseen, refit(fitted, unseen))
    normalized = refit(fitted / gain(fitted), unseen / gain(unseen), count - 1) * gain(unseen)
    rows["a stage fewer, and each frame's gain"] = distortion(unseen, normalized)
    companded = refit(compand(fitted, COMPANDING_EXPONENT), compand(unseen, COMPANDING_EXPONENT))
    rows["companded"] = distortion(unseen, compand(companded, 1 / COMPANDING_EXPONENT))
    gaussian, other = gaussian_like(latents).tensor_split([len(fitted)])
    rows["Gaussian vectors of the same covariance"] = distortion(other, refit(gaussian, other))
    bits = count * math.log2(size)
    rows["bound for those"] = {"power": gaussian_bound(torch.linalg.eigvalsh(torch.cov(latents.T)), bits)}
    return rows


def markdown_table(rows: dict[str, dict[str, float]]) -> str:
    """The rows as a Markdown table."""
    names = ("power", "weighted", "frames")
    cells = [[f"{row[key]:.2f}" if key in row else "" for key in names] for row in rows.values()]
    lines = [f"| {name} | {' | '.join(cell)} |" for name, cell in zip(rows, cells, strict=True)]
    return "\n".join([f"| SNR, dB | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|", *lines])


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--checkpoint", type=Path, required=True, help="checkpoint.pt of a codec's run")
    parser.add_argument("--cache", type=Path, required=True, help="audio.npy of a run")
    parser.add_argument("--frames", type=int, default=60_000, help="to fit on and to measure; fewer fit worse")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    torch.manual_seed(SEED)
    codec = load_checkpoint(options.checkpoint).network
    rate = codec.config.sample_rate
    latents = draw_latents(codec, CropSampler(load_cached(None, options.cache, rate), rate), options.frames)
    print(markdown_table(compare(codec, latents)))


if __name__ == "__main__":
    main()
