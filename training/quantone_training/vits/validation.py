"""How a voice says sentences that it never learned, beside their recordings: mel distance and STOI, aligned in time.

The model says the text with the durations that its alignment finds in the recording, so that both have the same times.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from pystoi import stoi

from ..hifigan.features import log_mel
from .data import Utterance, pad_batch
from .losses import duration_loss, kl_loss
from .model import Latents, Vits

NOISE_SEED = 5


@torch.no_grad()
def speak_aligned(model: Vits, latents: Latents) -> torch.Tensor:
    """What the text's side alone makes of the frames of an alignment, [B, T]: prior, flow backwards, decoder."""
    noise = torch.randn(latents.prior_means.shape, generator=torch.Generator().manual_seed(NOISE_SEED))
    scale = model.config.noise_scale * latents.prior_log_deviations.exp()
    drawn = (latents.prior_means + noise.to(scale.device) * scale) * latents.mask
    spoken: torch.Tensor = model.decoder(model.flow.inverse(drawn, latents.mask).transpose(1, 2))
    return spoken[:, 0]


@torch.no_grad()
def speak(model: Vits, symbols: list[int]) -> np.ndarray:
    """Say symbols with durations of the model's own, [T]; what `synthesize` does in TypeScript."""
    device = next(model.parameters()).device
    mask = torch.ones(1, len(symbols), dtype=torch.bool, device=device)
    hidden, means, log_deviations = model.text_encoder(torch.tensor([symbols], device=device), mask)
    durations = model.duration_predictor(hidden, mask).exp().ceil().long()[0]
    means, log_deviations = (rows.repeat_interleave(durations, dim=1) for rows in (means, log_deviations))
    noise = torch.randn(means.shape, generator=torch.Generator().manual_seed(NOISE_SEED)).to(device)
    drawn = means + model.config.noise_scale * noise * log_deviations.exp()
    spoken = model.decoder(model.flow.inverse(drawn, torch.ones_like(drawn[..., :1])).transpose(1, 2))
    return np.asarray(spoken[0, 0].cpu())


@torch.no_grad()
def judge_voice(model: Vits, utterances: list[Utterance]) -> dict[str, float]:
    """Means over the utterances; the model is in evaluation mode.

    `stoi` and `mel` are of what the text says, `copy_stoi` of the recording through posterior encoder and decoder, the
    most that the text's side can reach. `seconds_ratio` is how long the predictor has them last, to the recordings.
    """
    device = next(model.parameters()).device
    rows: list[dict[str, float]] = []
    for utterance in utterances:
        batch = pad_batch([utterance], model.config.hop_length)
        batch = type(batch)(**{name: value.to(device) for name, value in vars(batch).items()})
        latents = model(batch, noise_scale=0.0)
        clean, spoken = batch.samples, speak_aligned(model, latents)
        copied = model.decoder(latents.sampled.transpose(1, 2))[:, 0]
        clean_mel, spoken_mel = (log_mel(samples[:, None], model.config.mel) for samples in (clean, spoken))
        predicted = latents.log_durations.exp().ceil().sum()
        rows.append(
            {
                "stoi": _stoi(clean, spoken, model.config.sampling_rate),
                "copy_stoi": _stoi(clean, copied, model.config.sampling_rate),
                "mel": float(F.l1_loss(spoken_mel, clean_mel)),
                "kl": float(kl_loss(latents)),
                "duration": float(duration_loss(latents)),
                "seconds_ratio": float(predicted / batch.frame_counts.sum()),
            }
        )
    return {name: round(float(np.mean([row[name] for row in rows])), 4) for name in rows[0]} if rows else {}


def _stoi(clean: torch.Tensor, other: torch.Tensor, sample_rate: int) -> float:
    return float(stoi(clean[0].double().cpu().numpy(), other[0].double().cpu().numpy(), sample_rate))
