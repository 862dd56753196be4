"""Train a DiffWave: `python -m quantone_training.diffwave.train --data RECORDINGS --run FOLDER --minutes 120`.

The same command starts a run and resumes it from the folder's checkpoint, on CPU (bfloat16 autocast) and CUDA.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch

from ..command_line import parse_options, start_or_resume, training_arguments, training_audio
from ..data import CropSampler, to_length
from ..hifigan.features import log_mel
from ..losses import MelLoss
from ..muon import Muon, parameter_groups
from ..settings import load_settings
from ..training_loop import (
    autocast,
    cosine_learning_rate,
    guarded_step,
    measure_clips,
    set_learning_rate,
    update_average,
)
from .config import DiffwaveConfig, load_diffwave_config
from .model import Denoiser
from .prior import prior_level
from .sampling import sample
from .schedule import signal_levels
from .settings import DiffwaveSettings


class DiffwaveTrainer:
    """Network, moving average, optimizer and random state of one run."""

    def __init__(
        self, config: DiffwaveConfig, settings: DiffwaveSettings, audio: np.ndarray, device: str = "cpu"
    ) -> None:
        torch.manual_seed(settings.seed)
        self.config, self.settings, self.device = config, settings, torch.device(device)
        self.denoiser = Denoiser(config).to(self.device)
        self.ema = copy.deepcopy(self.denoiser).eval()
        self.optimizer: torch.optim.Optimizer = Muon(parameter_groups(self.denoiser, settings.others_scale))
        self.sampler = CropSampler(audio, settings.crop_frames * config.mel.hop_length)
        self.mel_loss = MelLoss(config.sample_rate).to(self.device) if settings.is_spectral else None
        self.levels = torch.from_numpy(signal_levels(config)).float()
        self.random = torch.Generator().manual_seed(settings.seed)
        self.step, self.seconds = 0, 0.0

    def train_step(self, progress: float) -> dict[str, float]:
        """One optimizer step; returns the unweighted losses and the gradient's norm."""
        set_learning_rate(cosine_learning_rate(self.settings, self.step, progress), self.optimizer)
        terms = self.losses(self.sampler.batch(self.settings.batch_size, self.random))
        norm = guarded_step(self.optimizer, self.settings.weighted(terms), self.settings.clip_norm)
        self.step += 1
        update_average(self.ema, self.denoiser, self.step, self.settings.ema_decay)
        return {**{name: float(term.detach()) for name, term in terms.items()}, "norm": norm}

    def losses(self, clean: torch.Tensor) -> dict[str, torch.Tensor]:
        """Noise clean crops [B, 1, T], find the noise, and return every unweighted loss term.

        The first crops are left out of their noise, as in the sampler's first step, which has the mel alone to go by;
        what noise that would be nobody knows, so that they count in the spectral losses only.
        """
        drawn = torch.rand(len(clean), generator=self.random) ** self.settings.step_exponent
        steps = (drawn * len(self.levels)).long()
        num_blind = int(len(clean) * self.settings.blind_fraction)
        steps[:num_blind] = len(self.levels) - 1
        noise = torch.randn(clean[:, 0].shape, generator=self.random).to(self.device)
        level = self.levels[steps][:, None].to(self.device)
        clean = clean.to(self.device)
        mel = log_mel(clean, self.config.mel)
        prior = prior_level(mel, self.config)
        noisy = level.sqrt() * clean[:, 0] / prior + (1 - level).sqrt() * noise
        noisy[:num_blind] = noise[:num_blind]
        with autocast(self.device):
            found = self.denoiser(noisy, mel, steps.float().to(self.device)).float()
        terms = {"noise": (found[num_blind:] - noise[num_blind:]).abs().mean()}
        if self.mel_loss is not None:
            estimate = prior * (noisy - (1 - level).sqrt() * found) / level.sqrt()
            terms["multi_resolution"], terms["loudness"] = self.mel_loss(estimate[:, None], clean)
        return terms

    def parts(self) -> dict[str, Any]:
        return {"denoiser": self.denoiser, "ema": self.ema, "optimizer": self.optimizer}

    def validate(self, clips: dict[str, np.ndarray]) -> dict[str, Any]:
        """Copy synthesis by the moving average: means over all clips, and each clip's PESQ and STOI."""
        return measure_clips(clips, self.config.sample_rate, lambda clip: copy_synthesis(self.ema, self.config, clip))


def copy_synthesis(denoiser: Denoiser, config: DiffwaveConfig, clip: np.ndarray, seed: int = 0) -> np.ndarray:
    """The clip [T] made again from its log-mel; what lies behind the last whole frame is zeros."""
    device = next(denoiser.parameters()).device
    mel = log_mel(torch.from_numpy(clip)[None, None].to(device), config.mel)
    made = sample(denoiser, config, mel, torch.Generator().manual_seed(seed))[0].float().cpu().numpy()
    return to_length(made, len(clip))


def main(arguments: list[str] | None = None) -> None:
    parser = training_arguments(__doc__, "codecs/diffwave/config-16k.json", "training/configs/diffwave-16k.toml")
    options = parse_options(parser, arguments)
    config, settings = load_diffwave_config(options.config), load_settings(DiffwaveSettings, options.settings)
    audio = training_audio(options, config.sample_rate)
    start_or_resume(DiffwaveTrainer(config, settings, audio, options.device), options, config.sample_rate)


if __name__ == "__main__":
    main()
