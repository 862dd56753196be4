"""Train a codec: `python -m quantone_training.train --data SHARDS --run FOLDER --minutes 90`.

The same command starts a run, resumes it from the folder's checkpoint, and works on CPU (bfloat16 autocast) and CUDA.
First an autoencoder without quantizer, then k-means on its latents, then everything with the quantizer in the loop.
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import json
import math
import os
import signal
import time
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F

from . import features
from .adversary import Adversary
from .codec import Codec
from .config import CodecConfig, load_codec_config, to_mapping
from .data import CropSampler, load_cached, load_clip
from .export_weights import load_weights
from .losses import ComplexSpectrumLoss, MelLoss, log_noise_ratio
from .metrics import mean_metrics, measure
from .rvq import lose_frames
from .settings import Settings, load_settings

LOG_STEPS = 50
STATISTICS_BATCHES = 10
VALIDATION_STAGES = (6, 12)


@dataclasses.dataclass(frozen=True)
class Budget:
    """When the run ends: after so many minutes of training (over all resumes) or so many steps, whichever is given."""

    minutes: float | None = None
    steps: int | None = None

    def progress(self, step: int, seconds: float) -> float:
        """Share of the budget that is used up, in [0, 1]."""
        by_time = seconds / (60 * self.minutes) if self.minutes else 0.0
        by_step = step / self.steps if self.steps else 0.0
        return min(1.0, max(by_time, by_step))


class Trainer:
    """Model, moving average, optimizer and random state of one run."""

    def __init__(self, config: CodecConfig, settings: Settings, audio: np.ndarray, device: str = "cpu") -> None:
        torch.manual_seed(settings.seed)
        self.config, self.settings, self.device = config, settings, torch.device(device)
        self.codec = Codec(config, settings.rvq).to(self.device)
        num_samples = round(settings.crop_seconds * config.frame_rate) * config.hop_length
        self.sampler = CropSampler(audio, num_samples)
        self.generator = torch.Generator().manual_seed(settings.seed)
        self.mel_loss = MelLoss(config.sample_rate).to(self.device)
        self.complex_loss = ComplexSpectrumLoss(config.sample_rate, settings.complex_corner_hz).to(self.device)
        self.step, self.seconds = 0, 0.0
        self.discriminator_loss = 1.0
        self._initialize_from_data()
        self.ema = copy.deepcopy(self.codec).eval()
        self.optimizer: torch.optim.Optimizer = self._build_optimizer()
        self.adversary: Adversary | None = None
        if settings.adversarial is not None:
            self.adversary = Adversary(settings.adversarial, config.sample_rate, self.device)

    def _build_optimizer(self) -> torch.optim.AdamW:
        """AdamW with a second group for the bypass: its small, coherent vectors do not survive full-size steps."""
        bypass = [p for name, p in self.codec.named_parameters() if ".bypass." in name]
        networks = [p for name, p in self.codec.named_parameters() if ".bypass." not in name]
        groups = [
            {"params": networks, "scale": 1.0, "weight_decay": self.settings.weight_decay},
            {"params": bypass, "scale": self.settings.bypass_learning_rate_scale, "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(groups, lr=0.0, betas=(0.8, 0.99))

    @torch.no_grad()
    def _initialize_from_data(self) -> None:
        """Weight the bypass by the long-term power of its latents, and start the log-mel head at the mean log-mel."""
        crops = torch.cat([self.batch() for _ in range(STATISTICS_BATCHES)])
        power = self.codec.encoder.bypass(crops).square().mean((0, 2))
        self.codec.weight_bypass(power, self.settings.bypass_exponent, self.settings.bypass_coefficients)
        mean_log_mel = features.log_mel(crops, self.config.sample_rate, self.config.mel).mean((0, 2))
        assert self.codec.decoder.log_mel.bias is not None
        self.codec.decoder.log_mel.bias.copy_(mean_log_mel)

    def batch(self) -> torch.Tensor:
        """The next random crops [B, 1, T], on the device."""
        return self.sampler.batch(self.settings.batch_size, self.generator).to(self.device)

    def autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, dtype=torch.bfloat16)

    @property
    def is_quantized(self) -> bool:
        return self.step >= self.settings.autoencoder_steps

    def learning_rate(self, progress: float) -> float:
        """Linear warm-up, then a half cosine over the budget."""
        low, high = self.settings.final_learning_rate, self.settings.learning_rate
        warmup = min(1.0, (self.step + 1) / self.settings.warmup_steps)
        return warmup * (low + (high - low) * 0.5 * (1 + math.cos(math.pi * progress)))

    @torch.no_grad()
    def initialize_codebooks(self) -> list[float]:
        """K-means on the latents of fresh crops."""
        dim = self.config.latent_dim
        latents = []
        for _ in range(self.settings.kmeans_batches):
            with self.autocast():
                latents.append(self.codec.encoder(self.batch()).permute(0, 2, 1).reshape(-1, dim))
        return self.codec.rvq.initialize(torch.cat(latents))

    def losses(self, clean: torch.Tensor) -> dict[str, torch.Tensor]:
        """Run the codec on clean crops [B, 1, T] and return every unweighted loss term."""
        with self.autocast():
            latents = self.codec.encoder(clean)
        quantized, rate = self.codec.rvq(latents) if self.is_quantized else (latents, latents.new_zeros(()))
        received = lose_frames(quantized, self.settings.lossy_fraction, self.settings.max_lost_frames)
        with self.autocast():
            output = self.codec.decoder(received)
        # The last hop's second half of the overlap lies beyond the crop.
        kept = clean.shape[2] - self.config.hop_length
        decoded = self.codec.vocoder(output.spectrum, output.baseline)[:, :, :kept]
        target_mel = features.log_mel(clean, self.config.sample_rate, self.config.mel)
        clean = clean[:, :, :kept]
        mel, loudness = self.mel_loss(decoded, clean)
        return {
            "mel": mel,
            "loudness": loudness,
            "complex": self.complex_loss(decoded, clean),
            "waveform": F.l1_loss(decoded, clean),
            "noise_ratio": log_noise_ratio(decoded, clean),
            "log_mel": F.l1_loss(output.log_mel, target_mel),
            "rate": rate,
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
        is_warm = self.step >= chosen.start_step + chosen.warmup_steps
        return self.adversary.judge(clean, decoded) if is_warm else {}

    def weighted(self, terms: dict[str, torch.Tensor]) -> torch.Tensor:
        """The generator's objective: the sum of all terms times the weights of the current phase."""
        phase = self.settings.quantized_losses if self.is_quantized else self.settings.autoencoder_losses
        weights = dataclasses.asdict(phase)
        if self.settings.adversarial is not None:
            weights["adversarial"] = self.settings.adversarial.adversarial_weight
            weights["feature"] = self.settings.adversarial.feature_weight
        return torch.stack([weights[name] * term for name, term in terms.items()]).sum()

    def train_step(self, progress: float) -> dict[str, float]:
        """One optimizer step, dropped if its gradient is not finite; returns the losses and the gradient norm."""
        if self.step == self.settings.autoencoder_steps:
            self.initialize_codebooks()
        for group in self.optimizer.param_groups:
            group["lr"] = group["scale"] * self.learning_rate(progress)
        terms = self.losses(self.batch())
        total = self.weighted(terms)
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        networks, bypass = (group["params"] for group in self.optimizer.param_groups)
        norm = torch.nn.utils.clip_grad_norm_(networks, self.settings.clip_norm)
        torch.nn.utils.clip_grad_norm_(bypass, self.settings.clip_norm)
        if torch.isfinite(norm):
            self.optimizer.step()
        self.step += 1
        self._update_ema()
        values = {name: float(term.detach()) for name, term in terms.items()}
        if self.adversary is not None:
            values["discriminator"] = self.discriminator_loss
        return {**values, "total": float(total.detach()), "norm": float(norm)}

    @torch.no_grad()
    def _update_ema(self) -> None:
        decay = min(self.settings.ema_decay, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(list(self.ema.parameters()), list(self.codec.parameters()), 1 - decay)
        for mean, current in zip(self.ema.buffers(), self.codec.buffers(), strict=True):
            mean.copy_(current)

    def save(self, path: Path) -> None:
        """Write the checkpoint under another name first, so that a crash leaves the old one whole."""
        state: dict[str, Any] = {
            "codec": self.codec.state_dict(),
            "ema": self.ema.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
            "generator": self.generator.get_state(),
            "torch_rng": torch.get_rng_state(),
            "adversary": self.adversary.state() if self.adversary else None,
            "config": to_mapping(self.config),
            "settings": to_mapping(self.settings),
        }
        partial = path.with_suffix(".partial")
        torch.save(state, partial)
        os.replace(partial, path)

    def load(self, path: Path) -> None:
        """Continue from a checkpoint of the same config."""
        state = torch.load(path, map_location=self.device, weights_only=True)
        self.codec.load_state_dict(state["codec"])
        self.ema.load_state_dict(state["ema"])
        self.optimizer.load_state_dict(state["optimizer"])
        # The settings may have changed since: overlays are how a run is steered.
        self.optimizer.param_groups[1]["scale"] = self.settings.bypass_learning_rate_scale
        self.step, self.seconds = state["step"], state["seconds"]
        self.generator.set_state(state["generator"].cpu())
        torch.set_rng_state(state["torch_rng"].cpu())
        if self.adversary is not None and state["adversary"] is not None:
            self.adversary.load_state(state["adversary"])

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
        result: dict[str, Any] = {}
        for stages in VALIDATION_STAGES:
            rows = {name: measure(clip, roundtrip(self.ema, clip, stages)) for name, clip in clips.items()}
            result[str(stages)] = {
                "mean": mean_metrics(list(rows.values())),
                **{name: {"pesq": row["pesq"], "stoi": row["stoi"]} for name, row in rows.items()},
            }
        return result


@torch.no_grad()
def roundtrip(codec: Codec, clip: np.ndarray, active_codebooks: int) -> np.ndarray:
    """Encode and decode one clip [T]; the codec must be in evaluation mode."""
    device = codec.rvq.codebooks.device
    waveform = torch.from_numpy(clip)[None, None].to(device)
    decoded: np.ndarray = codec.decode(codec.encode(waveform, active_codebooks), len(clip))[0, 0].cpu().numpy()
    return decoded


class Trainable(Protocol):
    """What a run needs of whatever it trains."""

    step: int
    seconds: float
    optimizer: torch.optim.Optimizer

    def train_step(self, progress: float) -> dict[str, float]: ...

    def validate(self, clips: dict[str, np.ndarray]) -> dict[str, Any]: ...

    def save(self, path: Path) -> None: ...


class RunLog:
    """Appends JSON lines to `log.jsonl` in the run's folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, kind: str, trainer: Trainable, values: dict[str, Any]) -> None:
        line = {"kind": kind, "step": trainer.step, "seconds": round(trainer.seconds, 1), **values}
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)


def run(
    trainer: Trainable,
    folder: Path,
    budget: Budget,
    clips: dict[str, np.ndarray],
    save_seconds: float,
    validate_seconds: float,
) -> None:
    """Train until the budget is used up or the process is told to end; either way the checkpoint is written."""
    log, checkpoint = RunLog(folder / "log.jsonl"), folder / "checkpoint.pt"
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: stopping.append(received))
    last = saved = validated = time.monotonic()
    recent: list[dict[str, float]] = []
    while (progress := budget.progress(trainer.step, trainer.seconds)) < 1 and not stopping:
        recent.append(trainer.train_step(progress))
        now = time.monotonic()
        trainer.seconds, last = trainer.seconds + now - last, now
        if trainer.step % LOG_STEPS == 0:
            names = {name: None for row in recent for name in row}
            means = {name: round(float(np.mean([r[name] for r in recent if name in r])), 4) for name in names}
            log.write("train", trainer, {"learning_rate": trainer.optimizer.param_groups[0]["lr"], **means})
            recent = []
        if now - saved > save_seconds:
            trainer.save(checkpoint)
            saved = now
        if now - validated > validate_seconds:
            log.write("validation", trainer, trainer.validate(clips))
            validated = time.monotonic()
    trainer.save(checkpoint)
    log.write("validation", trainer, trainer.validate(clips))


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    root = Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, default=root / "../shared/audio/train", help="folder of .tar shards")
    parser.add_argument("--run", type=Path, required=True, help="folder of the run: cache, checkpoint, log")
    parser.add_argument("--config", type=Path, default=root / "codecs/speech-16k/config.json")
    parser.add_argument("--settings", type=Path, nargs="+", default=[root / "training/configs/speech-16k.toml"])
    parser.add_argument("--start-from", type=Path, help="exported weights that a new run begins with")
    parser.add_argument("--validation", type=Path, nargs="*", default=[], help="clips for PESQ and STOI")
    parser.add_argument("--minutes", type=float, help="training time in all, over every resume")
    parser.add_argument("--steps", type=int, help="optimizer steps in all, over every resume")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--save-seconds", type=float, default=180)
    parser.add_argument("--validate-seconds", type=float, default=480)
    parsed = parser.parse_args(arguments)
    if parsed.minutes is None and parsed.steps is None:
        parser.error("give --minutes or --steps")
    return parsed


def main(arguments: list[str] | None = None) -> None:
    options = parse_arguments(arguments)
    torch.set_num_threads(options.threads)
    config, settings = load_codec_config(options.config), load_settings(options.settings)
    audio = load_cached(options.data, options.run / "audio.npy", config.sample_rate)
    trainer = Trainer(config, settings, audio, options.device)
    if (options.run / "checkpoint.pt").exists():
        trainer.load(options.run / "checkpoint.pt")
    elif options.start_from:
        trainer.start_from(options.start_from)
    clips = {path.stem: load_clip(path, config.sample_rate) for path in options.validation}
    budget = Budget(options.minutes, options.steps)
    run(trainer, options.run, budget, clips, options.save_seconds, options.validate_seconds)


if __name__ == "__main__":
    main()
