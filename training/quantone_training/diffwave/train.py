"""Train a DiffWave: `python -m quantone_training.diffwave.train --data SHARDS --run FOLDER --minutes 120`.

The same command starts a run and resumes it from the folder's checkpoint, on CPU (bfloat16 autocast) and CUDA.
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

from ..config import to_mapping
from ..data import CropSampler, load_cached, load_clip
from ..hifigan.features import log_mel
from ..train import Budget, run
from .config import DiffwaveConfig, load_diffwave_config
from .model import Denoiser
from .sampling import sample
from .schedule import signal_levels
from .settings import DiffwaveSettings, load_diffwave_settings


class DiffwaveTrainer:
    """Network, moving average, optimizer and random state of one run."""

    def __init__(
        self, config: DiffwaveConfig, settings: DiffwaveSettings, audio: np.ndarray, device: str = "cpu"
    ) -> None:
        torch.manual_seed(settings.seed)
        self.config, self.settings, self.device = config, settings, torch.device(device)
        self.denoiser = Denoiser(config).to(self.device)
        self.ema = copy.deepcopy(self.denoiser).eval()
        self.optimizer: torch.optim.Optimizer = torch.optim.AdamW(self.denoiser.parameters(), lr=0.0)
        self.sampler = CropSampler(audio, settings.crop_frames * config.mel.hop_length)
        self.levels = torch.from_numpy(signal_levels(config)).float()
        self.random = torch.Generator().manual_seed(settings.seed)
        self.step, self.seconds = 0, 0.0

    def learning_rate(self, progress: float) -> float:
        """Linear warm-up, then a half cosine over the budget."""
        low, high = self.settings.final_learning_rate, self.settings.learning_rate
        warmup = min(1.0, (self.step + 1) / self.settings.warmup_steps)
        return warmup * (low + (high - low) * 0.5 * (1 + math.cos(math.pi * progress)))

    def train_step(self, progress: float) -> dict[str, float]:
        """One optimizer step; returns the mean absolute error of the noise and the gradient's norm."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate(progress)
        clean = self.sampler.batch(self.settings.batch_size, self.random)
        steps = torch.randint(len(self.levels), (len(clean),), generator=self.random)
        noise = torch.randn(clean[:, 0].shape, generator=self.random).to(self.device)
        level = self.levels[steps][:, None].to(self.device)
        clean = clean.to(self.device)
        noisy = level.sqrt() * clean[:, 0] + (1 - level).sqrt() * noise
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
            found = self.denoiser(noisy, log_mel(clean, self.config.mel), steps.float().to(self.device))
        loss = (found.float() - noise).abs().mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.denoiser.parameters(), self.settings.clip_norm)
        if torch.isfinite(norm):
            self.optimizer.step()
        self.step += 1
        self._update_ema()
        return {"noise": float(loss.detach()), "norm": float(norm)}

    @torch.no_grad()
    def _update_ema(self) -> None:
        decay = min(self.settings.ema_decay, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(list(self.ema.parameters()), list(self.denoiser.parameters()), 1 - decay)

    def save(self, path: Path) -> None:
        """Write the checkpoint under another name first, so that a crash leaves the old one whole."""
        state: dict[str, Any] = {
            "denoiser": self.denoiser.state_dict(),
            "ema": self.ema.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
            "random": self.random.get_state(),
            "config": to_mapping(self.config),
            "settings": to_mapping(self.settings),
        }
        partial = path.with_suffix(".partial")
        torch.save(state, partial)
        os.replace(partial, path)

    def load(self, path: Path) -> None:
        """Continue from a checkpoint of the same config."""
        state = torch.load(path, map_location=self.device, weights_only=True)
        self.denoiser.load_state_dict(state["denoiser"])
        self.ema.load_state_dict(state["ema"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds = state["step"], state["seconds"]
        self.random.set_state(state["random"].cpu())

    def validate(self, clips: dict[str, np.ndarray]) -> dict[str, Any]:
        """Copy synthesis by the moving average: means over all clips, and each clip's PESQ and STOI."""
        if not clips:
            return {}
        from ..metrics import mean_metrics, measure

        rows = {name: measure(clip, copy_synthesis(self.ema, self.config, clip)) for name, clip in clips.items()}
        each = {name: {"pesq": row["pesq"], "stoi": row["stoi"]} for name, row in rows.items()}
        return {"mean": mean_metrics(list(rows.values())), **each}


def copy_synthesis(denoiser: Denoiser, config: DiffwaveConfig, clip: np.ndarray, seed: int = 0) -> np.ndarray:
    """The clip [T] made again from its log-mel; what lies behind the last whole frame is zeros."""
    device = next(denoiser.parameters()).device
    mel = log_mel(torch.from_numpy(clip)[None, None].to(device), config.mel)
    made = sample(denoiser, config, mel, torch.Generator().manual_seed(seed))[0].float().cpu().numpy()
    return np.concatenate([made, np.zeros(max(0, len(clip) - len(made)), np.float32)])[: len(clip)]


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    root = Path(__file__).resolve().parents[3]
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, default=root / "../shared/audio/train", help="folder of .tar shards")
    parser.add_argument("--cache", type=Path, help="decoded audio; default: audio.npy in the run's folder")
    parser.add_argument("--run", type=Path, required=True, help="folder of the run: checkpoint, log")
    parser.add_argument("--config", type=Path, default=root / "codecs/diffwave/config-16k.json")
    parser.add_argument("--settings", type=Path, default=root / "training/configs/diffwave-16k.toml")
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
    config, settings = load_diffwave_config(options.config), load_diffwave_settings(options.settings)
    audio = load_cached(options.data, options.cache or options.run / "audio.npy", config.sample_rate)
    trainer = DiffwaveTrainer(config, settings, audio, options.device)
    checkpoint = options.run / "checkpoint.pt"
    if checkpoint.exists():
        trainer.load(checkpoint)
    clips = {path.stem: load_clip(path, config.sample_rate) for path in options.validation}
    budget = Budget(options.minutes, options.steps)
    run(trainer, options.run, budget, clips, options.save_seconds, options.validate_seconds)


if __name__ == "__main__":
    main()
