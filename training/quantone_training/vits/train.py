"""Train a VITS on one voice: `python -m quantone_training.vits.train --phonemes TABLE --run FOLDER --minutes 120`.

The table comes from `scripts/vits/phonemize.ts`. The same command starts a run and resumes it from the folder's
checkpoint, on CPU (bfloat16 autocast) and CUDA. At first there are mel, KL and duration losses alone; then the
discriminators join.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..command_line import parse_options, start_or_resume, training_arguments
from ..hifigan.adversary import Adversary
from ..hifigan.losses import SpectralLosses
from ..muon import Muon, parameter_groups
from ..settings import load_settings
from ..training_loop import autocast, cosine_learning_rate, guarded_step, set_learning_rate, update_average
from .config import VitsConfig, load_vits_config
from .data import Batch, UtteranceSampler, Voice, load_recordings, make_voice
from .losses import duration_loss, kl_loss
from .model import Latents, Vits
from .settings import VitsSettings
from .text import read_phonemes
from .validation import judge_voice


class VitsTrainer:
    """Model, moving average, discriminators, optimizers and random state of one run."""

    def __init__(
        self,
        config: VitsConfig,
        settings: VitsSettings,
        voice: Voice,
        device: str = "cpu",
    ) -> None:
        torch.manual_seed(settings.seed)
        self.config, self.settings, self.device = config, settings, torch.device(device)
        self.model = Vits(config, voice.vocabulary).to(self.device)
        self.ema = copy.deepcopy(self.model).eval()
        self.spectral_losses = SpectralLosses(config.mel, settings).to(self.device)
        self.adversary = Adversary(settings, config.hop_length, self.device)
        self.optimizer: torch.optim.Optimizer = Muon(parameter_groups(self.model, settings.others_scale))
        # The decoder takes a segment of each.
        long_enough = [one for one in voice.training if one.num_frames(config.hop_length) >= settings.segment_frames]
        self.sampler = UtteranceSampler(long_enough, settings.batch_size, config.hop_length, settings.seed)
        self.held_out = voice.held_out
        self.random = torch.Generator().manual_seed(settings.seed)
        self.step, self.seconds = 0, 0.0

    @property
    def is_adversarial(self) -> bool:
        return self.step >= self.settings.discriminator_start_step

    def batch(self) -> Batch:
        """This step's utterances, on the device."""
        drawn = self.sampler.batch(self.step)
        return Batch(**{name: value.to(self.device) for name, value in vars(drawn).items()})

    def train_step(self, progress: float) -> dict[str, float]:
        """One step of the discriminators and one of the model; returns the unweighted losses."""
        rate = cosine_learning_rate(self.settings, self.step, progress)
        set_learning_rate(rate, self.optimizer)
        set_learning_rate(rate * self.settings.others_scale, self.adversary.optimizer)
        batch = self.batch()
        diagonal = max(0.0, 1 - self.step / max(1, self.settings.diagonal_steps))
        with autocast(self.device):
            latents = self.model(batch, diagonal)
            clean, generated = self._segments(batch, latents)
        terms = {
            **self.spectral_losses(generated, clean),
            "kl": kl_loss(latents),
            "duration": duration_loss(latents),
        }
        values: dict[str, float] = {}
        if self.is_adversarial:
            values["discriminator"], judged = self.adversary.step(clean, generated, self.random)
            terms.update(judged)
        total = self.settings.weighted(terms)
        values["norm"] = guarded_step(self.optimizer, total, self.settings.clip_norm)
        self.step += 1
        update_average(self.ema, self.model, self.step, self.settings.ema_decay)
        return {**{name: float(term.detach()) for name, term in terms.items()}, **values}

    def _segments(self, batch: Batch, latents: Latents) -> tuple[torch.Tensor, torch.Tensor]:
        """A random segment of each utterance, recorded and decoded, [B, 1, T] each."""
        hop, frames = self.config.hop_length, self.settings.segment_frames
        spans = batch.frame_counts.cpu() - frames + 1
        begins = (torch.rand(len(spans), generator=self.random) * spans).long().tolist()
        recordings, rows = zip(batch.samples, begins, strict=True), zip(latents.sampled, begins, strict=True)
        clean = torch.stack([samples[begin * hop : (begin + frames) * hop] for samples, begin in recordings])
        chosen = torch.stack([sampled[begin : begin + frames] for sampled, begin in rows])
        return clean[:, None], self.model.decoder(chosen.transpose(1, 2))

    def parts(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "ema": self.ema,
            "discriminators": self.adversary.discriminators,
            "optimizer": self.optimizer,
            "discriminator_optimizer": self.adversary.optimizer,
        }

    def validate(self, clips: dict[str, np.ndarray]) -> dict[str, Any]:
        """What the moving average makes of the sentences that were held out; other clips have no text."""
        return judge_voice(self.ema, self.held_out)


def main(arguments: list[str] | None = None) -> None:
    parser = training_arguments(__doc__, "codecs/vits/config-16k.json", "training/configs/vits-16k.toml")
    parser.add_argument("--source", default="", help="what the names of the voice's recordings begin with")
    parser.add_argument("--phonemes", type=Path, help="table; default: phonemes.tsv in the run's folder")
    options = parse_options(parser, arguments)
    config, settings = load_vits_config(options.config), load_settings(VitsSettings, options.settings)
    phonemes, cache = options.phonemes or options.run / "phonemes.tsv", options.cache or options.run / "voice.npz"
    samples = load_recordings(options.data, options.source, cache, config.sampling_rate, options.exclude)
    voice = make_voice(samples, read_phonemes(phonemes), config.hop_length)
    start_or_resume(VitsTrainer(config, settings, voice, options.device), options, config.sampling_rate)


if __name__ == "__main__":
    main()
