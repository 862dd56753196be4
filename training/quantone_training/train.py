"""Train a codec: `python -m quantone_training.train --data RECORDINGS --run FOLDER --minutes 90`.

The same command starts a run, resumes it from the folder's checkpoint, and works on CPU (bfloat16 autocast) and CUDA.
First an autoencoder without quantizer, then k-means on its latents, then everything with the quantizer in the loop.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from . import features
from .adversary import Adversary
from .augmentation import augment
from .codec import Codec
from .command_line import parse_options, start_or_resume, training_arguments, training_audio
from .config import CodecConfig, load_codec_config
from .data import CropSampler
from .export_weights import load_weights
from .losses import ContourLoss, FrameLock, HarmonicLoss, MelLoss, PhaseLoss
from .muon import Muon, parameter_groups
from .rvq import lose_frames
from .settings import Settings, load_settings
from .training_loop import (
    autocast,
    cosine_learning_rate,
    guarded_step,
    measure_clips,
    set_learning_rate,
    update_average,
)

STATISTICS_BATCHES = 10
VALIDATION_STAGES = (6, 12)


class Trainer:
    """Model, moving average, optimizer and random state of one run."""

    def __init__(self, config: CodecConfig, settings: Settings, audio: np.ndarray, device: str = "cpu") -> None:
        torch.manual_seed(settings.seed)
        self.config, self.settings, self.device = config, settings, torch.device(device)
        self.codec = Codec(config, settings.rvq).to(self.device)
        num_samples = round(settings.crop_seconds * config.frame_rate) * config.hop_length
        self.sampler = CropSampler(audio, num_samples, settings.augmentation.min_gain)
        self.random = torch.Generator().manual_seed(settings.seed)
        self.mel_loss = MelLoss(config.sample_rate).to(self.device)
        self.phase_loss = PhaseLoss(config.sample_rate).to(self.device)
        self.harmonic_loss = HarmonicLoss(config.sample_rate).to(self.device)
        self.contour_loss = ContourLoss(config.mel.hop_length / config.sample_rate).to(self.device)
        direct_hz = config.decoder.excitation.direct_bins * config.sample_rate / config.vocoder.fft_length
        self.frame_lock = FrameLock(config.sample_rate, config.hop_length, direct_hz).to(self.device)
        self.step, self.seconds = 0, 0.0
        self.discriminator_loss = 1.0
        self._initialize_from_data()
        self.ema = copy.deepcopy(self.codec).eval()
        groups = parameter_groups(self.codec, settings.others_scale, settings.weight_decay)
        self.optimizer: torch.optim.Optimizer = Muon(groups)
        self.adversary: Adversary | None = None
        if settings.adversarial is not None:
            self.adversary = Adversary(settings.adversarial, config.sample_rate, self.device)

    @torch.no_grad()
    def _initialize_from_data(self) -> None:
        """Start the log-mel head at the mean log-mel."""
        crops = torch.cat([self.batch() for _ in range(STATISTICS_BATCHES)])
        mean_log_mel = features.log_mel(crops, self.config.sample_rate, self.config.mel).mean((0, 2))
        assert self.codec.decoder.log_mel.bias is not None
        self.codec.decoder.log_mel.bias.copy_(mean_log_mel)

    def batch(self) -> torch.Tensor:
        """The next random crops [B, 1, T], augmented, on the device."""
        crops = self.sampler.batch(self.settings.batch_size, self.random)
        return augment(crops, self.settings.augmentation, self.config.sample_rate, self.random).to(self.device)

    @property
    def is_quantized(self) -> bool:
        return self.step >= self.settings.autoencoder_steps

    @torch.no_grad()
    def initialize_codebooks(self) -> list[float]:
        """K-means on the latents of fresh crops."""
        dim = self.config.latent_dim
        latents = []
        for _ in range(self.settings.kmeans_batches):
            with autocast(self.device):
                latents.append(self.codec.encoder(self.batch()).permute(0, 2, 1).reshape(-1, dim))
        return self.codec.rvq.initialize(torch.cat(latents))

    def losses(self, clean: torch.Tensor) -> dict[str, torch.Tensor]:
        """Run the codec on clean crops [B, 1, T] and return every unweighted loss term."""
        with autocast(self.device):
            latents = self.codec.encoder(clean)
        quantized, rate = self.codec.rvq(latents) if self.is_quantized else (latents, latents.new_zeros(()))
        received = lose_frames(quantized, self.settings.lossy_fraction, self.settings.max_lost_frames)
        with autocast(self.device):
            output = self.codec.decoder(received)
        # The last hop's overlap lies beyond the crop. The last frames that are kept are as at a signal's end: the
        # decoder finds nothing to look ahead to.
        kept_frames = clean.shape[2] // self.config.hop_length - 1
        kept, kept_mels = kept_frames * self.config.hop_length, kept_frames * self.config.decoder.upsample_factor
        decoded = self.codec.vocoder(output.spectrum, clean.shape[2])[:, :, :kept]
        target_mel = features.log_mel(clean, self.config.sample_rate, self.config.mel)
        clean = clean[:, :, :kept]
        mel, loudness = self.mel_loss(decoded, clean)
        decoded_mel, clean_mel = (
            features.log_mel(x, self.config.sample_rate, self.config.mel) for x in (decoded, clean)
        )
        return {
            "mel": mel,
            "loudness": loudness,
            "log_mel": F.l1_loss(output.log_mel[:, :, :kept_mels], target_mel[:, :, :kept_mels]),
            "contour": self.contour_loss(decoded_mel, clean_mel),
            "mel_contour": self.contour_loss(output.log_mel[:, :, :kept_mels], target_mel[:, :, :kept_mels]),
            "rate": rate,
            "phase": self.phase_loss(decoded, clean),
            "harmonics": self.harmonic_loss(decoded, clean),
            "frame_lock": self.frame_lock(decoded),
            **self._adversarial_losses(clean, decoded),
        }

    def _adversarial_losses(self, clean: torch.Tensor, decoded: torch.Tensor) -> dict[str, torch.Tensor]:
        """Even steps: the discriminators learn. Odd steps, after their warm-up: the codec's adversarial terms."""
        chosen = self.settings.adversarial
        if self.adversary is None or chosen is None or self.step < chosen.start_step:
            return {}
        if self.step % 2 == 0:
            self.discriminator_loss = self.adversary.learn(clean, decoded)
            return {}
        return self.adversary.judge(clean, decoded) if self.adversary.is_warm else {}

    def weighted(self, terms: dict[str, torch.Tensor]) -> torch.Tensor:
        """The generator's objective: the sum of all terms times their weights."""
        weights = dataclasses.asdict(self.settings.losses)
        if self.settings.adversarial is not None:
            weights["adversarial"] = self.settings.adversarial.adversarial_weight
            weights["feature"] = self.settings.adversarial.feature_weight
        return torch.stack([weights[name] * term for name, term in terms.items()]).sum()

    def train_step(self, progress: float) -> dict[str, float]:
        """One optimizer step, dropped if its gradient is not finite; returns the losses and the gradient norm."""
        if self.step == self.settings.autoencoder_steps:
            self.initialize_codebooks()
        set_learning_rate(cosine_learning_rate(self.settings, self.step, progress), self.optimizer)
        terms = self.losses(self.batch())
        total = self.weighted(terms)
        norm = guarded_step(self.optimizer, total, self.settings.clip_norm)
        self.step += 1
        update_average(self.ema, self.codec, self.step, self.settings.ema_decay)
        values = {name: float(term.detach()) for name, term in terms.items()}
        if self.adversary is not None:
            values["discriminator"] = self.discriminator_loss
        return {**values, "total": float(total.detach()), "norm": norm}

    def parts(self) -> dict[str, Any]:
        parts: dict[str, Any] = {"codec": self.codec, "ema": self.ema, "optimizer": self.optimizer}
        return parts if self.adversary is None else {**parts, "adversary": self.adversary}

    @torch.no_grad()
    def start_from(self, weights: Path) -> None:
        """Begin a run with an exported file's weights: quantizer in the loop from the first step, averages anew."""
        self.codec.load_state_dict(load_weights(weights, self.config).state_dict())
        self.codec.rvq.usage.fill_(1)
        self.codec.rvq.sums.copy_(self.codec.rvq.codebooks)
        self.ema.load_state_dict(self.codec.state_dict())
        # One past the step at which k-means would draw new codebooks.
        self.step = self.settings.autoencoder_steps + 1

    def validate(self, clips: dict[str, np.ndarray]) -> dict[str, Any]:
        """Quality of the moving average with 6 and 12 stages: means over all clips, and each clip's PESQ and STOI."""
        if not self.is_quantized or not clips:
            return {}
        return {
            str(stages): measure_clips(clips, self.config.sample_rate, self._remade_with(stages))
            for stages in VALIDATION_STAGES
        }

    def _remade_with(self, stages: int) -> Callable[[np.ndarray], np.ndarray]:
        return lambda clip: roundtrip(self.ema, clip, stages)


@torch.no_grad()
def roundtrip(codec: Codec, clip: np.ndarray, active_codebooks: int) -> np.ndarray:
    """Encode and decode one clip [T]; the codec must be in evaluation mode."""
    device = codec.rvq.codebooks.device
    waveform = torch.from_numpy(clip)[None, None].to(device)
    decoded: np.ndarray = codec.decode(codec.encode(waveform, active_codebooks), len(clip))[0, 0].cpu().numpy()
    return decoded


def main(arguments: list[str] | None = None) -> None:
    parser = training_arguments(__doc__, "codecs/speech-16k/config.json", "training/configs/speech-16k.toml")
    parser.add_argument("--start-from", type=Path, help="exported weights that a new run begins with")
    options = parse_options(parser, arguments)
    config, settings = load_codec_config(options.config), load_settings(Settings, options.settings)
    trainer = Trainer(config, settings, training_audio(options, config.sample_rate), options.device)
    if options.start_from:
        trainer.start_from(options.start_from)
    start_or_resume(trainer, options, config.sample_rate)


if __name__ == "__main__":
    main()
