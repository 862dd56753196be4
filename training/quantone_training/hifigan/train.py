"""Train a HiFi-GAN: `python -m quantone_training.hifigan.train --data SHARDS --run FOLDER --minutes 120`.

The same command starts a run and resumes it from the folder's checkpoint, on CPU (bfloat16 autocast) and CUDA. At first
the generator learns from the mel loss alone; then the discriminators join.
"""

from __future__ import annotations

import argparse
import copy
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from ..config import to_mapping
from ..data import CropSampler, load_cached, load_clip
from ..train import Budget, run
from .config import HifiganConfig, load_hifigan_config
from .discriminators import Discriminators
from .features import log_mel
from .generator import Generator
from .losses import adversarial_loss, discriminator_loss, feature_loss
from .settings import HifiganSettings, load_hifigan_settings

BETAS = (0.8, 0.99)


class HifiganTrainer:
    """Generator, moving average, discriminators, optimizers and random state of one run."""

    def __init__(
        self, config: HifiganConfig, settings: HifiganSettings, audio: np.ndarray, device: str = "cpu"
    ) -> None:
        torch.manual_seed(settings.seed)
        self.config, self.settings, self.device = config, settings, torch.device(device)
        self.generator = Generator(config.generator, config.mel.num_mels).to(self.device)
        self.ema = copy.deepcopy(self.generator).eval()
        self.discriminators = Discriminators(settings.period_width, settings.scale_width).to(self.device)
        self.optimizer: torch.optim.Optimizer = torch.optim.AdamW(self.generator.parameters(), lr=0.0, betas=BETAS)
        self.discriminator_optimizer = torch.optim.AdamW(self.discriminators.parameters(), lr=0.0, betas=BETAS)
        self.sampler = CropSampler(audio, settings.crop_frames * config.mel.hop_length)
        self.random = torch.Generator().manual_seed(settings.seed)
        self.step, self.seconds = 0, 0.0

    def autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, dtype=torch.bfloat16)

    @property
    def is_adversarial(self) -> bool:
        return self.step >= self.settings.discriminator_start_step

    def learning_rate(self, progress: float) -> float:
        """Linear warm-up, then a half cosine over the budget."""
        low, high = self.settings.final_learning_rate, self.settings.learning_rate
        warmup = min(1.0, (self.step + 1) / self.settings.warmup_steps)
        return warmup * (low + (high - low) * 0.5 * (1 + math.cos(math.pi * progress)))

    def train_step(self, progress: float) -> dict[str, float]:
        """One step of the discriminators and one of the generator; returns the unweighted losses."""
        for group in [*self.optimizer.param_groups, *self.discriminator_optimizer.param_groups]:
            group["lr"] = self.learning_rate(progress)
        clean = self.sampler.batch(self.settings.batch_size, self.random).to(self.device)
        target = log_mel(clean, self.config.mel)
        with self.autocast():
            generated = self.generator(target)
        terms = {"mel": F.l1_loss(log_mel(generated, self.config.mel), target)}
        values: dict[str, float] = {}
        if self.is_adversarial:
            heard = self._stretch()
            values["discriminator"] = self._learn_to_judge(clean[:, :, heard], generated.detach()[:, :, heard])
            terms.update(self._judge(clean[:, :, heard], generated[:, :, heard]))
        weights = {
            "mel": self.settings.mel_weight,
            "feature": self.settings.feature_weight,
            "adversarial": self.settings.adversarial_weight,
        }
        total = torch.stack([weights[name] * term for name, term in terms.items()]).sum()
        values["norm"] = self._descend(self.optimizer, self.generator, total)
        self.step += 1
        self._update_ema()
        return {**{name: float(term.detach()) for name, term in terms.items()}, **values}

    def _stretch(self) -> slice:
        """The samples of a crop that the discriminators hear in this step."""
        hop, frames = self.config.mel.hop_length, self.settings.judged_frames
        begin = int(torch.randint(self.settings.crop_frames - frames + 1, (1,), generator=self.random)) * hop
        return slice(begin, begin + frames * hop)

    def _learn_to_judge(self, clean: torch.Tensor, generated: torch.Tensor) -> float:
        """One discriminator step; of each discriminator 0.5 says that it sees nothing, 0 that it tells all apart."""
        with self.autocast():
            loss = discriminator_loss(self.discriminators(clean), self.discriminators(generated))
        self._descend(self.discriminator_optimizer, self.discriminators, loss)
        return float(loss.detach())

    def _judge(self, clean: torch.Tensor, generated: torch.Tensor) -> dict[str, torch.Tensor]:
        """The generator's two terms, with discriminators that hold still."""
        self.discriminators.requires_grad_(False)
        with self.autocast():
            with torch.no_grad():
                real = self.discriminators(clean)
            judged = self.discriminators(generated)
        self.discriminators.requires_grad_(True)
        return {"adversarial": adversarial_loss(judged), "feature": feature_loss(real, judged)}

    def _descend(self, optimizer: torch.optim.Optimizer, network: torch.nn.Module, loss: torch.Tensor) -> float:
        """One optimizer step, dropped if its gradient is not finite; returns the gradient's norm."""
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(network.parameters(), self.settings.clip_norm)
        if torch.isfinite(norm):
            optimizer.step()
        return float(norm)

    @torch.no_grad()
    def _update_ema(self) -> None:
        decay = min(self.settings.ema_decay, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(list(self.ema.parameters()), list(self.generator.parameters()), 1 - decay)

    def save(self, path: Path) -> None:
        """Write the checkpoint under another name first, so that a crash leaves the old one whole."""
        state: dict[str, Any] = {
            "generator": self.generator.state_dict(),
            "ema": self.ema.state_dict(),
            "discriminators": self.discriminators.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "discriminator_optimizer": self.discriminator_optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
            "random": self.random.get_state(),
            "torch_rng": torch.get_rng_state(),
            "config": to_mapping(self.config),
            "settings": to_mapping(self.settings),
        }
        partial = path.with_suffix(".partial")
        torch.save(state, partial)
        os.replace(partial, path)

    def load(self, path: Path) -> None:
        """Continue from a checkpoint of the same config."""
        state = torch.load(path, map_location=self.device, weights_only=True)
        self.generator.load_state_dict(state["generator"])
        self.ema.load_state_dict(state["ema"])
        self.discriminators.load_state_dict(state["discriminators"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.discriminator_optimizer.load_state_dict(state["discriminator_optimizer"])
        self.step, self.seconds = state["step"], state["seconds"]
        self.random.set_state(state["random"].cpu())
        torch.set_rng_state(state["torch_rng"].cpu())

    def validate(self, clips: dict[str, np.ndarray]) -> dict[str, Any]:
        """Copy synthesis by the moving average: means over all clips, and each clip's PESQ and STOI."""
        if not clips:
            return {}
        from ..metrics import mean_metrics, measure

        rows = {name: measure(clip, copy_synthesis(self.ema, self.config, clip)) for name, clip in clips.items()}
        each = {name: {"pesq": row["pesq"], "stoi": row["stoi"]} for name, row in rows.items()}
        return {"mean": mean_metrics(list(rows.values())), **each}


@torch.no_grad()
def copy_synthesis(generator: Generator, config: HifiganConfig, clip: np.ndarray) -> np.ndarray:
    """The clip [T] made again from its log-mel; samples behind the last whole frame are zeros."""
    device = next(generator.parameters()).device
    waveform = torch.from_numpy(clip)[None, None].to(device)
    made = generator(log_mel(waveform, config.mel))[0, 0].float().cpu().numpy()
    return np.concatenate([made, np.zeros(max(0, len(clip) - len(made)), np.float32)])[: len(clip)]


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    root = Path(__file__).resolve().parents[3]
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, default=root / "../shared/audio/train", help="folder of .tar shards")
    parser.add_argument("--cache", type=Path, help="decoded audio; default: audio.npy in the run's folder")
    parser.add_argument("--run", type=Path, required=True, help="folder of the run: checkpoint, log")
    parser.add_argument("--config", type=Path, default=root / "codecs/hifi-gan/config-16k.json")
    parser.add_argument("--settings", type=Path, default=root / "training/configs/hifigan-16k.toml")
    parser.add_argument("--validation", type=Path, nargs="*", default=[], help="clips for PESQ and STOI")
    parser.add_argument("--minutes", type=float, help="training time in all, over every resume")
    parser.add_argument("--steps", type=int, help="optimizer steps in all, over every resume")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--save-seconds", type=float, default=180)
    parser.add_argument("--validate-seconds", type=float, default=900)
    parsed = parser.parse_args(arguments)
    if parsed.minutes is None and parsed.steps is None:
        parser.error("give --minutes or --steps")
    return parsed


def main(arguments: list[str] | None = None) -> None:
    options = parse_arguments(arguments)
    torch.set_num_threads(options.threads)
    options.run.mkdir(parents=True, exist_ok=True)
    config, settings = load_hifigan_config(options.config), load_hifigan_settings(options.settings)
    rate = config.mel.sample_rate
    audio = load_cached(options.data, options.cache or options.run / "audio.npy", rate)
    trainer = HifiganTrainer(config, settings, audio, options.device)
    checkpoint = options.run / "checkpoint.pt"
    if checkpoint.exists():
        trainer.load(checkpoint)
    clips = {path.stem: load_clip(path, rate) for path in options.validation}
    budget = Budget(options.minutes, options.steps)
    run(trainer, options.run, budget, clips, options.save_seconds, options.validate_seconds)


if __name__ == "__main__":
    main()
