"""Train a HiFi-GAN: `python -m quantone_training.hifigan.train --data RECORDINGS --run FOLDER --minutes 120`.

The same command starts a run and resumes it from the folder's checkpoint, on CPU (bfloat16 autocast) and CUDA. At first
the generator learns from the mel loss alone; then the discriminators join.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..command_line import ROOT, parse_options, start_or_resume, training_arguments, training_audio
from ..config import expect
from ..data import CropSampler, to_length
from ..decoded_mel import DecodedMel
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
from .adversary import Adversary
from .config import HifiganConfig, load_hifigan_config
from .features import log_mel
from .generator import Generator
from .losses import SpectralLosses
from .settings import HifiganSettings


class HifiganTrainer:
    """Generator, moving average, discriminators, optimizers and random state of one run."""

    def __init__(
        self,
        config: HifiganConfig,
        settings: HifiganSettings,
        audio: np.ndarray,
        device: str = "cpu",
        decoded_mel: DecodedMel | None = None,
    ) -> None:
        torch.manual_seed(settings.seed)
        self.config, self.settings, self.device = config, settings, torch.device(device)
        self.generator = Generator(config.generator, config.mel.num_mels).to(self.device)
        self.ema = copy.deepcopy(self.generator).eval()
        self.spectral_losses = SpectralLosses(config.mel, settings).to(self.device)
        self.adversary = Adversary(settings, config.mel.hop_length, self.device)
        self.optimizer: torch.optim.Optimizer = Muon(parameter_groups(self.generator, settings.others_scale))
        self.decoded_mel = decoded_mel
        self.lead_samples, tail = (decoded_mel.lead_samples, decoded_mel.tail_samples) if decoded_mel else (0, 0)
        self.num_samples = settings.crop_frames * config.mel.hop_length
        if decoded_mel:
            is_whole = self.num_samples % decoded_mel.hop_length == 0
            expect("cropFrames", is_whole, "whole frames of the codec", settings.crop_frames)
            decoded, wanted = decoded_mel.shape, (config.mel.sample_rate, config.mel.hop_length, config.mel.num_mels)
            expect("mel", decoded == wanted, f"the codec's rate, hop and bands, {decoded}", wanted)
        self.sampler = CropSampler(audio, self.lead_samples + self.num_samples + tail)
        self.random = torch.Generator().manual_seed(settings.seed)
        self.step, self.seconds = 0, 0.0

    @property
    def is_adversarial(self) -> bool:
        return self.step >= self.settings.discriminator_start_step

    def train_step(self, progress: float) -> dict[str, float]:
        """One step of the discriminators and one of the generator; returns the unweighted losses."""
        rate = cosine_learning_rate(self.settings, self.step, progress)
        set_learning_rate(rate, self.optimizer)
        set_learning_rate(rate * self.settings.others_scale, self.adversary.optimizer)
        clean, mel = self._batch()
        with autocast(self.device):
            generated = self.generator(mel)
        terms = self.spectral_losses(generated, clean)
        values: dict[str, float] = {}
        if self.is_adversarial:
            values["discriminator"], judged = self.adversary.step(clean, generated, self.random)
            terms.update(judged)
        total = self.settings.weighted(terms)
        values["norm"] = guarded_step(self.optimizer, total, self.settings.clip_norm)
        self.step += 1
        update_average(self.ema, self.generator, self.step, self.settings.ema_decay)
        return {**{name: float(term.detach()) for name, term in terms.items()}, **values}

    def _batch(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The next crops [B, 1, T] and their log-mels, some of them as the codec predicts them."""
        crops = self.sampler.batch(self.settings.batch_size, self.random).to(self.device)
        clean = crops[:, :, self.lead_samples : self.lead_samples + self.num_samples]
        mel = log_mel(clean, self.config.mel)
        if self.decoded_mel is not None:
            count = max(1, round(self.settings.decoded_fraction * len(crops)))
            mel = torch.cat([self.decoded_mel.predict(crops[:count], self.random), mel[count:]])
        return clean, mel

    def parts(self) -> dict[str, Any]:
        return {
            "generator": self.generator,
            "ema": self.ema,
            "discriminators": self.adversary.discriminators,
            "optimizer": self.optimizer,
            "discriminator_optimizer": self.adversary.optimizer,
        }

    def validate(self, clips: dict[str, np.ndarray]) -> dict[str, Any]:
        """Copy synthesis by the moving average: means over all clips, and each clip's PESQ and STOI."""
        return measure_clips(
            clips, self.config.mel.sample_rate, lambda clip: copy_synthesis(self.ema, self.config, clip)
        )


@torch.no_grad()
def copy_synthesis(generator: Generator, config: HifiganConfig, clip: np.ndarray) -> np.ndarray:
    """The clip [T] made again from its log-mel; samples behind the last whole frame are zeros."""
    device = next(generator.parameters()).device
    waveform = torch.from_numpy(clip)[None, None].to(device)
    made = generator(log_mel(waveform, config.mel))[0, 0].float().cpu().numpy()
    return to_length(made, len(clip))


def main(arguments: list[str] | None = None) -> None:
    parser = training_arguments(__doc__, "codecs/hifi-gan/config-16k.json", "training/configs/hifigan-16k.toml")
    codec = ROOT / "codecs/speech-16k"
    parser.add_argument("--codec-weights", type=Path, default=codec / "weights/speech-16k.safetensors")
    parser.add_argument("--codec-config", type=Path, default=codec / "config.json")
    options = parse_options(parser, arguments)
    config, settings = load_hifigan_config(options.config), load_settings(HifiganSettings, options.settings)
    audio = training_audio(options, config.mel.sample_rate)
    decoded_mel = None
    if settings.decoded_fraction > 0:
        decoded_mel = DecodedMel(options.codec_weights, options.codec_config, torch.device(options.device))
    trainer = HifiganTrainer(config, settings, audio, options.device, decoded_mel)
    start_or_resume(trainer, options, config.mel.sample_rate)


if __name__ == "__main__":
    main()
